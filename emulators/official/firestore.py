"""Our Firestore as the official suite wants it: HTTP/1.1 beside gRPC on one port, and functions that it calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from emulators.firestore.server import FirestoreEmulator
from emulators.host.front import Front, bind
from emulators.official.control import Control
from emulators.official.splice import Splice
from emulators.official.triggers import Triggers


class OfficialFirestore:
    """`functions` is the HOST:PORT of the Functions emulator, None when there is none."""

    def __init__(self, host: str, port: int, functions: str | None) -> None:
        self._host, self._port = host, port
        self._triggers = Triggers(functions) if functions else None
        self._firestore = FirestoreEmulator(on_commit=self._triggers)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="control", daemon=True)

    def start(self) -> str:
        """Serves in the background. Answers HOST:PORT. Raises Unavailable when the port is taken."""
        grpc = self._firestore.start()
        self._thread.start()
        self._run(self._start_control())
        self._splice = Splice(self._host, self._port, grpc, self._control_address)
        return self._splice.start()

    def stop(self) -> None:
        """Ends all calls. Events that were not posted yet are lost."""
        self._splice.stop()
        if self._triggers is not None:
            self._triggers.stop()
        self._run(self._front.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._firestore.stop()

    async def _start_control(self) -> None:
        listener = bind("127.0.0.1")
        self._control_address = f"127.0.0.1:{listener.getsockname()[1]}"
        self._front = Front(Control(self._firestore.clear, self._triggers).answer, listener)
        await self._front.start()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()
