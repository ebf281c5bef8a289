"""The difference of two trees: exact, ascending, and at the cost of what differs."""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_blobs import MemoryBlobs
from tree_samples import SMALL, Model, bulk, chance_edits, edited, keys, models, one_batch

from shared.errors import Missing
from shared.repository.blobs import BlobKind
from shared.repository.tree import Change, Chunking, Root, build, diff, edit, leaves

quick = settings(deadline=None, max_examples=150)


def expected(a: Model, b: Model, start: bytes = b"", end: bytes = b"") -> list[Change]:
    both = sorted(key for key in a.keys() | b.keys() if key >= start and (not end or key < end))
    return [Change(key, a.get(key), b.get(key)) for key in both if a.get(key) != b.get(key)]


@quick
@given(models, models)
def test_the_difference_of_unrelated_trees_is_that_of_dictionaries(a: Model, b: Model) -> None:
    blobs = MemoryBlobs()
    old, new = build(blobs, SMALL, one_batch(a)), build(blobs, SMALL, one_batch(b))
    assert list(diff(blobs, old, new)) == expected(a, b)
    assert list(diff(blobs, new, old)) == expected(b, a)
    assert list(diff(blobs, old, old)) == []


@quick
@given(models, st.integers(0, 1 << 32), st.integers(0, 60), keys, keys)
def test_the_difference_of_related_trees_is_that_of_dictionaries(
    a: Model, seed: int, n: int, start: bytes, end: bytes
) -> None:
    blobs = MemoryBlobs()
    b = edited(a, chance_edits(a, Random(seed), n))
    old, new = build(blobs, SMALL, one_batch(a)), build(blobs, SMALL, one_batch(b))
    assert list(diff(blobs, old, new)) == expected(a, b)
    assert list(diff(blobs, old, new, start, end)) == expected(a, b, start, end)


@quick
@given(models, models)
def test_the_difference_applied_as_edits_makes_the_other_tree(a: Model, b: Model) -> None:
    blobs = MemoryBlobs()
    old, new = build(blobs, SMALL, one_batch(a)), build(blobs, SMALL, one_batch(b))
    assert edit(blobs, SMALL, old, ((key, value) for key, _, value in diff(blobs, old, new))) == new


@quick
@given(models, models)
def test_trees_cut_by_other_options_compare_by_content(a: Model, b: Model) -> None:
    blobs = MemoryBlobs()
    other = Chunking(seed=1, target=900, min=100, max=3000, fanout=3, min_fanout=2, max_fanout=4)
    old, new = build(blobs, SMALL, one_batch(a)), build(blobs, other, one_batch(b))
    assert list(diff(blobs, old, new)) == expected(a, b)
    assert list(diff(blobs, old, build(blobs, other, one_batch(a)))) == []


def wide(n: int = 30_000) -> tuple[MemoryBlobs, Root, Model]:
    blobs, model = MemoryBlobs(), {b"%06d" % i: b"v" * (i % 30) for i in range(n)}
    return blobs, build(blobs, SMALL, one_batch(model)), model


def leaf_count(blobs: MemoryBlobs, root: Root) -> int:
    return sum(1 for _ in leaves(blobs, root))


def read_diff(blobs: MemoryBlobs, a: Root, b: Root) -> tuple[int, int]:
    """Leaves and nodes read for a whole difference."""
    blobs.forget()
    list(diff(blobs, a, b))
    return blobs.count_reads(BlobKind.LEAF), blobs.count_reads(BlobKind.NODE)


def test_scattered_changes_cost_a_leaf_a_side_each() -> None:
    blobs, root, model = wide()
    changed = Random(3).sample(sorted(model), 40)
    new = edit(blobs, SMALL, root, [(key, b"w" * len(model[key])) for key in sorted(changed)])
    read, nodes = read_diff(blobs, root, new)
    assert read <= 2 * 40
    assert nodes <= 2 * 40 * root.level
    assert leaf_count(blobs, root) > 2000


def test_insertions_and_deletions_that_move_cuts_stay_local() -> None:
    blobs, root, model = wide()
    random = Random(4)
    edits: dict[bytes, bytes | None] = {key + b"x": b"w" * 50 for key in random.sample(sorted(model), 20)}
    edits |= dict.fromkeys(random.sample(sorted(model), 20))
    new = edit(blobs, SMALL, root, sorted(edits.items()))
    read, nodes = read_diff(blobs, root, new)
    assert read <= 8 * 40
    assert nodes <= 4 * 40 * root.level


@pytest.mark.parametrize("at", [0, 15_000, 27_000])
def test_a_block_deleted_anywhere_costs_the_block_only(at: int) -> None:
    blobs, root, model = wide()
    block = sorted(model)[at : at + 3000]
    new = edit(blobs, SMALL, root, [(key, None) for key in block])
    per_leaf = root.count / leaf_count(blobs, root)
    for a, b in ((root, new), (new, root)):
        read, _ = read_diff(blobs, a, b)
        assert read < 3000 / per_leaf + 30


def test_a_tree_grown_in_height_still_shares_what_it_shares() -> None:
    blobs, root, model = wide(2000)
    grown = build(blobs, SMALL, one_batch(model | {b"x%06d" % i: b"" for i in range(30_000)}))
    assert grown.level > root.level
    blobs.forget()
    list(diff(blobs, root, grown, end=b"x"))
    assert blobs.count_reads(BlobKind.LEAF) < 10


def test_equal_trees_are_not_read_at_all() -> None:
    blobs, root, _ = wide(1000)
    assert read_diff(blobs, root, root) == (0, 0)


def test_changes_come_as_they_are_found() -> None:
    blobs, root, _ = wide()
    empty = build(blobs, SMALL, [])
    blobs.forget()
    assert len(list(islice(diff(blobs, empty, root), 3))) == 3
    assert len(blobs.reads) <= root.level + 4


def test_a_leaf_that_is_missing_where_trees_differ_is_an_error() -> None:
    blobs, root, _ = wide(2000)
    new = edit(blobs, SMALL, root, [(b"000500", b"changed")])
    del blobs.data[next(leaves(blobs, root, b"000500")).id]
    with pytest.raises(Missing):
        list(diff(blobs, root, new))


def test_keys_that_are_prefixes_of_each_other_are_told_apart() -> None:
    blobs = MemoryBlobs()
    a, b = {b"a" * n: b"" for n in range(1, 300)}, {b"a" * n: b"" for n in range(1, 300, 2)}
    a |= bulk(1, 100)
    old, new = build(blobs, SMALL, one_batch(a)), build(blobs, SMALL, one_batch(b))
    assert list(diff(blobs, old, new)) == expected(a, b)
