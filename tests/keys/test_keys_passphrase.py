"""A passphrase keyring: its cost is stored, bounded before use, and unicode spellings do not lock anyone out."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from shared.errors import BadInput, Denied
from shared.keys.passphrase import DEFAULT_COST, Passphrase, read_passphrase

MASTER = bytes(range(32))


def ring(phrase: str = "correct horse", cost: int = 16) -> Passphrase:
    return Passphrase(phrase, os.urandom, cost)


def test_the_default_cost_is_the_one_promised_and_opens_again() -> None:
    wrapped = Passphrase("correct horse", os.urandom).wrap(MASTER, b"here")
    assert {name: wrapped.parameters[name] for name in "nrp"} == {"n": 1 << 17, "r": 8, "p": 1}
    assert DEFAULT_COST == 1 << 17
    assert ring().unwrap(wrapped, b"here") == MASTER


def test_the_stored_cost_counts_not_the_rings_own() -> None:
    assert ring(cost=32).unwrap(ring(cost=16).wrap(MASTER, b"here"), b"here") == MASTER


def test_both_normal_forms_of_a_phrase_open() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Überfluß naïve ﬁ") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert ring(decomposed).unwrap(ring(composed).wrap(MASTER, b"here"), b"here") == MASTER


@pytest.mark.parametrize("phrase", ["", "  ", "\n", "\ud800"])
def test_an_empty_or_broken_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(BadInput):
        ring(phrase)


@pytest.mark.parametrize(
    "change",
    [
        {"n": 1 << 40},
        {"n": 1 << 21},
        {"n": 0},
        {"n": 1},
        {"n": -16},
        {"n": 100},
        {"n": "16"},
        {"n": True},
        {"r": 0},
        {"r": 1 << 20},
        {"p": 0},
        {"p": 1 << 20},
        {"n": 1 << 20, "r": 16},
        {"salt": ""},
        {"salt": "!!!!"},
        {"salt": "AAAA"},
        {"salt": 7},
        {"more": 1},
    ],
)
def test_absurd_parameters_are_refused_before_they_cost_anything(change: dict[str, str | int]) -> None:
    wrapped = ring().wrap(MASTER, b"here")
    started = monotonic()
    with pytest.raises(BadInput):
        ring().unwrap(replace(wrapped, parameters={**wrapped.parameters, **change}), b"here")
    assert monotonic() - started < 1


def test_a_passphrase_file_is_one_private_line(tmp_path: Path) -> None:
    path = tmp_path / "phrase"
    for text in (" correct horse ", " correct horse \n", " correct horse \r\n"):
        path.write_bytes(text.encode())
        path.chmod(0o600)
        assert read_passphrase(path) == " correct horse "
    for data in (b"two\nlines\n", b"\xff\xfe", b"x" * 5000):
        path.write_bytes(data)
        with pytest.raises(BadInput):
            read_passphrase(path)
    path.chmod(0o644)
    with pytest.raises(Denied):
        read_passphrase(path)
