"""A document's fields as lines for people: name, type, value. For exactness there is --json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.output import count, printable

_WIDTH = 100
_SIMPLE = {
    "booleanValue": "boolean",
    "integerValue": "integer",
    "doubleValue": "double",
    "timestampValue": "timestamp",
    "bytesValue": "bytes",
    "referenceValue": "reference",
}


def lines(fields: Mapping[str, Any]) -> list[str]:
    """`fields` as REST JSON has them: each value under its type's name. One line a value, sorted by name."""
    rows = list(_map_rows(fields, 1))
    name_width = min(max((len(name) for name, _, _ in rows), default=0), 40)
    kind_width = max((len(kind) for _, kind, _ in rows), default=0)
    return [f"{name:<{name_width}}  {kind:<{kind_width}}  {text}".rstrip() for name, kind, text in rows]


def _map_rows(fields: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str, str]]:
    for name in sorted(fields):
        yield from _rows(printable(name), fields[name], depth)


def _rows(name: str, value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str, str]]:
    ((kind, content),) = value.items()
    indented = "  " * depth + name
    if kind == "mapValue":
        inner = content.get("fields", {})
        yield indented, "map", count(len(inner), "field")
        yield from _map_rows(inner, depth + 1)
    elif kind == "arrayValue":
        values = content.get("values", [])
        yield indented, "array", count(len(values), "value")
        for index, element in enumerate(values):
            yield from _rows(f"[{index}]", element, depth + 1)
    else:
        yield indented, *_simple(kind, content)


def _simple(kind: str, content: Any) -> tuple[str, str]:
    if kind == "nullValue":
        return "null", ""
    if kind == "stringValue":
        return "text", f'"{_shortened(printable(content))}"'
    if kind == "geoPointValue":
        return "geopoint", f"{content.get('latitude', 0)}, {content.get('longitude', 0)}"
    text = str(content).lower() if kind == "booleanValue" else str(content)
    return _SIMPLE.get(kind, kind), _shortened(printable(text))


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}… ({count(len(text))} characters)"
