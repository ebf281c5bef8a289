"""The emulator as one object: an event loop in a thread of its own that serves HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from emulators.auth.app import App
from emulators.auth.call import World
from emulators.auth.loading import load
from emulators.host.front import Front
from emulators.journal import Journal
from emulators.loopback import check_loopback
from emulators.shelf import Shelf
from shared.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from typing import Any

    from emulators.auth.identifiers import Entropy
    from emulators.chaos import Chaos
    from emulators.host.front import Handler

# Hashing a password takes a core; more threads would only take them from each other.
_HASHING_THREADS = 2


class AuthEmulator:
    """Starts and stops an Auth emulator in this process. Nothing is kept when it stops, unless `data` names a
    directory for it.

    `project` is the one meant by calls that name none: those of client apps, whose API keys are not looked at.
    `chaos` says what goes wrong.
    Raises Unavailable while another process uses `data`, BadInput or Corrupt when what is there cannot be read.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        project: str = "demo-firekeep",
        clock: Callable[[], float] = time.time,
        entropy: Entropy = os.urandom,
        *,
        data: Path | None = None,
        chaos: Chaos | None = None,
    ) -> None:
        self._host = check_loopback(host)
        self._port = port
        self._chaos = chaos
        self._shelf = None if data is None else Shelf(data / "state")
        self._executor = ThreadPoolExecutor(_HASHING_THREADS, thread_name_prefix="auth-hash")
        self._world = World(project, clock, entropy, self._executor)
        if self._shelf is not None:
            self._load(self._shelf)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="auth", daemon=True)

    def _load(self, shelf: Shelf) -> None:
        try:
            self._world.journal = Journal(shelf)
            self._world.realms = load(shelf, self._world.journal)
        except BaseException:
            shelf.close()
            raise

    def start(self) -> str:
        """Serves in the background. Answers `HOST:PORT`. Raises Unavailable when the port is taken."""
        listener = self._bound()
        self._world.address = f"{self._host}:{listener.getsockname()[1]}"
        self._thread.start()
        self._front = Front(_handler(App(self._world), self._chaos), listener)
        self._run(self._front.start())
        return self._world.address

    def stop(self) -> None:
        """Closes every connection at once."""
        if self._thread.is_alive():
            self._run(self._front.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._executor.shutdown(cancel_futures=True)
        if self._shelf is not None:
            self._shelf.close()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as problem:
            listener.close()
            where = f"{self._host}:{self._port}"
            raise Unavailable(f"starting Auth on {where}: {problem.strerror}") from problem
        return listener


def _handler(app: App, chaos: Chaos | None) -> Handler:
    if chaos is None:
        return app.handle
    from emulators.chaos.requests import hostile_auth

    return hostile_auth(chaos, app.handle)
