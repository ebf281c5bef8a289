"""Resumable uploads: what each has received so far, and what it becomes when it is complete.

Only whole multiples of 256 KiB are kept of an upload that was cut off, as the service does; the client asks how
far it came, and goes on from there. Where state is kept, what a client was told it came is kept first, so that it
goes on from there in the next run, too.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from emulators.storage.inlet import Cut
from emulators.storage.model import Version
from emulators.storage.preconditions import Conditions
from emulators.storage.records import SESSION, Held, pack, read_version, unpack, version_row
from emulators.storage.refusal import Refused, not_found
from emulators.storage.times import SECOND
from shared.errors import IntegrityError, StorageFull

if TYPE_CHECKING:
    from emulators.storage.scratch import Scratch, Spool
    from emulators.storage.store import Store

QUANTUM = 256 * 1024
_FINISHED_MOST = 10_000
_LIFE = 7 * 86_400 * SECOND  # how long the service lets a session be resumed


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upload is to become: the object, its fields, the conditions, and the checksums it must have."""

    bucket: str
    name: str
    resource: dict[str, Any]
    conditions: Conditions
    sums: dict[str, str]


@dataclass(slots=True)
class Session:
    """`total` is None until the client knows; `done` is the object it became; `held` is what an earlier run
    received, until it is needed; `kept` is the size and the total that the shelf has."""

    identity: str
    plan: Plan
    spool: Spool
    total: int | None
    opened: int
    done: Version | None = None
    cancelled: bool = False
    held: Held | None = None
    kept: tuple[int, int | None] = (0, None)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Locked, and with what was received before. Refused when that is no longer what it was."""
        with self.lock:
            held, self.held = self.held, None
            if held is not None:
                try:
                    self.spool.resume(*held)
                except (IntegrityError, OSError) as problem:
                    self.cancelled = True
                    raise _gone("What was received of the upload is damaged") from problem
            yield

    @property
    def size(self) -> int:
        return self.spool.size

    def append(self, blocks: Iterator[bytes], skip: int, *, final: bool) -> None:
        """Takes what follows the first `skip` bytes, which are here already.

        Unless `final`, a rest beyond the last multiple of 256 KiB is dropped. Raises Cut when the client vanished;
        what came before is kept as far as it may be. Raises StorageFull, which ends the session.
        """
        held = b""
        try:
            for block in blocks:
                fresh = block[skip:]
                skip -= len(block) - len(fresh)
                held = self._keep(held + fresh if held else fresh)
        except Cut as cut:
            self._keep(held + cut.partial[skip:])
            raise
        except StorageFull:
            self.cancelled = True
            self.spool.discard()
            raise
        if final and held:
            self.spool.write(held)

    def _keep(self, data: bytes) -> bytes:
        """Stores as many whole quanta as there are. Answers the rest."""
        whole = len(data) - (self.spool.size + len(data)) % QUANTUM
        if whole <= 0:
            return data
        self.spool.write(data[:whole] if whole < len(data) else data)
        return data[whole:]


class Sessions:
    """All uploads under way, and the last finished and cancelled ones, whose clients may still ask."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        self._ended: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        self._note(session)
        with self._lock:
            self._open[session.identity] = session

    def find(self, identity: str) -> Session:
        """Refused when there is none, or it was cancelled."""
        with self._lock:
            session = self._open.get(identity) or self._ended.get(identity)
        if session is None:
            raise not_found("No such upload session; start over.")
        if session.cancelled:
            raise _gone("The upload session was cancelled")
        return session

    def keep(self, session: Session) -> None:
        """Before the client is told how far it came. Raises StorageFull."""
        reached = (session.size, session.total)
        if reached != session.kept:
            self._note(session)
            session.kept = reached

    def end(self, session: Session) -> None:
        """The session is finished or cancelled: its content is no longer its own."""
        with self._lock:
            self._open.pop(session.identity, None)
            self._ended[session.identity] = session
            oldest = [next(iter(self._ended))] if len(self._ended) > _FINISHED_MOST else []
            for identity in oldest:
                del self._ended[identity]
        with self._store.operation() as journal:
            for identity in oldest:
                journal.note(SESSION, identity.encode(), None)
            done = None if session.done is None else _done_row(session.done)
            journal.note(SESSION, session.identity.encode(), done)

    def close(self) -> None:
        with self._lock:
            for session in self._open.values():
                session.spool.close()

    def _note(self, session: Session) -> None:
        if self._store.journal.shelf is None:
            return
        row = _open_row(session)
        with self._store.operation() as journal:
            journal.note(SESSION, session.identity.encode(), row)

    def load(self, rows: Iterator[tuple[bytes, bytes]], scratch: Scratch) -> set[int]:
        """The sessions of earlier runs. Answers the numbers of the files they need.

        Those that are too old, or whose file is not there, are forgotten: their clients start over.
        """
        numbers = set()
        gone = []
        for key, row in rows:
            session = _read(key.decode(), unpack(row, "session"), scratch)
            if session.done is not None:
                self._ended[session.identity] = session
            elif session.opened + _LIFE < self._store.clock() or not _there(session, scratch):
                gone.append(key)
            else:
                self._open[session.identity] = session
                numbers.update([session.held[0]] if session.held else [])
        with self._store.operation() as journal:
            for key in gone:
                journal.note(SESSION, key, None)
        return numbers


def _gone(why: str) -> Refused:
    return Refused(410, "gone", f"{why}; start over.")


def _there(session: Session, scratch: Scratch) -> bool:
    if session.held is None:
        return True
    number, size, _ = session.held
    path = scratch.path(number)
    return path.exists() and path.stat().st_size >= size


def _open_row(session: Session) -> bytes:
    plan = {**asdict(session.plan), "conditions": asdict(session.plan.conditions)}
    held = session.spool.hold() if session.size else None
    return pack({"plan": plan, "total": session.total, "opened": session.opened, "held": held})


def _done_row(version: Version) -> bytes:
    return pack({"done": unpack(version_row(version, []), SESSION)})


def _read(identity: str, document: dict[str, Any], scratch: Scratch) -> Session:
    done = document.get("done")
    if done is not None:
        version, _ = read_version(done, lambda _: b"")
        plan = Plan(version.bucket, version.name, {}, Conditions(), {})
        return Session(identity, plan, scratch.spool(), version.content.size, 0, version)
    plan = Plan(**{**document["plan"], "conditions": Conditions(**document["plan"]["conditions"])})
    held = tuple(document["held"]) if document["held"] else None
    size = held[1] if held else 0
    session = Session(identity, plan, scratch.spool(), document["total"], document["opened"], held=held)
    session.kept = (size, session.total)
    return session
