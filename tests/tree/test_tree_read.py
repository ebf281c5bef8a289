"""Reading a range of a tree agrees with a plain dictionary, reads no more than it must, and hides no damage."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from memory_blobs import MemoryBlobs
from tree_samples import SMALL, Model, bulk, keys, models, one_batch

from shared.errors import BadInput, Corrupt, Missing
from shared.format.node import encode_leaf, encode_node
from shared.repository.blobs import BlobKind
from shared.repository.tree import Batch, Ref, Root, build, count_range, get, leaves, scan, split

quick = settings(deadline=None, max_examples=120)


def flat(batches: list[Batch]) -> list[tuple[bytes, bytes]]:
    assert all(batch[0] for batch in batches)
    return [pair for batch in batches for pair in zip(*batch, strict=True)]


def expected(model: Model, start: bytes, end: bytes, after: bytes = b"") -> list[tuple[bytes, bytes]]:
    return sorted(
        (k, v) for k, v in model.items() if k >= start and (not end or k < end) and (not after or k > after)
    )


@quick
@given(models, keys)
def test_get_finds_what_is_there_and_nothing_else(model: Model, key: bytes) -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch(model))
    for probe in (key, *list(model)[:30]):
        assert get(blobs, root, probe) == model.get(probe)
        assert get(blobs, root, probe + b"\x00") == model.get(probe + b"\x00")


@quick
@given(models, keys, keys, keys)
def test_a_range_holds_what_a_dictionary_holds(model: Model, start: bytes, end: bytes, after: bytes) -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch(model))
    assert flat(list(scan(blobs, root, start, end))) == expected(model, start, end)
    assert flat(list(scan(blobs, root, start, end, after))) == expected(model, start, end, after)
    assert count_range(blobs, root, start, end) == len(expected(model, start, end))


@quick
@given(models, keys, keys)
def test_the_leaves_of_a_range_hold_it_and_are_no_more_than_touch_it(
    model: Model, start: bytes, end: bytes
) -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch(model))
    found, every = list(leaves(blobs, root, start, end)), list(leaves(blobs, root))
    assert [ref.last for ref in found] == sorted(ref.last for ref in found)
    assert sum(ref.count for ref in every) == len(model)
    inside = expected(model, start, end)
    assert sum(ref.count for ref in found) >= len(inside)
    touching = {next(ref for ref in every if ref.last >= key) for key, _ in inside}
    assert touching <= set(found)
    assert len(found) <= len(touching) + 1


@quick
@given(models)
def test_a_scan_resumed_after_any_key_goes_on_where_it_stopped(model: Model) -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch(model))
    whole = flat(list(scan(blobs, root)))
    for at in range(0, len(whole), 37):
        assert flat(list(scan(blobs, root, after=whole[at][0]))) == whole[at + 1 :]


def wide() -> tuple[MemoryBlobs, Root, Model]:
    blobs, model = MemoryBlobs(), {b"%06d" % n: b"v" * (n % 30) for n in range(20_000)}
    root = build(blobs, SMALL, one_batch(model))
    assert root.level >= 4
    blobs.forget()
    return blobs, root, model


def test_a_point_costs_one_blob_per_level() -> None:
    blobs, root, model = wide()
    assert get(blobs, root, b"012345") == model[b"012345"]
    assert len(blobs.reads) == root.level + 1
    blobs.forget()
    assert get(blobs, root, b"9") is None
    assert len(blobs.reads) == 1


def test_a_scan_is_lazy_and_reads_only_its_range() -> None:
    blobs, root, _ = wide()
    next(scan(blobs, root))
    assert len(blobs.reads) == root.level + 1
    blobs.forget()
    assert len(flat(list(scan(blobs, root, b"010000", b"010010")))) == 10
    assert blobs.count_reads(BlobKind.LEAF) <= 6


def test_counting_a_range_reads_its_two_ends_only() -> None:
    blobs, root, _ = wide()
    assert count_range(blobs, root, b"000010", b"019990") == 19_980
    assert blobs.count_reads(BlobKind.LEAF) <= 2
    assert len(blobs.reads) <= 2 * (root.level + 1)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 100])
def test_a_split_is_into_equal_parts_and_reads_no_leaf(n: int) -> None:
    blobs, root, model = wide()
    cuts = split(blobs, root, n)
    assert blobs.count_reads(BlobKind.LEAF) == 0
    assert len(cuts) == n - 1
    assert set(cuts) < set(model)
    bounds = [b"", *cuts, b""]
    parts = [sum(len(k) + len(v) for k, v in expected(model, a, b)) for a, b in pairwise(bounds)]
    assert sum(parts) == root.size
    assert max(abs(part - root.size / n) for part in parts) < 2 * (SMALL.max + 40)


@quick
@given(models)
def test_a_split_of_any_tree_is_ascending_and_leaves_no_part_but_the_first_empty(model: Model) -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch(model))
    for n in (1, 2, 5, 1000):
        bounds = [*split(blobs, root, n), b""]
        assert len(bounds) <= n
        assert all(expected(model, a, b) for a, b in pairwise(bounds))


def test_splitting_into_no_parts_is_refused() -> None:
    blobs, root, _ = wide()
    with pytest.raises(BadInput):
        split(blobs, root, 0)


def test_a_missing_or_damaged_blob_is_an_error_and_never_an_empty_range() -> None:
    blobs, root, _ = wide()
    for ref in list(leaves(blobs, root, b"010000", b"010010"))[:1]:
        data = blobs.data.pop(ref.id)
        with pytest.raises(Missing):
            list(scan(blobs, root))
        blobs.data[ref.id] = data[:-1] + bytes((data[-1] ^ 1,))
        with pytest.raises(Corrupt):
            list(scan(blobs, root))


def test_a_blob_that_contradicts_its_parent_is_an_error() -> None:
    blobs = MemoryBlobs()
    leaf = blobs.put(BlobKind.LEAF, encode_leaf([b"a", b"b"], [b"1", b"2"]))
    true = Ref(b"b", leaf, 2, 4)
    for ref in (true._replace(last=b"c"), true._replace(count=1), true._replace(size=5)):
        root = Root(blobs.put(BlobKind.NODE, encode_node(1, [ref])), 1, ref.count, ref.size)
        with pytest.raises(Corrupt):
            list(scan(blobs, root))
    node = blobs.put(BlobKind.NODE, encode_node(1, [true]))
    assert flat(list(scan(blobs, Root(node, 1, 2, 4)))) == [(b"a", b"1"), (b"b", b"2")]
    for root in (Root(node, 2, 2, 4), Root(node, 1, 3, 4), Root(node, 1, 2, 3), Root(leaf, 0, 1, 4)):
        with pytest.raises(Corrupt):
            list(scan(blobs, root))


def test_reading_the_leaves_of_one_leaf_and_of_none() -> None:
    blobs = MemoryBlobs()
    empty, one = build(blobs, SMALL, []), build(blobs, SMALL, [([b"b"], [b"1"])])
    assert list(leaves(blobs, empty)) == []
    assert list(leaves(blobs, one)) == [Ref(b"b", one.id, 1, 2)]
    assert list(leaves(blobs, one, b"c")) == list(leaves(blobs, one, b"", b"b")) == []
    assert count_range(blobs, empty) == 0
    assert split(blobs, empty, 5) == split(blobs, one, 5) == []


def test_no_key_reaches_an_error_message() -> None:
    blobs, model = MemoryBlobs(), bulk(1, 200) | {b"secret-key": b"secret-value"}
    root = build(blobs, SMALL, one_batch(model))
    leaf = next(leaves(blobs, root, b"secret-key"))
    del blobs.data[leaf.id]
    with pytest.raises(Missing) as caught:
        get(blobs, root, b"secret-key")
    assert "secret" not in str(caught.value)
