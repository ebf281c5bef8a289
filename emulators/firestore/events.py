"""Telling of commits: changes in commit order to a callback, or as CloudEvents to a URL.

A dispatcher has a thread of its own and a bounded queue, so a slow receiver never holds up a commit. When the queue
is full, further changes are not told of, and that is logged.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from emulators.firestore.caller import Caller, caller
from emulators.firestore.changes import Change
from emulators.firestore.store import Store, Version, Written
from emulators.firestore.wire import unframe

log = logging.getLogger(__name__)

MOST_WAITING = 200_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Sink = Callable[[list[Change]], None]


def _document(version: Version | None) -> bytes | None:
    return unframe(version.frame) if version is not None and version.frame is not None else None


def changes_of(store: Store, time: int, written: list[Written], who: Caller) -> list[Change]:
    """What a commit did, without what only looks like a change: a document made and dropped at once."""
    when = _EPOCH + timedelta(microseconds=time)
    found = []
    for one in written:
        before, after = _document(one.before), _document(one.after)
        found.append(Change(store.project, store.database, one.path, before, after, when, who))
    return found


class Dispatcher:
    """Hands the changes of commits to `sink`, commit by commit, those only whose path `matches`."""

    def __init__(self, sink: Sink, matches: Callable[[str], bool], most: int = MOST_WAITING) -> None:
        self._sink = sink
        self._matches = matches
        self._most = most
        self._waiting: deque[tuple[Store, int, list[Written], Caller]] = deque()
        self._number = 0
        self._lost = 0
        self._stopping = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="firestore-events", daemon=True)

    def start(self) -> None:
        """Begin to hand out."""
        self._thread.start()

    def stop(self) -> None:
        """Hand out what is waiting, then end."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def offer(self, store: Store, time: int, written: list[Written]) -> None:
        """Take a commit. Never waits."""
        wanted = [change for change in written if self._matches(change.path)]
        if not wanted:
            return
        with self._wake:
            if self._number + len(wanted) > self._most:
                self._lost += len(wanted)
                log.warning(
                    "the receiver of events is too slow: %d changes were not told of so far", self._lost
                )
                return
            self._number += len(wanted)
            self._waiting.append((store, time, wanted, caller()))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._stopping:
                    self._wake.wait()
                if not self._waiting:
                    return
                store, time, written, who = self._waiting.popleft()
            try:
                self._sink(changes_of(store, time, written, who))
            except Exception:
                log.exception("the receiver of changes failed")
            with self._wake:
                self._number -= len(written)
