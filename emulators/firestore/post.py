"""Changes as CloudEvents over HTTP, in binary mode, at least once and in order.

Each change is posted once, as `google.cloud.firestore.document.v1.written`, with the attributes of the auth context;
the receiver makes of it the events that its functions want.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from emulators.firestore.canonical import serialized_value
from emulators.firestore.changes import Change
from emulators.firestore.schema import message
from emulators.firestore.values import is_vector, kind_of
from emulators.firestore.wire import field, text
from emulators.posting import EventPoster, binary_headers

TYPE = "google.cloud.firestore.document.v1.written"
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def _path_text(path: tuple[str, ...]) -> str:
    def quoted(name: str) -> str:
        if _SIMPLE.fullmatch(name):
            return name
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    return ".".join(map(quoted, path))


def changed_fields(before: Any, after: Any, above: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of the fields that differ between two field maps, the deepest that say all of it."""
    for name in sorted({*before, *after}):
        path = (*above, name)
        if name not in before or name not in after:
            yield _path_text(path)
        elif _plain_map(before[name]) and _plain_map(after[name]):
            yield from changed_fields(before[name].map_value.fields, after[name].map_value.fields, path)
        elif serialized_value(before[name]) != serialized_value(after[name]):
            yield _path_text(path)


def _plain_map(value: Any) -> bool:
    return kind_of(value) == "map_value" and not is_vector(value.map_value.fields)


def event_data(change: Change) -> bytes:
    """A serialized google.events.cloud.firestore.v1.DocumentEventData: its documents are encoded like Firestore's."""
    data = b""
    if change.after is not None:
        data += field(1, change.after)
    if change.before is not None:
        data += field(2, change.before)
    if change.after is not None and change.before is not None:
        read = message("Document").FromString
        paths = changed_fields(read(change.before).fields, read(change.after).fields)
        data += field(3, b"".join(text(1, path) for path in paths))
    return data


def event_attributes(change: Change, identity: str) -> dict[str, str]:
    """The attributes of a change's event, those of the auth context among them."""
    attributes = {
        "specversion": "1.0",
        "id": identity,
        "type": TYPE,
        "source": f"//firestore.googleapis.com/projects/{change.project}/databases/{change.database}",
        "subject": f"documents/{change.path}",
        "time": change.time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "project": change.project,
        "database": change.database,
        "namespace": "(default)",
        "document": change.path,
        "location": "local",
        "authtype": change.caller.auth_type,
    }
    return {**attributes, "authid": change.caller.auth_id} if change.caller.auth_id else attributes


class Poster(EventPoster):
    """Posts the changes of commits."""

    def __call__(self, changes: list[Change]) -> None:
        """Post each change until it is taken."""
        for change in changes:
            attributes = event_attributes(change, str(uuid.uuid4()))
            self.deliver(binary_headers(attributes, "application/protobuf"), event_data(change))
