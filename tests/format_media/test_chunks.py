"""Files are cut where their content says: the same however they arrive, and found again when they shift."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.format.chunks import LEAST, MOST, cut

DATA = Random(20260329).randbytes(24 << 20)
MIB = 1 << 20


def spans(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = number = 0
    while at < len(data):
        size = sizes[number % len(sizes)]
        yield data[at : at + size]
        at, number = at + size, number + 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 9 * MIB), min_size=1, max_size=4), st.integers(0, 20 * MIB))
def test_a_file_is_cut_the_same_however_it_arrives(sizes: list[int], length: int) -> None:
    sizes = [max(size, 100_000) for size in sizes]
    data = DATA[:length]
    whole = list(cut([data] if data else [], 7))
    assert list(cut(spans(data, sizes), 7)) == whole
    assert b"".join(whole) == data


def test_chunks_keep_their_bounds_and_are_about_a_mebibyte() -> None:
    found = [len(chunk) for chunk in cut(spans(DATA, [8 * MIB]), 7)]
    assert all(LEAST <= size <= MOST for size in found[:-1])
    assert 0 < found[-1] <= MOST
    assert 0.7 * MIB < len(DATA) / len(found) < 1.7 * MIB


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(LEAST), bytes(LEAST + 1), bytes(MOST), bytes(9 * MIB), b"ab" * 5 * MIB]
)
def test_dull_content_is_cut_within_the_bounds_too(data: bytes) -> None:
    found = list(cut(spans(data, [MIB]), 7))
    assert b"".join(found) == data
    assert all(0 < len(chunk) <= MOST for chunk in found)
    assert len(found) <= len(data) // LEAST + 1


def test_shifted_content_is_found_again() -> None:
    before = set(cut([DATA], 7))
    for changed in (
        b"inserted" + DATA,
        DATA[:9_000_000] + b"x" + DATA[9_000_000:],
        DATA + b"more",
        DATA[1000:],
    ):
        after = list(cut(spans(changed, [8 * MIB]), 7))
        assert sum(len(chunk) for chunk in after if chunk not in before) <= 3 * MOST
        assert len([chunk for chunk in after if chunk in before]) >= len(before) - 4


@pytest.mark.parametrize("seed", [0, 1, 1 << 63, (1 << 64) - 1])
def test_another_repository_cuts_elsewhere(seed: int) -> None:
    assert not {*cut([DATA], 7)} & {*list(cut([DATA], seed))[:-1]}


def test_cuts_stay_where_they_are_whatever_becomes_of_the_library() -> None:
    """Elsewhere, the next backup would store every file again."""
    found = [len(chunk) for chunk in cut([Random(20260329).randbytes(8 * MIB)], 7)]
    assert found == [696701, 997854, 1111594, 1088616, 1323565, 1412573, 1306971, 450734]
