"""Functions that wait for Firestore's changes, as the official Functions emulator registers them and is called.

Each change is posted once to every function that it is for, as a CloudEvent in binary mode whose protobuf body is in
base64. A function gets its events in commit order; one that is slow holds up no other. What the function answered is
logged when it is an error, and not tried again, as in the official Firestore emulator.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import queue
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from emulators.firestore.changes import Change
from emulators.firestore.post import event_attributes, event_data
from emulators.patterns import compile_pattern
from emulators.posting import binary_headers
from shared.errors import BadInput

log = logging.getLogger(__name__)

_TYPE = "google.cloud.firestore.document.v1."
_KINDS = ("created", "updated", "deleted", "written")
_WITH_AUTH = ".withAuthContext"
_AUTH = frozenset({"authtype", "authid"})
# Longer than any function may take.
_TIMEOUT_S = 700.0
_ATTEMPTS, _PAUSE_S = 20, 0.5


@dataclass(frozen=True)
class Trigger:
    """`key` is the function's name at the Functions emulator; `type` the whole CloudEvent type it wants."""

    project: str
    key: str
    type: str
    database: str
    matches: Callable[[str], bool]

    def wants(self, change: Change) -> bool:
        kind = self.type.removeprefix(_TYPE).removesuffix(_WITH_AUTH)
        return (
            kind in {"written", _kind(change)}
            and (change.project, change.database) == (self.project, self.database)
            and self.matches(change.path)
        )


def read_trigger(project: str, key: str, body: bytes) -> Trigger:
    """The trigger of a registration: `{eventType, database, namespace, document: {value, matchType}}`.

    Raises BadInput for anything else.
    """
    try:
        found = json.loads(body)
        kind, document = str(found["eventType"]), found["document"]
        value, exact = str(document["value"]), document["matchType"] == "EXACT"
        database = str(found["database"])
    except (ValueError, KeyError, TypeError) as problem:
        raise BadInput(f"registering function {key!r}: the body is no trigger of a document") from problem
    if kind.removeprefix(_TYPE).removesuffix(_WITH_AUTH) not in _KINDS or not kind.startswith(_TYPE):
        raise BadInput(f"registering function {key!r}: there is no event {kind!r}")
    path = value.strip("/")
    matches = (lambda other: other == path) if exact else compile_pattern(value)
    return Trigger(project, key, kind, database, matches)


class Triggers:
    """The registered functions, called at `functions` (HOST:PORT). Called itself with the changes of each commit."""

    def __init__(self, functions: str) -> None:
        self._functions = functions
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], _Caller] = {}
        self._stopping = threading.Event()

    def add(self, trigger: Trigger) -> None:
        """Registers a function, in the place of one with the same key."""
        with self._lock:
            place = (trigger.project, trigger.key)
            if place in self._waiting:
                self._waiting[place].trigger = trigger
            else:
                self._waiting[place] = _Caller(trigger, self._functions, self._stopping)

    def __call__(self, changes: list[Change]) -> None:
        with self._lock:
            callers = list(self._waiting.values())
        for change in changes:
            for caller in callers:
                if caller.trigger.wants(change):
                    caller.events.put(change)

    def stop(self) -> None:
        """No further event is posted."""
        self._stopping.set()
        with self._lock:
            for caller in self._waiting.values():
                caller.events.put(None)


class _Caller:
    """Posts one function's events, one after another, on a thread of its own."""

    def __init__(self, trigger: Trigger, functions: str, stopping: threading.Event) -> None:
        self.trigger = trigger
        self.events: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._functions, self._stopping = functions, stopping
        threading.Thread(target=self._run, name=f"trigger-{trigger.key}", daemon=True).start()

    def _run(self) -> None:
        while (change := self.events.get()) is not None and not self._stopping.is_set():
            attributes = {**event_attributes(change, str(uuid.uuid4())), "type": self.trigger.type}
            if not self.trigger.type.endswith(_WITH_AUTH):
                attributes = {name: value for name, value in attributes.items() if name not in _AUTH}
            headers = binary_headers(attributes, "application/protobuf")
            self._post(headers, base64.b64encode(event_data(change)))

    def _post(self, headers: dict[str, str], body: bytes) -> None:
        for _ in range(_ATTEMPTS):
            try:
                status = self._request(headers, body)
            except ConnectionRefusedError:
                if self._stopping.wait(_PAUSE_S):
                    return
                continue
            except (OSError, http.client.HTTPException) as problem:
                log.warning("an event for %s got no answer: %s", self.trigger.key, type(problem).__name__)
                return
            if not 200 <= status < 300:
                log.warning("function %s answered %d to an event, which is lost", self.trigger.key, status)
            return
        log.warning("an event for %s is lost: nothing listens at %s", self.trigger.key, self._functions)

    def _request(self, headers: dict[str, str], body: bytes) -> int:
        trigger = self.trigger
        path = f"/functions/projects/{quote(trigger.project)}/triggers/{quote(trigger.key)}"
        connection = http.client.HTTPConnection(self._functions, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


def _kind(change: Change) -> str:
    if change.after is None:
        return "deleted"
    return "created" if change.before is None else "updated"
