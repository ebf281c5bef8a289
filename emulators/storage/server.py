"""The emulator as one object: a listener, and a thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from emulators.journal import Journal
from emulators.loopback import check_loopback
from emulators.shelf import Shelf
from emulators.storage.buckets import make_bucket
from emulators.storage.changes import Dispatcher, Sink, has_notifications
from emulators.storage.connection import Handle, serve
from emulators.storage.events import Poster
from emulators.storage.keeping import Keeping
from emulators.storage.loading import load
from emulators.storage.refusal import Refused
from emulators.storage.routes import Router
from emulators.storage.scratch import Scratch
from emulators.storage.service import Service
from emulators.storage.store import Store
from emulators.storage.times import micros
from shared.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from emulators.chaos import Chaos

SOFT_DELETE = timedelta(days=7)
_BACKLOG = 1024
_STOP_S = 2.0


class StorageEmulator:
    """Cloud Storage for this machine. Nothing is kept when it stops, unless `data` names a directory for it.

    `buckets` are made at the start, where there are none of these names; `on_change` is called with each change of
    an object, in order, on a thread of its own; `pubsub` is the HOST:PORT of a Pub/Sub emulator for the buckets'
    notifications; `events` is a URL that each change in one of `event_buckets` is posted to as a CloudEvent;
    `soft_delete` is how long new buckets keep deleted objects when they do not say; `clock` tells microseconds since
    1970; `chaos` says what goes wrong.
    Raises BadInput for a host that is not loopback and for bucket names that are not valid; Unavailable while
    another process uses `data`, Missing or Corrupt when what it keeps is not what was written.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        project: str = "demo-firekeep",
        buckets: Iterable[str] = (),
        on_change: Sink | None = None,
        pubsub: str | None = None,
        data: Path | None = None,
        events: str | None = None,
        event_buckets: Iterable[str] = (),
        soft_delete: timedelta = SOFT_DELETE,
        clock: Callable[[], int] = micros,
        chaos: Chaos | None = None,
    ) -> None:
        self._host = check_loopback(host)
        self._port = port
        self._dispatchers = [] if on_change is None else [Dispatcher(on_change)]
        self._publisher = None
        if pubsub is not None:
            # Only here, because gRPC takes a while to import.
            from emulators.storage.notifications import Notifier
            from emulators.storage.pubsub import Publisher

            self._publisher = Publisher(pubsub)
            self._dispatchers.append(Dispatcher(Notifier(self._publisher), has_notifications))
        self._giving_up = threading.Event()
        self._poster = None if events is None else Poster(events, self._giving_up)
        if self._poster is not None:
            told = frozenset(event_buckets)
            self._dispatchers.append(Dispatcher(self._poster, lambda change: change.bucket in told))
        seconds = int(soft_delete.total_seconds())
        self._shelf = None if data is None else Shelf(data / "state")
        try:
            scratch = Scratch(None if data is None else data / "content")
            journal = Journal(self._shelf)
            keeping = Keeping(journal, scratch.number)
            store = Store(clock, self._dispatchers, journal, keeping)
            self._service = Service(store, scratch, project, seconds, self._publisher)
            load(self._service, keeping)
            self._make_buckets(buckets)
        except BaseException:
            self._close()
            raise
        self._handle = _handle(Router(self._service), chaos)
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._acceptor: threading.Thread | None = None

    def _make_buckets(self, names: Iterable[str]) -> None:
        try:
            for name in names:
                if name not in self._service.store.buckets:
                    make_bucket(self._service, name, self._service.project, {}, retention=False)
        except Refused as refusal:
            self._service.scratch.close()
            raise BadInput(f"making the buckets to start with: {refusal.message}") from refusal

    def start(self) -> str:
        """Serves in the background. Answers `HOST:PORT`. Raises Unavailable when the port is taken."""
        self._listener = _bind(self._host, self._port)
        self._address = self._listener.getsockname()
        shown = f"[{self._host}]" if ":" in self._host else self._host
        address = f"{shown}:{self._address[1]}"
        self._service.store.base = f"http://{address}"
        for dispatcher in self._dispatchers:
            dispatcher.start()
        self._acceptor = threading.Thread(target=self._accept, name="storage", daemon=True)
        self._acceptor.start()
        return address

    def stop(self) -> None:
        """Closes every connection, in the middle of a request too, and removes what is not to be kept."""
        if self._acceptor is not None:
            self._stop_serving(self._acceptor)
        self._service.sessions.close()
        self._service.scratch.close()
        self._close()

    def _close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
        if self._poster is not None:
            self._poster.close()
        if self._shelf is not None:
            self._shelf.close()

    def _stop_serving(self, acceptor: threading.Thread) -> None:
        with self._lock:
            self._stopping = True
        # A connection of our own wakes the acceptor on every platform.
        with contextlib.suppress(OSError):
            socket.create_connection(self._address[:2], timeout=_STOP_S).close()
        acceptor.join()
        self._listener.close()
        with self._lock:
            clients = dict(self._clients)
        for sock in clients:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in clients.values():
            thread.join(_STOP_S)
        self._giving_up.set()
        if self._publisher is not None:
            self._publisher.stop()
        for dispatcher in self._dispatchers:
            dispatcher.stop()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            with self._lock:
                if self._stopping:
                    sock.close()
                    return
                thread = threading.Thread(
                    target=self._serve, args=(sock,), name="storage-client", daemon=True
                )
                self._clients[sock] = thread
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(sock, self._handle)
        finally:
            with self._lock:
                del self._clients[sock]


def _handle(router: Router, chaos: Chaos | None) -> Handle:
    if chaos is None:
        return router.handle
    from emulators.chaos.requests import hostile_storage

    return hostile_storage(chaos, router.handle)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as problem:
        listener.close()
        raise Unavailable(f"starting Cloud Storage on {host}:{port}: {problem.strerror}") from problem
    return listener
