"""The same entries give the same root, however they came together, and the tree holds exactly them."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_blobs import MemoryBlobs
from tree_samples import SMALL, Model, bulk, chance_edits, edited, in_batches, models, one_batch

from shared.errors import BadInput
from shared.format.node import encode_leaf
from shared.repository.blobs import BlobKind
from shared.repository.tree import (
    Chunking,
    Ref,
    Root,
    Run,
    build,
    build_run,
    decode_run,
    edit,
    encode_run,
    join,
    scan,
    verify,
)

seeds = st.integers(0, 1 << 32)
quick = settings(deadline=None, max_examples=120)


def content(blobs: MemoryBlobs, root: Root) -> Model:
    return {k: v for keys, values in scan(blobs, root) for k, v in zip(keys, values, strict=True)}


def check(blobs: MemoryBlobs, root: Root, model: Model) -> None:
    """The tree holds the model in order, its root tells its size, and nothing in it contradicts itself."""
    order = [key for keys, _ in scan(blobs, root) for key in keys]
    assert order == sorted(model)
    assert content(blobs, root) == model
    assert (root.count, root.size) == (len(model), sum(len(k) + len(v) for k, v in model.items()))
    assert list(verify(blobs, root, True, blobs.holds)) == []


@quick
@given(models, seeds)
def test_batches_of_any_size_give_the_root_of_one_batch(model: Model, seed: int) -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch(model))
    check(blobs, root, model)
    assert build(blobs, SMALL, in_batches(model, Random(seed))) == root
    assert build(blobs, SMALL, in_batches(model, Random(seed)), like=root) == root


@quick
@given(models, st.lists(seeds, max_size=8), seeds)
def test_runs_cut_anywhere_join_to_the_root_of_one_stream(model: Model, cuts: list[int], seed: int) -> None:
    blobs, random = MemoryBlobs(), Random(seed)
    order = sorted(model)
    ends = [0, *sorted(cut % (len(order) + 1) for cut in cuts), len(order)]
    parts = [{key: model[key] for key in order[a:b]} for a, b in pairwise(ends)]
    runs = [build_run(blobs, SMALL, in_batches(part, random)) for part in parts]
    assert join(blobs, SMALL, [decode_run(encode_run(run)) for run in runs]) == build(
        blobs, SMALL, one_batch(model)
    )


@quick
@given(models, seeds, st.integers(0, 120))
def test_edits_give_the_root_of_a_fresh_build(model: Model, seed: int, n: int) -> None:
    blobs = MemoryBlobs()
    edits = chance_edits(model, Random(seed), n)
    root = edit(blobs, SMALL, build(blobs, SMALL, one_batch(model)), sorted(edits.items()))
    check(blobs, root, edited(model, edits))
    assert root == build(blobs, SMALL, one_batch(edited(model, edits)))


@quick
@given(models, seeds, st.integers(1, 12))
def test_edits_in_any_grouping_give_the_same_root(model: Model, seed: int, groups: int) -> None:
    blobs, random = MemoryBlobs(), Random(seed)
    edits = chance_edits(model, random, 60)
    root = before = build(blobs, SMALL, one_batch(model))
    group_of = {key: random.randrange(groups) for key in edits}
    for group in range(groups):
        root = edit(blobs, SMALL, root, sorted((k, v) for k, v in edits.items() if group_of[k] == group))
    assert root == edit(blobs, SMALL, before, sorted(edits.items()))


@quick
@given(models, seeds)
def test_deleting_everything_gives_the_empty_tree_and_inserting_it_again_the_old_one(
    model: Model, seed: int
) -> None:
    blobs, random = MemoryBlobs(), Random(seed)
    full, empty = build(blobs, SMALL, one_batch(model)), build(blobs, SMALL, [])
    order = list(model)
    random.shuffle(order)
    root = full
    for at in range(0, len(order), 97):
        root = edit(blobs, SMALL, root, [(key, None) for key in sorted(order[at : at + 97])])
    assert root == empty
    for at in range(0, len(order), 61):
        root = edit(blobs, SMALL, root, [(key, model[key]) for key in sorted(order[at : at + 61])])
    assert root == full


def test_many_edits_between_two_entries_and_behind_the_last_one_are_made() -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch({b"a": b"1", b"m": b"2"}))
    many = {b"%s%06d" % (head, n): b"x" * (n % 40) for head in (b"b", b"z") for n in range(3000)}
    assert edit(blobs, SMALL, root, sorted(many.items())) == build(
        blobs, SMALL, one_batch(many | {b"a": b"1", b"m": b"2"})
    )


def test_an_entry_of_a_mebibyte_among_small_ones_is_kept_whole() -> None:
    blobs = MemoryBlobs()
    model = bulk(5, 300) | {b"b" * n: bytes((n,)) * (1 << 20) for n in range(1, 4)}
    chunking = Chunking(seed=1)
    check(blobs, build(blobs, chunking, one_batch(model)), model)


def test_a_changed_option_or_seed_changes_the_cuts() -> None:
    blobs, model = MemoryBlobs(), bulk(1, 800)
    roots = {
        build(blobs, chunking, one_batch(model)).id
        for chunking in (SMALL, Chunking(seed=1), Chunking(2, 121, 32, 400))
    }
    assert len(roots) == 3


def test_the_empty_tree_is_one_leaf_without_entries() -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, [([], []), ([], [])])
    assert (root.level, root.count, root.size) == (0, 0, 0)
    assert root == join(blobs, SMALL, [Run([], True, b"")]) == join(blobs, SMALL, [])
    check(blobs, root, {})


@pytest.mark.parametrize(
    "batches",
    [
        [([b"a", b"a"], [b"", b""])],
        [([b"b", b"a"], [b"", b""])],
        [([b"a", b"b"], [b"", b""]), ([b"b"], [b""])],
        [([b"a"], [b""]), ([], []), ([b"a"], [b""])],
        [([b""], [b""])],
        [([b"a", b"b"], [b""])],
    ],
)
def test_entries_out_of_order_repeated_or_without_key_or_value_are_refused(
    batches: list[tuple[list[bytes], list[bytes]]],
) -> None:
    with pytest.raises(BadInput):
        build(MemoryBlobs(), SMALL, batches)


@pytest.mark.parametrize("keys", [[b"b", b"a"], [b"a", b"a"], [b""], [b"x", b"y", b"y"]])
@pytest.mark.parametrize("value", [b"", None])
def test_edits_out_of_order_or_repeated_are_refused(keys: list[bytes], value: bytes | None) -> None:
    blobs = MemoryBlobs()
    root = build(blobs, SMALL, one_batch(bulk(1, 50)))
    with pytest.raises(BadInput):
        edit(blobs, SMALL, root, [(key, value) for key in keys])


def test_runs_that_overlap_or_are_out_of_order_are_refused() -> None:
    blobs, model = MemoryBlobs(), bulk(3, 300)
    order = sorted(model)

    def run(a: int, b: int) -> Run:
        return build_run(blobs, SMALL, one_batch({key: model[key] for key in order[a:b]}))

    for pair in ((run(0, 100), run(99, 200)), (run(100, 200), run(0, 100)), (run(0, 100), run(0, 100))):
        with pytest.raises(BadInput):
            join(blobs, SMALL, pair)


def test_runs_that_share_a_key_at_a_cut_are_refused() -> None:
    blobs = MemoryBlobs()
    whole = build_run(blobs, SMALL, one_batch(bulk(3, 300)))
    shared = whole.refs[1].last
    overlap = blobs.put(BlobKind.LEAF, encode_leaf([shared, b"\xff" * 20], [b"", b""]))
    behind = Run([Ref(b"\xff" * 20, overlap, 2, len(shared) + 20)], True, shared)
    with pytest.raises(BadInput):
        join(blobs, SMALL, [Run(whole.refs[:2], True, whole.first), behind])


def generated(n: int) -> Model:
    """Entries that are the same on every machine and release."""
    stream = blake3(b"a generated tree").digest(length=40 * n)
    rows = (stream[at : at + 40] for at in range(0, len(stream), 40))
    return {b"cities\x00" + row[:8]: row[8:] * (row[0] % 32) for row in rows}


@pytest.mark.parametrize(
    ("chunking", "n", "expected"),
    [
        (
            Chunking(seed=42),
            6000,
            ("378e1d2c723dccf438d66237d888aa2e4472e24bc85d0776ebee19ec5b2cf173", 1, 6000, 3060752),
        ),
        (SMALL, 3000, ("ff706386820c705ba7c81b5691e79156ba6df58c9d8b4c9c7e421a6f6f089ba1", 7, 3000, 1535656)),
    ],
)
def test_the_root_of_a_generated_tree_is_what_it_always_was(
    chunking: Chunking, n: int, expected: tuple[str, int, int, int]
) -> None:
    root = build(MemoryBlobs(), chunking, one_batch(generated(n)))
    assert (root.id.hex(), root.level, root.count, root.size) == expected
