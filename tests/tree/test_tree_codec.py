"""Leaves, nodes and runs as bytes: round trips, exact layout, and nothing damaged passes as what it was."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from memory_blobs import MemoryBlobs
from tree_samples import Model, models, one_batch

from shared.errors import BadInput, Corrupt, FirekeepError, Unsupported
from shared.format.node import MAX_LEAF, Node, Ref, decode_leaf, decode_node, encode_leaf, encode_node
from shared.repository.blobs import BlobKind
from shared.repository.tree import Run, decode_run, encode_run

KEYS = [b"a", b"a\x00", b"a\xff", "é".encode(), "e\u0301".encode()[::-1]]
VALUES = [b"", b"\x00", b"value", b"v" * 20, b""]
REFS = [
    Ref(b"a", bytes(range(32)), 3, 9),
    Ref(b"a\x00", bytes(32), 1, 1 << 40),
    Ref(b"b", b"\xff" * 32, 1 << 33, 1 << 34),
]
LEAF = encode_leaf(sorted(KEYS), VALUES)
NODE = encode_node(2, REFS)
RUN = encode_run(Run(REFS, False, b"A"))

Decoder = Callable[[bytes], Any]
SAMPLES: list[tuple[bytes, Decoder]] = [(LEAF, decode_leaf), (NODE, decode_node), (RUN, decode_run)]
samples = pytest.mark.parametrize(("data", "decode"), SAMPLES, ids=["leaf", "node", "run"])


@settings(deadline=None, max_examples=60)
@given(models)
def test_a_leaf_round_trips(model: Model) -> None:
    [(keys, values)] = one_batch(model)
    assert decode_leaf(encode_leaf(keys, values)) == (keys, values)


def test_nodes_and_runs_round_trip() -> None:
    assert decode_node(NODE) == Node(2, REFS)
    for run in (
        Run(REFS, True, b"A"),
        Run(REFS, False, b"a"),
        Run(REFS[:1], True, b"\x00"),
        Run([], True, b""),
    ):
        assert decode_run(encode_run(run)) == run


def test_a_leaf_is_laid_out_as_documented() -> None:
    expected = (
        b"\xa1" + struct.pack("<I", 2) + struct.pack("<II", 1, 2) + struct.pack("<II", 0, 3) + b"aab" + b"xyz"
    )
    assert encode_leaf([b"a", b"ab"], [b"", b"xyz"]) == expected
    assert encode_leaf([], []) == b"\xa1\x00\x00\x00\x00"


def test_a_node_is_laid_out_as_documented() -> None:
    refs = [Ref(b"a", b"1" * 32, 2, 3), Ref(b"ab", b"2" * 32, 4, 5)]
    expected = (
        b"\xb1" + struct.pack("<IB", 2, 7) + struct.pack("<IIQQQQ", 1, 2, 2, 4, 3, 5) + b"1" * 32 + b"2" * 32
    )
    assert encode_node(7, refs) == expected + b"aab"


def test_a_run_is_laid_out_as_documented() -> None:
    refs = [Ref(b"ab", b"1" * 32, 2, 3)]
    expected = (
        b"\xc1" + struct.pack("<IBI", 1, 1, 1) + struct.pack("<IQQ", 2, 2, 3) + b"1" * 32 + b"ab" + b"a"
    )
    assert encode_run(Run(refs, True, b"a")) == expected


@samples
def test_every_truncation_and_every_trailing_byte_is_an_error(data: bytes, decode: Decoder) -> None:
    for size in range(len(data)):
        with pytest.raises(Corrupt):
            decode(data[:size])
    for tail in (b"\x00", b"\xff", data):
        with pytest.raises(Corrupt):
            decode(data + tail)


@samples
def test_no_flipped_bit_decodes_to_the_same(data: bytes, decode: Decoder) -> None:
    whole = decode(data)
    refused = 0
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            assert decode(bytes(damaged)) != whole
        except FirekeepError:
            refused += 1
    assert refused > 40


@pytest.mark.parametrize(("kind", "data"), [(BlobKind.LEAF, LEAF), (BlobKind.NODE, NODE)])
def test_with_ids_every_flipped_bit_is_found(kind: BlobKind, data: bytes) -> None:
    blobs = MemoryBlobs()
    blob_id = blobs.put(kind, data)
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        blobs.data[blob_id] = bytes(damaged)
        with pytest.raises(Corrupt):
            blobs.get(kind, blob_id)


@samples
def test_a_later_version_is_unsupported_and_another_kind_corrupt(data: bytes, decode: Decoder) -> None:
    with pytest.raises(Unsupported):
        decode(bytes((data[0] + 1,)) + data[1:])
    with pytest.raises(Corrupt):
        decode(bytes((data[0] ^ 0xF0,)) + data[1:])
    with pytest.raises(Corrupt):
        decode(bytes((data[0] - 1,)) + data[1:])


def test_a_leaf_with_keys_out_of_order_or_empty_is_corrupt() -> None:
    for keys in ([b"b", b"a"], [b"a", b"a"], [b""], [b"", b"a"]):
        with pytest.raises(Corrupt):
            decode_leaf(encode_leaf(keys, [b""] * len(keys)))


@pytest.mark.parametrize(
    "refs",
    [
        [Ref(b"b", bytes(32), 1, 1), Ref(b"a", bytes(32), 1, 1)],
        [Ref(b"a", bytes(32), 1, 1), Ref(b"a", bytes(32), 1, 1)],
        [Ref(b"", bytes(32), 1, 1)],
        [Ref(b"a", bytes(32), 0, 0)],
        [Ref(b"a", bytes(32), 2, 1)],
    ],
)
def test_a_node_or_run_whose_children_cannot_be_is_corrupt(refs: list[Ref]) -> None:
    with pytest.raises(Corrupt):
        decode_node(encode_node(1, refs))
    with pytest.raises(Corrupt):
        decode_run(encode_run(Run(refs, True, b"\x00")))


@pytest.mark.parametrize(
    "run", [Run(REFS, True, b""), Run(REFS, True, b"a\x00"), Run([], True, b"a"), Run([], False, b"")]
)
def test_a_run_whose_first_key_or_end_cannot_be_is_corrupt(run: Run) -> None:
    with pytest.raises(Corrupt):
        decode_run(encode_run(run))


def test_a_count_beyond_the_data_is_refused_before_anything_is_allocated() -> None:
    for head, decode in ((b"\xa1", decode_leaf), (b"\xb1", decode_node), (b"\xc1", decode_run)):
        with pytest.raises(Corrupt):
            decode(head + b"\xff" * 4 + b"\x01" * 64)


def test_what_the_format_cannot_hold_is_refused_on_writing() -> None:
    with pytest.raises(BadInput):
        encode_leaf([b"a"], [bytes(MAX_LEAF)])
    for level, refs in ((0, REFS), (64, REFS), (1, [])):
        with pytest.raises(BadInput):
            encode_node(level, refs)
