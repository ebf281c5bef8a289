"""Documents that break careless backups: every value type at every nesting, awkward ids, missing parents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from emulators.datasets.values import Link, Point, Vector

Entry = tuple[str, Mapping[str, Any]]
"""A document's path and its fields."""

VALUES: Mapping[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "integerZero": 0,
    "integerLeast": -(2**63),
    "integerMost": 2**63 - 1,
    "integerBeyondDouble": 2**53 + 1,
    "double": 0.1,
    "doubleWhole": 1.0,
    "doubleNegativeZero": -0.0,
    "doubleNan": math.nan,
    "doubleInfinite": math.inf,
    "doubleNegativeInfinite": -math.inf,
    "doubleLeast": 5e-324,
    "timestampMicrosecond": datetime(2024, 3, 19, 3, 30, 0, 123457, tzinfo=UTC),
    "timestampFirst": datetime(1, 1, 1, tzinfo=UTC),
    "timestampLast": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    "timestampEpoch": datetime(1970, 1, 1, tzinfo=UTC),
    "textEmpty": "",
    "textComposed": "Z\u00fcrich",
    "textDecomposed": "Zu\u0308rich",
    "textEmoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "textNul": "a\x00b",
    "bytes": bytes(range(256)),
    "bytesEmpty": b"",
    "reference": Link("countries/CH"),
    "referenceDeep": Link("countries/CH/cities/2657896"),
    "referenceMissing": Link("countries/XX/cities/1"),
    "geopoint": Point(47.36667, 8.55),
    "geopointZero": Point(0.0, -0.0),
    "geopointLimits": Point(-90.0, 180.0),
    "vector": Vector((0.1, -0.0, 1e300)),
    "mapEmpty": {},
    "arrayEmpty": [],
}
"""By a name that says what is special about it."""

_DEPTH = 18
_LARGE = 900_000


def oddities() -> Iterator[Entry]:
    """All of them. Most lie in `types`; the ids are the point of the others."""
    yield from _types()
    yield from _ids()
    yield from _missing_parents()


def _types() -> Iterator[Entry]:
    yield "types/all", dict(VALUES)
    yield "types/none", {}
    for name, value in VALUES.items():
        inner = {"value": value}
        yield f"types/{name}", inner | {"map": inner, "mapInMap": {"map": inner}, "array": [{"deep": inner}]}
        # An array may not lie directly in an array.
        if not isinstance(value, list):
            arrays = {"array": [value, value], "arrayInMapInArray": [{"list": [value]}, {"list": []}]}
            yield f"types/{name}-in-arrays", arrays
    yield "types/deep", {"level": _nested(_DEPTH)}
    yield "types/large", {"text": "0123456789abcdef" * (_LARGE // 16)}
    yield "types/wide", {f"field {number:04d}": number for number in range(1_000)}
    yield "types/names", {" ": 2, "a.b": 3, "`": 4, "é": 5, "e\u0301": 6, "__x": 7, "0": 8}


def _nested(levels: int) -> dict[str, Any]:
    return {"level": _nested(levels - 1)} if levels else {"end": True}


def _ids() -> Iterator[Entry]:
    awkward = [
        "__id7__", "__id-7__", "__id10__", f"__id{2**63 - 1}__", f"__id-{2**63}__",
        "7", "10", "07", "a", "a b", "a!", "a-", "a0", "aa", "A", "_", "-", "~", "%2F", "*", "[x]", "`x`", "'", '"',
        "Zu\u0308rich", "Z\u00fcrich", "\u212bngstr\u00f6m", "\u00c5ngstr\u00f6m", "A\u030angstro\u0308m",
        "\U0001f600", "\ufeff", "\u00a0", "n" * 1_500,
    ]  # fmt: skip
    for number, name in enumerate(awkward):
        yield f"ids/{name}", {"number": number}
        yield f"ids/{name}/below/{name}", {"number": number, "up": Link(f"ids/{name}")}
    for name in ("ids!", "ids-", "ids0", "idsa"):
        yield f"{name}/only", {"named": "like another collection, and longer"}


def _missing_parents() -> Iterator[Entry]:
    """No document at `missing/nobody`, nor at `.../also/missing`."""
    yield "missing/nobody/kept/one", {"parent": "missing"}
    yield "missing/nobody/also/missing/kept/two", {"parent": "missing", "grandparent": "missing"}
    yield "missing/somebody", {"children": True}
    yield "missing/somebody/kept/three", {"parent": Link("missing/somebody")}
