"""Packs, manifests, configurations and wrapped keys: strict readers of exactly what is written."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from blake3 import blake3
from format_vectors import MASTER, REPOSITORY, keys, manifest, sealer
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput, Corrupt, Internal, Unsupported
from shared.format.canonical import decode, encode, instant_text, parse_instant
from shared.format.chunker import Chunking
from shared.format.config import Config, Options, check_config, encode_config, parse_config
from shared.format.manifest import (
    HEADER,
    LABEL,
    decode_manifest,
    encode_manifest,
    open_manifest,
    seal_manifest,
)
from shared.format.node import Root
from shared.format.pack import PackBuilder, parse_pack
from shared.format.seal import Sealed
from shared.keys.contract import Wrapped
from shared.repository.master import decode_wrapped, encode_wrapped

SEALER = sealer(encrypt=True, compress=False)


def pack_of(count: int) -> tuple[PackBuilder, bytes]:
    builder = PackBuilder()
    for number in range(count):
        builder.add(
            1 + number % 3,
            bytes([number]) * 32,
            Sealed(b"x" * number, number * 2, b"b" * 32 if number % 2 else b""),
        )
    return builder, builder.finish(SEALER)[1]


@pytest.mark.parametrize("count", [0, 1, 5, 200])
def test_a_pack_tells_what_is_in_it(count: int) -> None:
    builder, data = pack_of(count)
    assert parse_pack(data, SEALER, "pack") == builder.entries
    for entry in builder.entries:
        assert data[entry.offset : entry.offset + entry.length] == b"x" * entry.length


def test_a_packs_name_is_the_hash_of_its_bytes() -> None:
    builder = PackBuilder()
    builder.add(1, bytes(32), Sealed(b"data", 4, b""))
    name, data = builder.finish(SEALER)
    assert name == blake3(data).digest()


def test_a_pack_that_is_not_exactly_right_is_damage() -> None:
    _, data = pack_of(5)
    table_length = struct.unpack("<I", data[-8:-4])[0]
    wrong = [
        b"",
        data[:-1],
        data + b"\0",
        b"X" + data[1:],
        data[:8] + data[9:],
        data[:8] + b"\0" + data[8:],
        data[:-8] + struct.pack("<I", table_length + 1) + data[-4:],
        data[:-8] + struct.pack("<I", table_length - 1) + data[-4:],
        data[:-8] + struct.pack("<I", 2**32 - 1) + data[-4:],
        data[:-4] + b"FKPX",
    ]
    for damaged in wrong:
        with pytest.raises(Corrupt, match="the pack"):
            parse_pack(damaged, SEALER, "the pack")
    with pytest.raises(Unsupported, match="version"):
        parse_pack(data[:6] + b"\x02\x00" + data[8:], SEALER, "the pack")


@pytest.mark.parametrize(
    ("offsets", "lengths"),
    [((8, 8), (4, 6)), ((13, 8), (5, 5)), ((8, 13), (5, 4)), ((8, 13), (5, 6)), ((7, 12), (5, 6))],
)
def test_a_pack_whose_table_does_not_account_for_every_byte_is_damage(
    offsets: tuple[int, int], lengths: tuple[int, int]
) -> None:
    rows = b"".join(
        struct.pack("<32sBIII32s", bytes(32), 1, offset, length, 9, bytes(32))
        for offset, length in zip(offsets, lengths, strict=True)
    )
    table = SEALER.seal_metadata(b"firekeep/1/pack table", rows)
    data = b"FKPACK\x01\x00" + bytes(10) + table + struct.pack("<I", len(table)) + b"FKPE"
    with pytest.raises(Corrupt, match="blobs"):
        parse_pack(data, SEALER, "pack")


def test_a_manifest_comes_back_as_it_was() -> None:
    sealed = seal_manifest(manifest(), SEALER)
    assert open_manifest(manifest().id, sealed, SEALER) == manifest()
    bare = replace(
        manifest(), parent=None, roots={}, selection={}, excluded={}, skew={}, statistics={}, backup={}
    )
    assert open_manifest(bare.id, seal_manifest(bare, SEALER), SEALER) == bare


@given(
    at=st.datetimes(timezones=st.just(UTC)),
    counts=st.dictionaries(st.text(), st.integers(0, 2**63)),
    skew=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    text=st.text(),
)
def test_any_manifest_comes_back_as_it_was(
    at: datetime, counts: dict[str, int], skew: dict[str, float], text: str
) -> None:
    one = replace(
        manifest(),
        at=at,
        excluded=counts,
        statistics={**counts, **skew},
        skew=skew,
        database=text,
        backup={text: [text]},
    )
    assert decode_manifest(encode_manifest(one), "manifest") == one


def test_another_zone_is_the_same_instant() -> None:
    away = manifest().at.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert encode_manifest(replace(manifest(), at=away)) == encode_manifest(manifest())
    assert parse_instant(instant_text(datetime.min.replace(tzinfo=UTC)), "x") == datetime.min.replace(
        tzinfo=UTC
    )
    with pytest.raises(Internal, match="zone"):
        encode_manifest(replace(manifest(), at=manifest().at.replace(tzinfo=None)))


def test_what_json_cannot_say_exactly_is_refused() -> None:
    for bad in (float("nan"), float("inf"), b"bytes", datetime.now(UTC), "\ud800"):
        with pytest.raises(Internal):
            encode_manifest(replace(manifest(), backup={"field": bad}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 7),
        ("at", "2026-03-29T01:00:00Z"),
        ("at", "2026-03-29T01:00:00.000001+00:00"),
        ("at", None),
        ("parent", 7),
        ("source", {"project": "p"}),
        ("roots", []),
        ("roots", {"entries": {"id": "00", "level": 0, "count": 0, "size": 0}}),
        ("roots", {"entries": {"id": "AB" * 32, "level": 0, "count": 0, "size": 0}}),
        ("roots", {"entries": {"id": "ab" * 32, "level": 0.0, "count": 0, "size": 0}}),
        ("roots", {"entries": {"id": "ab" * 32, "level": True, "count": 0, "size": 0}}),
        ("selection", []),
        ("selection", {"entries": ["users"]}),
        ("selection", {"entries": {"include": [7], "exclude": []}}),
        ("selection", {"entries": {"include": []}}),
        ("excluded", {"a": 1.5}),
        ("excluded", {"a": True}),
        ("skew", {"a": 1}),
        ("statistics", {"a": "1"}),
        ("backup", []),
        ("more", 1),
    ],
)
def test_a_manifest_with_a_wrong_field_is_damage(field: str, value: Any) -> None:
    fields = json.loads(encode_manifest(manifest()))
    fields[field] = value
    with pytest.raises(Corrupt, match="the manifest"):
        decode_manifest(encode(fields), "the manifest")


def test_a_manifest_in_other_spelling_is_damage() -> None:
    good = encode_manifest(manifest())
    spaced = json.dumps(json.loads(good), sort_keys=True).encode()
    twice = good[:-1] + b',"id":"again"}'
    for bad in (
        b"",
        b"[]",
        b"null",
        b"{",
        spaced,
        twice,
        good + b"\n",
        good.replace(b"\xc3\xa9", b"\\u00e9"),
        b"[" * 10**5,
    ):
        with pytest.raises(Corrupt):
            decode_manifest(bad, "manifest")


def test_a_manifest_of_a_future_version_is_unsupported_and_of_another_name_damage() -> None:
    sealed = seal_manifest(manifest(), SEALER)
    with pytest.raises(Unsupported, match="update"):
        open_manifest(manifest().id, sealed[:6] + b"\x02\x00" + sealed[8:], SEALER)
    with pytest.raises(Corrupt):
        open_manifest("another", sealed, SEALER)
    moved = HEADER + SEALER.seal_metadata(LABEL + b"another", encode_manifest(manifest()))
    with pytest.raises(Corrupt, match="differently"):
        open_manifest("another", moved, SEALER)


def test_roots_survive_as_their_type() -> None:
    root = open_manifest(manifest().id, seal_manifest(manifest(), SEALER), SEALER).roots["entries"]
    assert type(root) is Root


@pytest.mark.parametrize("options", [Options(), Options(compression=False, fan_max=2000, leaf_min=1)])
def test_a_configuration_comes_back_and_is_proven_by_the_key(options: Options) -> None:
    data = encode_config(Config(REPOSITORY, options, None), keys().config)
    config = parse_config(data)
    assert (config.repository, config.options, config.clear_master) == (REPOSITORY, options, None)
    check_config(data, keys().config)
    with pytest.raises(Corrupt, match="MAC"):
        check_config(data, bytes(32))
    assert config.options.chunking(7) == Chunking(
        7,
        options.leaf_target,
        options.leaf_min,
        options.leaf_max,
        options.fan_target,
        options.fan_min,
        options.fan_max,
    )


def test_every_flipped_bit_of_a_configuration_is_refused() -> None:
    data = encode_config(Config(REPOSITORY, Options(encryption=False), MASTER), keys().config)
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << (position % 8)
        with pytest.raises(Corrupt, match="config"):
            parse_config(bytes(damaged))
            check_config(bytes(damaged), keys().config)


@pytest.mark.parametrize(
    "change",
    [
        {"repository": "zz"},
        {"options": {}},
        {"options": {"compression": 1}},
        {"clearMaster": "AAAA"},
        {"clearMaster": 7},
        {"extra": 1},
    ],
)
def test_a_configuration_with_a_wrong_field_is_damage(change: dict[str, Any]) -> None:
    body = json.loads(encode_config(Config(REPOSITORY, Options(), None), keys().config))["config"]
    body.update(change)
    digest = blake3(encode(body)).hexdigest()
    with pytest.raises(Corrupt, match="config"):
        parse_config(encode({"config": body, "digest": digest, "mac": "00" * 32}))


@pytest.mark.parametrize(
    "sizes", [{"leaf_min": 0}, {"leaf_min": 1 << 20}, {"leaf_max": 1}, {"fan_min": 1}, {"fan_max": 1 << 20}]
)
def test_options_that_contradict_each_other_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        Options(**sizes)


def test_a_wrapped_key_comes_back_and_is_strict() -> None:
    wrapped = Wrapped("passphrase", {"n": 16, "salt": "AA=="}, b"data")
    data = encode_wrapped(wrapped, REPOSITORY)
    assert decode_wrapped(data, "key") == (REPOSITORY.hex(), wrapped)
    fields = json.loads(data)
    for change in (
        {"ring": 7},
        {"parameters": []},
        {"parameters": {"n": 1.5}},
        {"parameters": {"n": True}},
        {"data": "!"},
        {"data": 7},
        {"x": 1},
    ):
        with pytest.raises(Corrupt, match="the key"):
            decode_wrapped(encode({**fields, **change}), "the key")


def test_canonical_json_has_one_spelling() -> None:
    assert encode({"b": 1, "a": ["é", None, True, 1.5]}) == '{"a":["é",null,true,1.5],"b":1}'.encode()
    assert decode(b'{"a":1}', "x") == {"a": 1}
    for bad in (
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":1.50}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b"\xff",
        b"1",
    ):
        with pytest.raises(Corrupt):
            decode(bad, "x")
