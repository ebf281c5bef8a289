"""What building and editing read and write, and which older blob each new one is said to resemble."""

from __future__ import annotations

from random import Random

import pytest
from memory_blobs import MemoryBlobs
from tree_samples import SMALL, Model, one_batch

from shared.errors import Missing
from shared.repository.blobs import BlobKind
from shared.repository.tree import Chunking, Root, build, build_run, edit, join, leaves, scan

MEDIUM = Chunking(seed=17, target=1024, min=256, max=4096, fanout=16, min_fanout=4, max_fanout=64)


def large() -> tuple[MemoryBlobs, Root, Model]:
    blobs, model = MemoryBlobs(), {b"%07d" % n: b"v" * (n % 30) for n in range(100_000)}
    root = build(blobs, MEDIUM, one_batch(model))
    assert root.level >= 3
    assert sum(1 for _ in leaves(blobs, root)) > 1500
    blobs.forget()
    return blobs, root, model


@pytest.mark.parametrize("key", [b"", b"0000000", b"0050000", b"0099999", b"0050000x", b"9"])
@pytest.mark.parametrize("value", [b"changed", None])
def test_one_edit_reads_and_writes_a_handful_of_blobs(key: bytes, value: bytes | None) -> None:
    blobs, root, model = large()
    key = key or b"\x00"
    after = {k: v for k, v in (model | {key: value}).items() if v is not None}
    new = edit(blobs, MEDIUM, root, [(key, value)])
    assert blobs.count_reads(BlobKind.LEAF) <= 5
    assert blobs.count_reads(BlobKind.NODE) <= 2 * root.level + 3
    assert len(blobs.puts) <= 2 * root.level + 6
    assert new == build(MemoryBlobs(), MEDIUM, one_batch(after))


def test_scattered_edits_read_about_a_leaf_each() -> None:
    blobs, root, model = large()
    chosen = sorted(Random(6).sample(sorted(model), 50))
    edit(blobs, MEDIUM, root, [(key, model[key][:-1] + b"!") for key in chosen])
    assert blobs.count_reads(BlobKind.LEAF) <= 2 * 50


def test_no_edits_read_and_write_nothing() -> None:
    blobs, root, _ = large()
    assert edit(blobs, MEDIUM, root, []) == root
    assert not blobs.reads
    assert not blobs.puts


def test_joining_runs_reads_a_few_leaves_at_each_seam() -> None:
    blobs, root, model = large()
    order = sorted(model)
    runs = [
        build_run(blobs, MEDIUM, one_batch({key: model[key] for key in order[at : at + 7000]}))
        for at in range(0, len(order), 7000)
    ]
    blobs.forget()
    assert join(blobs, MEDIUM, runs) == root
    assert blobs.count_reads(BlobKind.NODE) == 0
    assert blobs.count_reads(BlobKind.LEAF) <= 8 * len(runs)


def likes(blobs: MemoryBlobs) -> dict[bytes, bytes | None]:
    return {blob_id: like for _, blob_id, like in blobs.puts}


@pytest.mark.parametrize("how", ["build", "edit", "join"])
def test_a_blob_that_replaces_another_names_it_at_every_level(how: str) -> None:
    blobs, root, model = large()
    key = b"0044444"
    before = path(blobs, root, key)
    blobs.forget()
    if how == "build":
        new = build(blobs, MEDIUM, one_batch(model | {key: b"changed" * 4}), like=root)
    elif how == "edit":
        new = edit(blobs, MEDIUM, root, [(key, b"changed" * 4)])
    else:
        run = build_run(blobs, MEDIUM, one_batch(model | {key: b"changed" * 4}), like=root)
        new = join(blobs, MEDIUM, [run], like=root)
    named = likes(blobs)
    after = path(blobs, new, key)
    assert len(after) == len(before) == root.level + 1
    assert [named[blob_id] for blob_id in after] == before


def path(blobs: MemoryBlobs, root: Root, key: bytes) -> list[bytes]:
    """The ids read on the way to a key, from the root to the leaf."""
    blobs.forget()
    next(scan(blobs, root, key, key + b"\x00"))
    return [blob_id for _, blob_id in blobs.reads]


def test_blobs_behind_the_end_of_the_older_tree_name_its_last_ones() -> None:
    blobs = MemoryBlobs()
    model = {b"%04d" % n: b"v" * 20 for n in range(500)}
    root = build(blobs, SMALL, one_batch(model))
    last = list(leaves(blobs, root))[-1]
    blobs.forget()
    build(blobs, SMALL, one_batch({b"x%04d" % n: b"v" * 20 for n in range(500)}), like=root)
    found = {like for kind, _, like in blobs.puts if kind is BlobKind.LEAF}
    assert found == {last.id}


def test_naming_older_blobs_reads_inner_nodes_only_and_hardly_any_twice() -> None:
    blobs, root, model = large()
    assert build(blobs, MEDIUM, one_batch(model), like=root) == root
    assert blobs.count_reads(BlobKind.LEAF) == 0
    assert len(blobs.reads) <= 1.05 * len(set(blobs.reads))
    assert all(blob_id == like for _, blob_id, like in blobs.puts)


def test_a_damaged_older_tree_does_not_stop_a_new_one() -> None:
    blobs, root, model = large()
    nodes = [blob_id for blob_id, data in blobs.data.items() if data[0] == 0xB1]
    for lost in (root.id, nodes[len(nodes) // 2]):
        store = MemoryBlobs()
        store.data = {k: v for k, v in blobs.data.items() if k != lost}
        assert build(store, MEDIUM, one_batch(model), like=root) == root
        assert lost in store.data
        assert {blob_id for _, blob_id, like in store.puts if like is None}


def test_an_edit_of_a_damaged_tree_is_an_error_where_it_needs_what_is_lost() -> None:
    blobs, root, _ = large()
    del blobs.data[path(blobs, root, b"0050000")[-1]]
    with pytest.raises(Missing):
        edit(blobs, MEDIUM, root, [(b"0050000", b"changed")])


def test_a_worker_for_a_range_names_older_leaves_of_that_range() -> None:
    blobs, root, model = large()
    middle = {k: v for k, v in model.items() if b"0040000" <= k < b"0060000"}
    run = build_run(blobs, MEDIUM, one_batch(middle), like=root)
    assert len(run.refs) > 300
    assert blobs.count_reads(BlobKind.NODE) <= len(run.refs) // 4 + root.level
    unchanged = [blob_id for _, blob_id, like in blobs.puts if blob_id == like]
    assert len(unchanged) > 0.9 * len(run.refs)
