"""The emulator as one object: an event loop in a thread of its own that serves gRPC and pushes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc.aio

from emulators.loopback import check_loopback
from emulators.pubsub.broker import Broker
from emulators.pubsub.keeping import Keeper
from emulators.pubsub.push import Pumps
from emulators.pubsub.recalling import recall
from emulators.pubsub.refusal import Refused
from emulators.pubsub.service import PubSubHandler
from emulators.pubsub.subscription import Subscription
from emulators.shelf import Shelf
from shared.errors import BadInput, FirekeepError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from emulators.chaos import Chaos
    from emulators.pubsub.topology import Topology

# Requests are limited to 10 MB by the service's own check, which must see a little more to refuse it.
_OPTIONS = [
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]
# Long enough for clients to be told politely; open streams and waiting pulls are then cut.
_GRACE_S = 0.1
# Retention and expiry are counted in minutes and days; this is how late they may come.
_SWEEP_S = 30.0


class PubSubEmulator:
    """Starts and stops a Pub/Sub emulator in this process. What it holds is kept in `data`, or not at all."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        topology: Topology | None = None,
        chaos: Chaos | None = None,
        data: Path | None = None,
    ) -> None:
        """With `data`, raises what opening a Shelf does. Without a topology, that of an earlier run stays."""
        self._host = check_loopback(host)
        self._port = port
        self._topology = topology
        self._chaos = chaos
        self._shelf = Shelf(data / "state") if data is not None else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pubsub", daemon=True)

    def start(self) -> str:
        """Serves in the background. Answers `HOST:PORT`. Raises BadInput for a topology that is refused or a state
        that is damaged, Unavailable when the port is taken."""
        self._thread.start()
        try:
            return self._run(self._start())
        except Refused as refusal:
            self.stop()
            raise BadInput(f"creating the Pub/Sub topology: {refusal.message}") from refusal
        except FirekeepError:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends streams and pushes at once."""
        if self._thread.is_alive():
            self._run(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        if self._shelf is not None:
            self._shelf.close()
            self._shelf = None

    def _run(self, coroutine: object) -> str:
        future: Future[str] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)  # type: ignore[arg-type]
        return future.result()

    async def _start(self) -> str:
        self._pumps = Pumps(self._topology.push_windows if self._topology else {})
        self._keeper = Keeper(self._shelf)
        broker = Broker(self._pumps.on_change, subscribe=_subscribe(self._chaos), keeper=self._keeper)
        self._server = grpc.aio.server(options=_OPTIONS, interceptors=_interceptors(self._chaos))
        self._server.add_generic_rpc_handlers((PubSubHandler(broker),))
        try:
            port = self._server.add_insecure_port(f"{self._host}:{self._port}")
        except RuntimeError as problem:
            raise Unavailable(f"starting Pub/Sub on {self._host}:{self._port}: {problem}") from problem
        recall(broker)
        if self._topology is not None:
            self._topology.create(broker)
        await self._server.start()
        self._sweeper = asyncio.create_task(_sweep(broker))
        return f"{self._host}:{port}"

    async def _stop(self) -> str:
        self._pumps.stop()
        await self._server.stop(grace=_GRACE_S)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._keeper.settle()
        return ""


def _subscribe(chaos: Chaos | None) -> Callable[..., Subscription]:
    if chaos is None:
        return Subscription
    from emulators.chaos.messages import HostileSubscription

    return partial(HostileSubscription, chaos)


def _interceptors(chaos: Chaos | None) -> list[Any]:
    if chaos is None:
        return []
    from emulators.chaos.loop_calls import LoopCalls

    return [LoopCalls(chaos, "pubsub")]


async def _sweep(broker: Broker) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        # What cannot be kept now goes the next time; the reason is logged.
        with contextlib.suppress(Refused):
            broker.sweep()
            broker.keeper.flush()
