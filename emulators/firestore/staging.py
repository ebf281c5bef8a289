"""Writes on their way: each is checked against the state the ones before it leave, and none is seen until all stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulators.firestore.canonical import serialized
from emulators.firestore.errors import exists, failed, invalid, missing
from emulators.firestore.fields import copy_paths, parse_path
from emulators.firestore.locks import Intent
from emulators.firestore.paths import document_path, key_of
from emulators.firestore.schema import message
from emulators.firestore.store import Store, Written
from emulators.firestore.transactions import micros
from emulators.firestore.transform import apply_transforms
from emulators.firestore.values import check_size, normalise
from emulators.firestore.wire import field, timestamp, unframe

MAX_TRANSFORMS = 500


@dataclass(frozen=True, slots=True)
class _Target:
    name: str
    path: str
    key: bytes


class Staging:
    """The writes of one commit on one store, at one time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.time = store.commit_time()
        self._bodies: dict[bytes, tuple[str, bytes | None]] = {}
        self._result = timestamp(1, self.time)

    @property
    def intents(self) -> list[Intent]:
        """What is about to change."""
        stored = self.store.versions
        return [Intent(key, path, stored.get(key), body) for key, (path, body) in self._bodies.items()]

    def stage(self, write: Any) -> bytes:
        """Check one write and remember what it leaves. Answers a serialized WriteResult."""
        operation = write.WhichOneof("operation")
        if operation == "update":
            return self._update(write, self._target(write.update.name))
        if operation == "delete":
            return self._delete(write, self._target(write.delete))
        if operation == "verify":
            self._check(write, self._target(write.verify))
            return b""
        if operation == "transform":
            return self._transform(write, self._target(write.transform.document))
        raise invalid("A write has no operation.")

    def _target(self, name: str) -> _Target:
        root = self.store.root
        if not name.startswith(root + "/"):
            raise invalid(f'Document name "{name}" is not in the database of the request.')
        path = document_path(name, name[len(root) + 1 :])
        return _Target(name, path, key_of(path))

    def _state(self, target: _Target) -> tuple[int, bytes | None]:
        """Update time and serialized Document a write finds; 0 and None when there is none."""
        staged = self._bodies.get(target.key)
        if staged is not None:
            return (self.time, staged[1]) if staged[1] is not None else (0, None)
        version = self.store.versions.get(target.key)
        if version is None or version.frame is None:
            return 0, None
        return version.time, unframe(version.frame)

    def _check(self, write: Any, target: _Target) -> None:
        if not write.HasField("current_document"):
            return
        kind = write.current_document.WhichOneof("condition_type")
        if kind is None:
            return
        time, found = self._state(target)
        if kind == "update_time":
            base = micros(write.current_document.update_time)
            if base > self.time:
                raise invalid("The update_time of a precondition is in the future.")
            if time != base:
                raise failed(f"the stored version ({time}) does not match the required base version ({base})")
        elif write.current_document.exists and found is None:
            raise missing(f"No document to update: {target.name}")
        elif not write.current_document.exists and found is not None:
            raise exists(f"Document already exists: {target.name}")

    def _delete(self, write: Any, target: _Target) -> bytes:
        self._check(write, target)
        self._bodies[target.key] = (target.path, None)
        return b""

    def _update(self, write: Any, target: _Target) -> bytes:
        self._check(write, target)
        document = write.update
        if write.HasField("update_mask"):
            document = self._stored(target)
            copy_paths(write.update.fields, document.fields, map(parse_path, write.update_mask.field_paths))
        else:
            document.ClearField("create_time")
            document.ClearField("update_time")
        return self._put(document, write.update_transforms, target)

    def _transform(self, write: Any, target: _Target) -> bytes:
        self._check(write, target)
        return self._put(self._stored(target), write.transform.field_transforms, target)

    def _stored(self, target: _Target) -> Any:
        _, found = self._state(target)
        document = message("Document").FromString(found or b"")
        document.ClearField("create_time")
        document.ClearField("update_time")
        document.name = target.name
        return document

    def _put(self, document: Any, transforms: Any, target: _Target) -> bytes:
        if len(transforms) > MAX_TRANSFORMS:
            raise invalid(f"A write has at most {MAX_TRANSFORMS} field transforms.")
        answers = apply_transforms(document.fields, transforms, self.time) if transforms else ()
        body = serialized(document, normalise(document.fields))
        check_size(target.name, target.path, document, len(body))
        unchanged = self._unchanged(target, body)
        if not unchanged:
            self._bodies[target.key] = (target.path, body)
        result = timestamp(1, unchanged) if unchanged else self._result
        return result + b"".join(field(2, answer.SerializeToString(deterministic=True)) for answer in answers)

    def _unchanged(self, target: _Target, body: bytes) -> int:
        """The time of the stored document when the write leaves it as it is: no version and no event come of it."""
        version = self.store.versions.get(target.key)
        if version is None or version.frame is None or target.key in self._bodies:
            return 0
        same = field(1, body + timestamp(3, version.created) + timestamp(4, version.time))
        return version.time if version.frame == same else 0

    def changes(self) -> list[Written]:
        """What everything staged comes to; none of it is visible yet."""
        plan, time = self.store.plan, self.time
        planned = (plan(path, key, body, time) for key, (path, body) in self._bodies.items())
        return [change for change in planned if change is not None]
