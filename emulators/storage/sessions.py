"""Resumable uploads: what each has received so far, and what it becomes when it is complete.

Only whole multiples of 256 KiB are kept of an upload that was cut off, as the service does; the client asks how
far it came, and goes on from there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from emulators.storage.content import Spool
from emulators.storage.inlet import Cut
from emulators.storage.model import Version
from emulators.storage.preconditions import Conditions
from emulators.storage.refusal import Refused, not_found

QUANTUM = 256 * 1024
_FINISHED_MOST = 10_000


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
    """`total` is None until the client knows; `done` is the object it became."""

    identity: str
    plan: Plan
    spool: Spool
    total: int | None
    done: Version | None = None
    cancelled: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        return self.spool.size

    def append(self, blocks: Iterator[bytes], skip: int, *, final: bool) -> None:
        """Takes what follows the first `skip` bytes, which are here already.

        Unless `final`, a rest beyond the last multiple of 256 KiB is dropped. Raises Cut when the client vanished;
        what came before is kept as far as it may be.
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

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        self._ended: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        with self._lock:
            self._open[session.identity] = session

    def find(self, identity: str) -> Session:
        """Refused when there is none, or it was cancelled."""
        with self._lock:
            session = self._open.get(identity) or self._ended.get(identity)
        if session is None:
            raise not_found("No such upload session; start over.")
        if session.cancelled:
            raise Refused(410, "gone", "The upload session was cancelled; start over.")
        return session

    def end(self, session: Session) -> None:
        """The session is finished or cancelled: its content is no longer its own."""
        with self._lock:
            self._open.pop(session.identity, None)
            self._ended[session.identity] = session
            while len(self._ended) > _FINISHED_MOST:
                del self._ended[next(iter(self._ended))]
