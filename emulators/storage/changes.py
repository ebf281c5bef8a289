"""What happened to an object, and its delivery to whoever wants to know, in order, on a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["finalize", "delete", "archive", "metadataUpdate"]
_log = logging.getLogger("emulators.storage")


@dataclass(frozen=True, slots=True)
class Change:
    """`resource` is the object's JSON resource as it was after the change (for a delete: before it), which is also
    the data of the platform's event; `time` is aware and in UTC.

    `overwrote` and `overwritten_by` are the generations on the two sides of an overwrite.
    `notifications` are the bucket's notification configurations at that moment.
    """

    kind: Kind
    bucket: str
    name: str
    generation: int
    time: datetime
    resource: dict[str, Any]
    overwrote: int | None = None
    overwritten_by: int | None = None
    notifications: tuple[dict[str, Any], ...] = ()


Sink = Callable[[Change], None]
MOST_WAITING = 100_000


def has_notifications(change: Change) -> bool:
    return bool(change.notifications)


def _every(_: Change) -> bool:
    return True


class Dispatcher:
    """Calls a sink with each change that it `wants`. When the sink fails, that is logged, and it misses that change.

    At most `most` changes wait for it: when it is too slow, it is not told of further ones, and that is logged.
    """

    def __init__(
        self, sink: Sink, wants: Callable[[Change], bool] = _every, most: int = MOST_WAITING
    ) -> None:
        self._sink = sink
        self._wants = wants
        self._most = most
        self._lost = 0
        self._queue: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="storage-changes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, change: Change) -> None:
        """Take a change. Never waits."""
        if not self._wants(change):
            return
        if self._queue.qsize() >= self._most:
            self._lost += 1
            _log.warning("whoever is told of changes is too slow: %d were not told of so far", self._lost)
            return
        self._queue.put(change)

    def stop(self) -> None:
        """Delivers what was offered, then ends."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (change := self._queue.get()) is not None:
            self._deliver(change)

    def _deliver(self, change: Change) -> None:
        try:
            self._sink(change)
        except Exception:  # noqa: BLE001  # a sink that fails once is called again
            _log.exception("delivering a change of bucket %s", change.bucket)
