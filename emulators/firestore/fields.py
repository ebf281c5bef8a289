"""Field paths (`a.b`, with backquotes around odd names), and the value at one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from emulators.firestore.errors import invalid

FieldPath = tuple[str, ...]
NAME: FieldPath = ("__name__",)

_SEGMENT = re.compile(r"`((?:[^`\\]|\\.)+)`|([^.`]+)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@lru_cache(maxsize=4096)
def parse_path(text: str) -> FieldPath:
    """The names in a field path."""
    names = []
    at = 0
    while True:
        found = _SEGMENT.match(text, at)
        if found is None:
            raise invalid(f'Invalid property path "{text}".')
        names.append(_ESCAPED.sub(r"\1", found[1]) if found[1] is not None else found[2])
        at = found.end()
        if at == len(text):
            return tuple(names)
        if text[at] != ".":
            raise invalid(f'Invalid property path "{text}".')
        at += 1


def find(fields: Any, path: FieldPath) -> Any | None:
    """The value at a path, None when there is none."""
    for name in path[:-1]:
        if name not in fields:
            return None
        value = fields[name]
        if not value.HasField("map_value"):
            return None
        fields = value.map_value.fields
    return fields.get(path[-1])


def place(fields: Any, path: FieldPath, value: Any) -> None:
    """Set the value at a path, making maps on the way down."""
    for name in path[:-1]:
        inner = fields[name]
        if not inner.HasField("map_value"):
            inner.map_value.SetInParent()
        fields = inner.map_value.fields
    fields[path[-1]].CopyFrom(value)


def remove(fields: Any, path: FieldPath) -> None:
    """Take away the value at a path, if there is one."""
    for name in path[:-1]:
        if name not in fields or not fields[name].HasField("map_value"):
            return
        fields = fields[name].map_value.fields
    if path[-1] in fields:
        del fields[path[-1]]


def copy_paths(source: Any, target: Any, paths: Iterable[FieldPath]) -> None:
    """Set in `target` each path that `source` has, remove each that it has not."""
    for path in paths:
        value = find(source, path)
        if value is None:
            remove(target, path)
        else:
            place(target, path, value)
