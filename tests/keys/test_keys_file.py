"""A key file is made once, kept private, and named when it is wrong."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from shared.errors import BadInput, Conflict, Denied, NotFound
from shared.keys.local import KeyFile, create_key_file

MASTER = bytes(32)


def test_a_key_file_is_one_line_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_key_file(path, lambda length: bytes(range(length)))
    expected = "firekeep-key-1 " + base64.b64encode(bytes(range(32))).decode() + "\n"
    assert path.read_text() == expected
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_key_file(path, os.urandom)
    before = path.read_bytes()
    with pytest.raises(Conflict):
        create_key_file(path, os.urandom)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    create_key_file(path, os.urandom)
    path.chmod(mode)
    with pytest.raises(Denied, match="chmod 600"):
        KeyFile(path, os.urandom).wrap(MASTER, b"here")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "firekeep-key-1 ",
        "firekeep-key-2 " + "A" * 43 + "=",
        "A" * 44,
        "firekeep-key-1 AAAA",
        "\xff" * 50,
        "x" * 999,
    ],
)
def test_what_is_no_key_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(BadInput, match="not a firekeep key file"):
        KeyFile(path, os.urandom).wrap(MASTER, b"here")


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="absent"):
        KeyFile(tmp_path / "absent", os.urandom).wrap(MASTER, b"here")
    with pytest.raises(NotFound, match="folder"):
        create_key_file(tmp_path / "absent" / "key", os.urandom)


def test_no_error_shows_the_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_key_file(path, os.urandom)
    secret = path.read_text().split()[1]
    path.chmod(0o644)
    with pytest.raises(Denied) as caught:
        KeyFile(path, os.urandom).wrap(MASTER, b"here")
    assert secret not in str(caught.value)
