"""Checking a tree finds every kind of damage, says what it costs, and goes on behind it."""

from __future__ import annotations

from random import Random

import pytest
from memory_blobs import MemoryBlobs
from tree_samples import SMALL, Model, bulk, one_batch

from shared.errors import Unavailable
from shared.format.node import encode_leaf, encode_node
from shared.repository.blobs import BlobKind
from shared.repository.tree import Problem, Ref, Root, build, leaves, scan, verify


def sample() -> tuple[MemoryBlobs, Root, Model]:
    blobs, model = MemoryBlobs(), bulk(2, 900)
    root = build(blobs, SMALL, one_batch(model))
    assert root.level >= 3
    return blobs, root, model


def problems(blobs: MemoryBlobs, root: Root, read_leaves: bool = True) -> list[Problem]:
    return list(verify(blobs, root, read_leaves, blobs.holds))


def test_a_whole_tree_has_no_problem_and_every_blob_of_it_was_read() -> None:
    blobs, root, _ = sample()
    assert problems(blobs, root) == []
    assert {blob_id for _, blob_id in blobs.reads} == set(blobs.data)


def test_without_leaves_only_nodes_are_read() -> None:
    blobs, root, _ = sample()
    blobs.forget()
    assert problems(blobs, root, read_leaves=False) == []
    assert blobs.count_reads(BlobKind.LEAF) == 0
    assert blobs.count_reads(BlobKind.NODE) > 10


def test_each_blob_missing_or_damaged_in_turn_is_named() -> None:
    blobs, root, _ = sample()
    for blob_id, data in list(blobs.data.items()):
        del blobs.data[blob_id]
        assert [(p.id, p.code) for p in problems(blobs, root)] == [(blob_id, "missing")]
        assert [(p.id, p.code) for p in problems(blobs, root, read_leaves=False)] == [(blob_id, "missing")]
        blobs.data[blob_id] = data[:-1] + bytes((data[-1] ^ 0x20,))
        assert [(p.id, p.code) for p in problems(blobs, root)] == [(blob_id, "corrupt")]
        blobs.data[blob_id] = data
    assert problems(blobs, root) == []


def test_the_key_ranges_named_are_exactly_what_cannot_be_read() -> None:
    blobs, root, model = sample()
    every = list(leaves(blobs, root))
    lost = Random(1).sample(every, 9)
    kept = {key for ref in set(every) - set(lost) for key in _keys_of(blobs, every, ref, root)}
    for ref in lost:
        del blobs.data[ref.id]
    found = problems(blobs, root)
    assert [p.id for p in found] == [ref.id for ref in every if ref in lost]
    gone = {key for key in model if any(p.after < key <= p.last for p in found)}
    assert gone == set(model) - kept


def _keys_of(blobs: MemoryBlobs, every: list[Ref], ref: Ref, root: Root) -> list[bytes]:
    at = every.index(ref)
    after = every[at - 1].last if at else b""
    return [key for keys, _ in scan(blobs, root, after=after, end=ref.last + b"\x00") for key in keys]


