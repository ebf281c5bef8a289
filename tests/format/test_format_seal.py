"""Sealing: what opens is what was sealed, and nothing else opens."""

from __future__ import annotations

import os
import tracemalloc

import pytest
import zstandard
from format_vectors import CHUNK, LEAF, NODE, keys, sealer
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput, Corrupt
from shared.format.compress import MAX_RAW
from shared.format.seal import Base, Sealer, derive

ALL_SWITCHES = [(encrypt, compress) for encrypt in (True, False) for compress in (True, False)]


def no_base(base: bytes) -> bytes:
    raise AssertionError("no patch was sealed, but a base was asked for")


@pytest.mark.parametrize(("encrypt", "compress"), ALL_SWITCHES)
@given(data=st.one_of(st.binary(max_size=2000), st.binary(max_size=20).map(lambda part: part * 500)))
def test_open_after_seal_is_identity(encrypt: bool, compress: bool, data: bytes) -> None:
    one = sealer(encrypt=encrypt, compress=compress)
    blob_id = one.identify(LEAF, data)
    sealed = one.seal(LEAF, blob_id, data)
    assert one.open(LEAF, blob_id, sealed.data, len(data), no_base) == data
    assert len(sealed.data) <= len(data) + 29


@pytest.mark.parametrize(("encrypt", "compress"), ALL_SWITCHES)
def test_every_flipped_bit_of_a_sealed_blob_is_refused(encrypt: bool, compress: bool) -> None:
    one, data = sealer(encrypt=encrypt, compress=compress), b"some plaintext " * 5
    base = os.urandom(60) + data
    base_id, blob_id = one.identify(LEAF, base), one.identify(LEAF, data)
    for sealed in (one.seal(LEAF, blob_id, data), one.seal(LEAF, blob_id, data, Base(base_id, base, 10**4))):
        for position in range(len(sealed.data) * 8):
            damaged = bytearray(sealed.data)
            damaged[position // 8] ^= 1 << (position % 8)
            try:
                opened = one.open(LEAF, blob_id, bytes(damaged), len(data), lambda _: base)
            except Corrupt:
                continue
            # Without encryption a bit may not matter (a header of zstd, a base's id that is not asked for).
            assert opened == data
            assert not encrypt


@pytest.mark.parametrize(("encrypt", "compress"), ALL_SWITCHES)
def test_every_shorter_or_longer_sealed_blob_is_refused(encrypt: bool, compress: bool) -> None:
    one, data = sealer(encrypt=encrypt, compress=compress), b"some plaintext " * 5
    blob_id = one.identify(LEAF, data)
    sealed = one.seal(LEAF, blob_id, data).data
    for damaged in (
        *(sealed[:length] for length in range(len(sealed))),
        sealed + b"\0",
        sealed + sealed,
        b"\0" + sealed,
    ):
        with pytest.raises(Corrupt):
            one.open(LEAF, blob_id, damaged, len(data), no_base)


def test_kind_id_and_length_are_bound() -> None:
    one, data = sealer(encrypt=True, compress=False), b"data"
    blob_id = one.identify(LEAF, data)
    sealed = one.seal(LEAF, blob_id, data).data
    assert len({one.identify(kind, data) for kind in (LEAF, NODE, CHUNK)}) == 3
    for kind, wrong_id, raw in (
        (NODE, blob_id, 4),
        (LEAF, bytes(32), 4),
        (LEAF, blob_id, 3),
        (LEAF, blob_id, 5),
    ):
        with pytest.raises(Corrupt):
            one.open(kind, wrong_id, sealed, raw, no_base)


def test_a_blob_sealed_one_way_does_not_open_the_other_way() -> None:
    sealed_with, opened_with = sealer(encrypt=False, compress=True), sealer(encrypt=True, compress=True)
    blob_id = sealed_with.identify(LEAF, b"data")
    for one, two in ((sealed_with, opened_with), (opened_with, sealed_with)):
        with pytest.raises(Corrupt, match="not sealed the way"):
            two.open(LEAF, blob_id, one.seal(LEAF, blob_id, b"data").data, 4, no_base)
        with pytest.raises(Corrupt):
            two.open_metadata(b"label", one.seal_metadata(b"label", b"data"), "object")


def test_another_repository_with_the_same_master_has_other_keys() -> None:
    one, two = keys(), derive(bytes(range(32)), bytes(16))
    assert not {one.id, one.blob, one.metadata, one.config} & {two.id, two.blob, two.metadata, two.config}
    assert one.chunker_seed != two.chunker_seed
    assert len({one.id, one.blob, one.metadata, one.config}) == 4
    assert one.id.hex() not in repr(one)
    with pytest.raises(BadInput):
        derive(b"short", bytes(16))


def test_the_same_blob_sealed_twice_differs() -> None:
    one = Sealer(keys(), os.urandom)
    blob_id = one.identify(LEAF, b"data")
    assert one.seal(LEAF, blob_id, b"data") != one.seal(LEAF, blob_id, b"data")


def test_a_frame_that_would_inflate_is_refused_before_it_does() -> None:
    one = sealer(encrypt=False, compress=True)
    bomb = zstandard.ZstdCompressor().compress(bytes(50 << 20))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000))
    for frame, raw in ((bomb, 100), (bomb, MAX_RAW + 1), (unsized, 1000), (b"", 0), (b"not zstd", 8)):
        with pytest.raises(Corrupt):
            one.open(LEAF, bytes(32), b"\x01" + frame, raw, no_base)


def test_a_claimed_length_is_compared_before_memory_is_taken_for_it() -> None:
    one = sealer(encrypt=False, compress=True)
    bomb = b"\x01" + zstandard.ZstdCompressor().compress(bytes(200 << 20))
    tracemalloc.start()
    with pytest.raises(Corrupt):
        one.open(LEAF, bytes(32), bomb, 100, no_base)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_unknown_flags_are_refused() -> None:
    one = sealer(encrypt=False, compress=True)
    for flags in (2, 8, 16, 0x80, 0xFF):
        with pytest.raises(Corrupt, match="flags"):
            one.open(LEAF, one.identify(LEAF, b"data"), bytes((flags,)) + b"data", 4, no_base)


@pytest.mark.parametrize("encrypt", [True, False])
def test_metadata_is_bound_to_its_label_and_every_bit_counts(encrypt: bool) -> None:
    one = sealer(encrypt=encrypt, compress=False)
    sealed = one.seal_metadata(b"label", b"data")
    assert one.open_metadata(b"label", sealed, "object") == b"data"
    assert one.open_metadata(b"label", one.seal_metadata(b"label", b""), "object") == b""
    for label in (b"", b"labe", b"label\x00", b"Label"):
        with pytest.raises(Corrupt, match="the object"):
            one.open_metadata(label, sealed, "the object")
    for position in range(len(sealed) * 8):
        damaged = bytearray(sealed)
        damaged[position // 8] ^= 1 << (position % 8)
        with pytest.raises(Corrupt):
            one.open_metadata(b"label", bytes(damaged), "object")
    for length in range(len(sealed)):
        with pytest.raises(Corrupt):
            one.open_metadata(b"label", sealed[:length], "object")


def test_a_blob_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="too long"):
        sealer(encrypt=False, compress=False).seal(LEAF, bytes(32), bytes(MAX_RAW + 1))
