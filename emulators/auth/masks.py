"""Patches with a field mask, as the administration methods take them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Document = dict[str, Any]


def patched(document: Document, changes: Document, mask: str) -> Document:
    """A copy of the document in which the paths of the mask (`a.b,c`) are as in `changes`, or gone with them.
    Without a mask every field of `changes` counts; an empty object then changes nothing."""
    result = copy.deepcopy(document)
    paths = [tuple(path.strip().split(".")) for path in mask.split(",") if path.strip()]
    for path in paths or _leaves(changes):
        _copy(changes, result, path)
    return result


def without(document: Document, *paths: str) -> Document:
    """A copy that lacks these paths: fields that only the service sets."""
    return patched(document, {}, ",".join(paths))


def _leaves(document: Document, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)


def _copy(source: Document, target: Document, path: tuple[str, ...]) -> None:
    *parents, last = path
    inner: Any = source
    for name in path:
        inner = inner.get(name) if isinstance(inner, dict) else None
    for name in parents:
        below = target.get(name)
        if not isinstance(below, dict):
            if inner is None:
                return
            below = target[name] = {}
        target = below
    if inner is None:
        target.pop(last, None)
    else:
        target[last] = copy.deepcopy(inner)