def test_damage_does_not_hide_other_damage_behind_it() -> None:
    blobs, root, _ = sample()
    every = list(leaves(blobs, root))
    nodes = [blob_id for blob_id, data in blobs.data.items() if data[0] == 0xB1 and blob_id != root.id]
    del blobs.data[every[0].id], blobs.data[every[-1].id], blobs.data[nodes[len(nodes) // 2]]
    found = [p.id for p in problems(blobs, root)]
    assert found[0] == every[0].id
    assert every[-1].id in found
    assert len(found) == 3


@pytest.mark.parametrize("read_leaves", [True, False])
def test_a_tree_of_which_nothing_can_be_read_does_not_pass(read_leaves: bool) -> None:
    for root in (Root(bytes(32), 0, 0, 0), Root(bytes(32), 0, 5, 50), Root(bytes(32), 3, 5, 50)):
        [problem] = problems(MemoryBlobs(), root, read_leaves)
        assert (problem.code, problem.after, problem.last, problem.level) == ("missing", b"", b"", root.level)


@pytest.mark.parametrize("read_leaves", [True, False])
def test_a_root_that_promises_other_numbers_than_there_are_is_a_problem(read_leaves: bool) -> None:
    blobs, root, _ = sample()
    small = build(blobs, SMALL, [([b"a"], [b"b"])])
    assert problems(blobs, small, read_leaves) == []
    for true in (root, small):
        for false in (true._replace(count=true.count + 1), true._replace(size=true.size - 1)):
            assert [p.code for p in problems(blobs, false, read_leaves)] == ["mismatch"]
    [problem] = problems(blobs, root._replace(level=root.level + 1), read_leaves)
    assert (problem.code, problem.id) == ("mismatch", root.id)
    assert problems(blobs, small._replace(level=1), read_leaves)[0].code == "corrupt"


def leaf(blobs: MemoryBlobs, *keys: bytes) -> Ref:
    blob_id = blobs.put(BlobKind.LEAF, encode_leaf(keys, [b"v"] * len(keys)))
    return Ref(keys[-1], blob_id, len(keys), sum(map(len, keys)) + len(keys))


def node(blobs: MemoryBlobs, level: int, *refs: Ref) -> Ref:
    blob_id = blobs.put(BlobKind.NODE, encode_node(level, refs))
    return Ref(refs[-1].last, blob_id, sum(r.count for r in refs), sum(r.size for r in refs))


def as_root(ref: Ref, level: int) -> Root:
    return Root(ref.id, level, ref.count, ref.size)


def test_blobs_that_are_whole_but_do_not_fit_together_are_problems() -> None:
    blobs = MemoryBlobs()
    a, c = leaf(blobs, b"a", b"b"), leaf(blobs, b"c", b"d")
    overlap = leaf(blobs, b"b", b"d")
    assert problems(blobs, as_root(node(blobs, 1, a, c), 1)) == []
    wrong = {
        "a later leaf begins inside an earlier one": node(blobs, 1, a, overlap),
        "a last key that is not the leaf's": node(blobs, 1, a, c._replace(last=b"e")),
        "a count that is not the leaf's": node(blobs, 1, a, c._replace(count=3)),
        "a size that is not the leaf's": node(blobs, 1, a._replace(size=9), c),
    }
    for name, ref in wrong.items():
        found = problems(blobs, as_root(ref, 1))
        assert [p.code for p in found] == ["mismatch"], name
        assert found[0].kind is BlobKind.LEAF


def test_inner_nodes_that_do_not_fit_together_are_problems_and_are_gone_into() -> None:
    blobs = MemoryBlobs()
    low, high = node(blobs, 1, leaf(blobs, b"a"), leaf(blobs, b"b")), node(blobs, 1, leaf(blobs, b"c"))
    assert problems(blobs, as_root(node(blobs, 2, low, high), 2)) == []
    overlap = node(blobs, 1, leaf(blobs, b"b\x00"), leaf(blobs, b"d"))
    deep = node(blobs, 2, node(blobs, 1, leaf(blobs, b"x")))
    inside = leaf(blobs, b"a", b"b", b"c")
    for bad in (
        node(blobs, 2, low, overlap._replace(count=5)),
        node(blobs, 2, low, overlap._replace(size=5000)),
        node(blobs, 2, low, overlap._replace(last=b"e")),
        node(blobs, 2, low, deep),
        node(blobs, 2, high, node(blobs, 1, inside)._replace(last=b"d")),
    ):
        assert problems(blobs, as_root(bad, 2))[0].code == "mismatch"
    beside = node(blobs, 1, leaf(blobs, b"a\x00"), leaf(blobs, b"d"))
    [problem] = problems(blobs, as_root(node(blobs, 2, low, beside), 2), read_leaves=False)
    assert (problem.code, problem.id, problem.level) == ("mismatch", beside.id, 1)
    lost = leaf(blobs, b"y")
    tree = as_root(node(blobs, 2, low, node(blobs, 1, leaf(blobs, b"x"), lost)._replace(size=9)), 2)
    del blobs.data[lost.id]
    assert [(p.code, p.kind) for p in problems(blobs, tree)] == [
        ("mismatch", BlobKind.NODE),
        ("missing", BlobKind.LEAF),
    ]


def test_a_leaf_of_a_later_version_is_a_problem_of_its_own_kind() -> None:
    blobs = MemoryBlobs()
    data = encode_leaf([b"a"], [b"v"])
    later = blobs.put(BlobKind.LEAF, bytes((data[0] + 1,)) + data[1:])
    assert [p.code for p in problems(blobs, Root(later, 0, 1, 2))] == ["unsupported"]


class Away(MemoryBlobs):
    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        raise Unavailable("reading a blob: the store does not answer")


def test_a_store_that_does_not_answer_is_not_taken_for_damage() -> None:
    with pytest.raises(Unavailable):
        problems(Away(), Root(bytes(32), 1, 1, 1))


def test_no_key_reaches_a_message() -> None:
    blobs, model = MemoryBlobs(), bulk(1, 200) | {b"secret-key": b"secret-value"}
    root = build(blobs, SMALL, one_batch(model))
    for data_id in list(blobs.data):
        if data_id != root.id:
            del blobs.data[data_id]
    assert not any("secret" in p.message for p in problems(blobs, root))
