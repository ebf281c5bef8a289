"""Documents as they are answered: whole, names and times only, or some fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulators.firestore.canonical import serialized
from emulators.firestore.fields import NAME, FieldPath, copy_paths, parse_path
from emulators.firestore.schema import message
from emulators.firestore.store import Version
from emulators.firestore.wire import field, name_of, text, timestamp, unframe

Render = Callable[[Version], bytes]


def document_of(version: Version) -> Any:
    """A version's Document message."""
    return message("Document").FromString(unframe(whole(version)))


def whole(version: Version) -> bytes:
    """The stored frame."""
    assert version.frame is not None
    return version.frame


def name_only(version: Version) -> bytes:
    """A frame without fields."""
    times = timestamp(3, version.created) + timestamp(4, version.time)
    return field(1, text(1, name_of(whole(version))) + times)


def some(paths: Iterable[FieldPath]) -> Render:
    """Frames with some fields. A path that a document has not is left out."""
    wanted = tuple(path for path in paths if path != NAME)
    if not wanted:
        return name_only

    def render(version: Version) -> bytes:
        stored = document_of(version)
        answer = message("Document")(name=stored.name)
        copy_paths(stored.fields, answer.fields, wanted)
        times = timestamp(3, version.created) + timestamp(4, version.time)
        return field(1, serialized(answer) + times)

    return render


def with_more(paths: Iterable[FieldPath] | None, add: Callable[[Any, Any], None]) -> Render:
    """Frames with some fields, or all, and what `add` puts into them: it gets the stored document and the answer."""
    wanted = None if paths is None else tuple(path for path in paths if path != NAME)

    def render(version: Version) -> bytes:
        stored = document_of(version)
        answer = message("Document")(name=stored.name, fields=stored.fields if wanted is None else None)
        copy_paths(stored.fields, answer.fields, wanted or ())
        add(stored, answer)
        times = timestamp(3, version.created) + timestamp(4, version.time)
        return field(1, serialized(answer) + times)

    return render


def masked(request: Any) -> Render:
    """What a request's `mask` asks for."""
    if not request.HasField("mask"):
        return whole
    return some(map(parse_path, request.mask.field_paths))
