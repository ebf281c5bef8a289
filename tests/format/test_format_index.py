"""The index finds every blob it was given and no other, however it came by them; its object is strict."""

from __future__ import annotations

import struct
from random import Random

import pytest
from format_vectors import sealer
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Corrupt, Missing
from shared.format import index as index_module
from shared.format.index import Index, Packs, encode_index, parse_index, row_of
from shared.format.pack import PackEntry

SEALER = sealer(encrypt=True, compress=False)

# Ids that share their first four or eight bytes, which look-ups go by, and the ends of the range.
ids = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=28, max_size=28).map(lambda tail: bytes(4) + tail),
    st.binary(min_size=1, max_size=1).map(lambda tail: b"\xff" * 31 + tail),
    st.binary(min_size=1, max_size=1).map(lambda tail: bytes(31) + tail),
)


def row(blob_id: bytes, pack: bytes = b"p" * 32, offset: int = 8, base: bytes = b"") -> bytes:
    return row_of(pack, PackEntry(blob_id, 1, offset, 10, 20, base))


@given(groups=st.lists(st.sets(ids, max_size=12), max_size=12), absent=st.sets(ids))
def test_what_was_added_is_found_and_nothing_else(groups: list[set[bytes]], absent: set[bytes]) -> None:
    index, model = Index(), {}
    for number, group in enumerate(groups):
        pack = bytes([number]) * 32
        rows = [row(blob_id, pack, 8 + position) for position, blob_id in enumerate(sorted(group))]
        (index.add if number % 2 else index.add_recent)([Packs(pack, 1000)], rows)
        for position, blob_id in enumerate(sorted(group)):
            model.setdefault(blob_id, set()).add((pack, 8 + position))
    for blob_id, places in model.items():
        found = {(place.pack, place.offset) for place in index.find(blob_id)}
        assert blob_id in index
        assert found <= places
        assert found or not places
    for blob_id in absent - model.keys():
        assert blob_id not in index
        assert index.find(blob_id) == []


@pytest.mark.parametrize("objects", [1, 7, 300])
def test_many_objects_merge_into_few_runs(objects: int) -> None:
    random, index, everything = Random(3), Index(), []
    for number in range(objects):
        part = [random.randbytes(32) for _ in range(3000 // objects)]
        everything += part
        index.add(
            [Packs(struct.pack(">I28x", number + 1), 99)],
            sorted(row(blob_id, struct.pack(">I28x", number + 1)) for blob_id in part),
        )
    assert len(index) == len(everything)
    assert all(index.find(blob_id)[0].length == 10 for blob_id in everything)
    assert sorted(index.rows()) == sorted(set(index.rows()))
    assert len(index._runs) <= 10


def test_runs_stop_merging_at_their_limit() -> None:
    random, index = Random(3), Index()
    limit, rows = index_module.MERGE_ROWS, []
    pack = [Packs(b"p" * 32, 1 << 20)]
    for _ in range(5):
        rows = sorted(row(random.randbytes(32)) for _ in range(limit // 3))
        index.add(pack, rows)
    assert len(index) == 5 * (limit // 3)
    assert max(len(run) for run in index._runs) <= limit
    assert all(one[:32] in index for one in rows[::997])


def test_a_blob_in_two_packs_has_two_places() -> None:
    index, blob_id = Index(), b"b" * 32
    index.add([Packs(b"p" * 32, 99)], [row(blob_id, b"p" * 32)])
    index.add([Packs(b"q" * 32, 99)], [row(blob_id, b"q" * 32)])
    index.add([Packs(b"q" * 32, 99)], [row(blob_id, b"q" * 32)])
    assert {place.pack for place in index.find(blob_id)} == {b"p" * 32, b"q" * 32}


def test_a_prefix_is_completed_to_the_id_that_has_it() -> None:
    index = Index()
    index.add([Packs(b"p" * 32, 99)], [row(b"b" * 32)])
    index.add_recent([Packs(b"p" * 32, 99)], [row(b"c" * 32, base=b"b" * 32)])
    assert index.complete(b"b" * 8) == b"b" * 32
    assert index.complete(b"c" * 8) == b"c" * 32
    assert index.complete(b"b" * 7 + b"c") is None
    assert index.find(b"c" * 32)[0].base_prefix == b"b" * 8
    assert index.find(b"b" * 32)[0].base_prefix == b""


def test_indexes_that_contradict_each_other_are_damage() -> None:
    index = Index()
    index.add([Packs(b"p" * 32, 99)], [])
    for other in (Packs(b"p" * 32, 98), Packs(b"p" * 31 + b"q", 99)):
        with pytest.raises(Corrupt, match="contradict"):
            index.add([other], [])


def test_a_row_without_its_pack_is_named() -> None:
    index = Index()
    index.add([], [row(b"b" * 32)])
    with pytest.raises(Missing, match="pack"):
        index.find(b"b" * 32)


def test_an_object_comes_back_sorted_and_whole() -> None:
    random = Random(1)
    packs = [Packs(random.randbytes(32), size) for size in (0, 1, 2**40)]
    rows = [row(random.randbytes(32), random.choice(packs).id) for _ in range(500)]
    assert parse_index(encode_index(packs, rows, SEALER), SEALER, "index") == (sorted(packs), sorted(rows))
    assert parse_index(encode_index([], [], SEALER), SEALER, "index") == ([], [])


def sealed(
    packs: list[Packs], rows: list[bytes], counts: tuple[int, int] | None = None, tail: bytes = b""
) -> bytes:
    table = b"".join(struct.pack("<32sQ", *pack) for pack in packs)
    plain = struct.pack("<II", *(counts or (len(packs), len(rows)))) + table + b"".join(rows) + tail
    return index_module.MAGIC + SEALER.seal_metadata(index_module.LABEL, plain)


P, Q = Packs(b"p" * 32, 1), Packs(b"q" * 32, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"FKINDEX\x02" + bytes(50),
        sealed([Q, P], []),
        sealed([P, P], []),
        sealed([P], [row(b"b" * 32), row(b"a" * 32)]),
        sealed([P], [row(b"b" * 32), row(b"b" * 32)]),
        sealed([Q], [row(b"b" * 32)]),
        sealed([P], [row(b"b" * 32)], (1, 2)),
        sealed([P], [row(b"b" * 32)], (2**32 - 1, 2**32 - 1)),
        sealed([P], [row(b"b" * 32)], tail=b"\0"),
        index_module.MAGIC + SEALER.seal_metadata(index_module.LABEL, b"\0\0\0"),
        index_module.MAGIC + SEALER.seal_metadata(b"another label", bytes(8)),
    ],
)
def test_an_object_that_is_not_exactly_right_is_damage(data: bytes) -> None:
    with pytest.raises(Corrupt, match="the index"):
        parse_index(data, SEALER, "the index")
