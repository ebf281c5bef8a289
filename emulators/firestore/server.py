"""The emulator as an object: a gRPC server on a loopback port, on a thread of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta

import grpc.aio

from emulators.firestore.clock import micros
from emulators.firestore.core import Core
from emulators.firestore.databases import Databases
from emulators.firestore.events import Dispatcher, Sink
from emulators.firestore.patterns import compile_patterns
from emulators.firestore.post import Poster
from emulators.firestore.service import handlers

MAX_MESSAGE = 32 << 20
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)
_LONGEST_BETWEEN_PRUNES = 60.0


def _check_loopback(host: str) -> None:
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ValueError(
            f"the emulator serves loopback only, and {host} is not: use 127.0.0.1, ::1 or localhost"
        )


class FirestoreEmulator:
    """A Firestore for this machine.

    `port` 0 takes a free one; `horizon` is how far back `read_time` may reach; `on_commit` is called with each
    commit's changes, in commit order, on a thread of its own; `events` is a URL that each change is posted to;
    `events_filter` names the documents, by trigger patterns, that both are told of (all, when empty).
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        horizon: timedelta = timedelta(hours=1),
        *,
        on_commit: Sink | None = None,
        events: str | None = None,
        events_filter: Iterable[str] = (),
        clock: Callable[[], int] = micros,
    ) -> None:
        _check_loopback(host)
        self._address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._horizon = horizon
        self._core = Core(Databases(clock, int(horizon.total_seconds() * 1_000_000)))
        self._stopping = threading.Event()
        self._poster = Poster(events, self._stopping) if events else None
        matches = compile_patterns(events_filter)
        self._dispatchers = [
            Dispatcher(sink, matches) for sink in (on_commit, self._poster) if sink is not None
        ]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="firestore-emulator", daemon=True)
        self._server: grpc.aio.Server | None = None
        self._pruner: asyncio.Task[None] | None = None

    def start(self) -> str:
        """Serve. Answers the address, `127.0.0.1:PORT`."""
        for dispatcher in self._dispatchers:
            self._core.listeners.append(dispatcher.offer)
            dispatcher.start()
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()

    async def _serve(self) -> str:
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers((handlers(self._core),))
        port = self._server.add_insecure_port(self._address)
        await self._server.start()
        self._pruner = asyncio.ensure_future(self._prune())
        return f"{self._address.rpartition(':')[0]}:{port}"

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(min(_LONGEST_BETWEEN_PRUNES, max(0.1, self._horizon.total_seconds())))
            for store in self._core.databases:
                store.prune()

    def stop(self) -> None:
        """End all calls, let go of the port and the thread."""
        self._stopping.set()
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for dispatcher in self._dispatchers:
            dispatcher.stop()
        if self._poster is not None:
            self._poster.close()

    async def _close(self) -> None:
        if self._pruner is not None:
            self._pruner.cancel()
        if self._server is not None:
            await self._server.stop(grace=None)

    def clear(self, project: str, database: str = "(default)") -> None:
        """Forget a database, its past included. No events are made."""

        async def clear() -> None:
            self._core.databases.clear(project, database)

        asyncio.run_coroutine_threadsafe(clear(), self._loop).result()
