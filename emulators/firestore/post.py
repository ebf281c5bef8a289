"""Changes as CloudEvents over HTTP, in binary mode, at least once and in order.

Each change is posted once, as `google.cloud.firestore.document.v1.written`; the receiver makes of it the events that
its functions want. It is posted again, with a growing pause, until the receiver answers 2xx.
Attributes are percent-encoded in headers as the CloudEvents HTTP binding says.
"""

from __future__ import annotations

import http.client
import logging
import re
import threading
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from emulators.firestore.canonical import serialized_value
from emulators.firestore.changes import Change
from emulators.firestore.schema import message
from emulators.firestore.values import is_vector, kind_of
from emulators.firestore.wire import field, text

log = logging.getLogger(__name__)

TYPE = "google.cloud.firestore.document.v1.written"
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
TIMEOUT = 30.0
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
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


def event_headers(change: Change, identity: str) -> dict[str, str]:
    """The HTTP headers of a change's event."""
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
    }
    headers = {f"ce-{name}": quote(value, safe=_SAFE) for name, value in attributes.items()}
    return {**headers, "Content-Type": "application/protobuf"}


class Poster:
    """Posts changes to a URL over one connection that is kept open. `stopping` ends the attempts."""

    def __init__(self, url: str, stopping: threading.Event) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"--events needs a URL such as http://127.0.0.1:8080/events, not {url}")
        self._host, self._port = parts.hostname, parts.port or 80
        self._path = parts.path or "/"
        self._stopping = stopping
        self._connection: http.client.HTTPConnection | None = None

    def __call__(self, changes: list[Change]) -> None:
        """Post each change until it is taken."""
        for change in changes:
            headers, data = event_headers(change, str(uuid.uuid4())), event_data(change)
            pause = FIRST_PAUSE
            while not self._stopping.is_set() and not self._post(headers, data):
                self._stopping.wait(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    def _post(self, headers: dict[str, str], data: bytes) -> bool:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
            self._connection.request("POST", self._path, data, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            log.debug("an event was not taken: %s", type(error).__name__)
            self.close()
            return False
        return 200 <= answer.status < 300

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
