"""Hostile data: every value at every nesting, ids that collide, look numeric or come in two normal forms."""

from __future__ import annotations

import random
import struct
import unicodedata

from shared.format import wire

IDS = [
    "a", "ab", "a b", "a~", "A", "é", unicodedata.normalize("NFD", "é"), "日本", "😀", "'\"`", "%2F", "%41", "a%20b",
    "10", "9", "__id10__", "__id9__", "__id-1__", "__id9223372036854775807__", "__id-9223372036854775808__",
    "__x", "x__id5__",     "a\x01", "a\x01\x02", ".a", "...", "x" * 1500, "documents", "\x7f", "\u200b", "ﬀ", "\uffff",
]  # fmt: skip


def value(number: int, payload: bytes) -> bytes:
    return wire.message(number, payload)


def integer(n: int) -> bytes:
    return b"\x10" + wire.varint(n & (1 << 64) - 1)


def double(x: float) -> bytes:
    return b"\x19" + struct.pack("<d", x)


def text(x: str) -> bytes:
    return value(17, x.encode())


def array(*values: bytes) -> bytes:
    return value(9, b"".join(wire.message(1, v) for v in values))


def mapping(fields: dict[str, bytes]) -> bytes:
    return value(6, _entries(1, fields))


def document(fields: dict[str, bytes]) -> bytes:
    return _entries(2, fields)


def _entries(number: int, fields: dict[str, bytes]) -> bytes:
    ordered = sorted((name.encode(), v) for name, v in fields.items())
    return b"".join(wire.message(number, wire.message(1, name) + wire.message(2, v)) for name, v in ordered)


def vector(*numbers: float) -> bytes:
    return mapping({"__type__": text("__vector__"), "value": array(*map(double, numbers))})


VALUES: dict[str, bytes] = {
    "null": b"\x58\x00",
    "true": b"\x08\x01",
    "false": b"\x08\x00",
    "zero": integer(0),
    "int max": integer((1 << 63) - 1),
    "int min": integer(-(1 << 63)),
    "beyond double": integer((1 << 53) + 1),
    "double zero": double(0.0),
    "minus zero": double(-0.0),
    "double one": double(1.0),
    "tiny": double(5e-324),
    "nan": double(float("nan")),
    "infinity": double(float("inf")),
    "minus infinity": double(float("-inf")),
    "text": text("zwölf 日本 😀 \x00 \" '"),
    "empty text": text(""),
    "bytes": value(18, bytes(range(256))),
    "empty bytes": value(18, b""),
    "own": value(5, b"projects/foreign-x/databases/(default)/documents/a/b"),
    "relative": value(5, b"databases/(default)/documents/a/b"),
    "relative other": value(5, b"databases/other-db/documents/a/b"),
    "geo": value(8, b"\x09" + struct.pack("<d", -89.5) + b"\x11" + struct.pack("<d", 179.75)),
    "geo zero": value(8, b""),
    "time": value(10, b"\x08\x01\x10" + wire.varint(999_999_000)),
    "early time": value(
        10, b"\x08" + wire.varint(-62_135_596_800 & (1 << 64) - 1) + b"\x10" + wire.varint(1000)
    ),
    "time zero": value(10, b""),
    "empty array": array(),
    "empty map": mapping({}),
    "vector": vector(1.0, -0.0, 2.5),
}


def nestings(inner: bytes) -> dict[str, bytes]:
    """Alone, in a map, in an array (unless an array), in a map in an array, and deeper."""
    out = {"alone": inner, "map": mapping({"x": inner}), "map in array": array(mapping({"x": inner}))}
    if not inner.startswith(b"\x4a"):
        out["array"] = array(inner)
        out["deep"] = array(mapping({"y": array(inner, mapping({"z": array(inner)}))}))
    return out


def every_value() -> dict[str, bytes]:
    """Documents by path: one for each value and nesting, and one that holds them all."""
    out: dict[str, bytes] = {}
    for name, inner in VALUES.items():
        for how, nested in nestings(inner).items():
            out[f"values/{name}, {how}"] = document({"f": nested})
    everything = {f"{name}, {how}": v for name, inner in VALUES.items() for how, v in nestings(inner).items()}
    return {**out, "values/all": document(everything), "values/none": b""}


def hostile_tree() -> dict[str, bytes]:
    """A few hundred documents: hostile ids at each depth, parents missing or not."""
    chance = random.Random(7)
    out: dict[str, bytes] = {}
    for collection in ["a", "ab", "a b", "b", "é", unicodedata.normalize("NFD", "é"), "10"]:
        for number, name in enumerate(IDS):
            if chance.random() < 0.6:
                out[f"{collection}/{name}"] = document({"n": integer(number)})
            if chance.random() < 0.3:
                below = f"{collection}/{name}/{chance.choice(['s', 'a', 'é', '日本'])}"
                for _ in range(chance.randrange(1, 6)):
                    out[f"{below}/{chance.choice(IDS[:26])}"] = document({"deep": text(name[:5])})
    paths = list(out)
    chance.shuffle(paths)
    return {path: out[path] for path in paths}
