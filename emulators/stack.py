"""The whole local stack: each emulator in a process of its own, the router and the functions host here.

Promises: when `start` returns, everything serves; when `stop` returns, no process is left; when this process
is killed, none is left either. Everything listens on loopback only; state is kept in a directory, or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from emulators.chaos.shared import SharedChaos
from emulators.events.router import PREFIX, Router
from emulators.host.front import Front, bind
from emulators.host.function import HostedFunction
from emulators.host.host import Host
from emulators.host.process import Nursery
from emulators.loopback import check_loopback
from emulators.processes import Processes
from emulators.state import StateDirectory
from emulators.topology import topology
from functions.table import FUNCTIONS, DocumentTrigger, FunctionSpec, HttpTrigger, ObjectTrigger
from shared.errors import BadInput, Unavailable

if TYPE_CHECKING:
    import socket
    from asyncio.subprocess import Process
    from collections.abc import Callable, Coroutine, Mapping

    from emulators.chaos import Fired, Plan
    from emulators.chaos.plan import Service
    from emulators.host.messages import Request, Response

T = TypeVar("T")
READY_S = 30.0
_GRACE_S = 0.7


def _print(name: str, line: str) -> None:
    sys.stderr.write(f"[{name}] {line}\n")
    sys.stderr.flush()


def _nothing(_: str) -> None:
    """The default of `on_death`: the log has its line, and every client its error."""


@dataclass(frozen=True)
class StackOptions:
    """`source` is the functions' main.py. A port of 0 is any free one."""

    source: Path
    table: tuple[FunctionSpec, ...] = FUNCTIONS
    project: str = "demo-firekeep"
    host: str = "127.0.0.1"
    firestore_port: int = 0
    pubsub_port: int = 0
    storage_port: int | None = None
    """None: no Cloud Storage."""
    auth_port: int | None = None
    """None: no Auth."""
    functions_port: int = 0
    firestore_address: str | None = None
    """A Firestore emulator that runs already, as HOST:PORT. Its changes reach the functions only if it is told."""
    firestore_horizon_s: float = 3600
    """How far back reads may reach. Firestore's memory holds that much of the past."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables for the functions and clients, over those of this process."""
    backoff_s: tuple[float, float] | None = (0.1, 10.0)
    """Retries wait between these; None: as long as the table says, as in production."""
    prewarm: int = 0
    """How many workers of each function to load before `start` returns; none are loaded until needed."""
    log: Callable[[str, str], None] = _print
    """Gets (name, line) for what functions and emulators print, and the stack's own warnings."""
    chaos: Plan | None = None
    """What is to go wrong; it reaches everything but a Firestore that runs already."""
    data: Path | None = None
    """The directory that keeps the state of all services across runs (`emulators.state`); None: nothing is kept."""
    seed: str | None = None
    """A data set (`emulators.datasets.seed`) to load where there is nothing yet."""
    on_death: Callable[[str], None] = _nothing
    """Told, from another thread, the name of an emulator that has ended by itself."""


def start_stack(options: StackOptions) -> Stack:
    """A started stack; the caller stops it."""
    stack = Stack(options)
    stack.start()
    return stack


class Stack:
    """A context manager. Its methods may be called from any thread."""

    def __init__(self, options: StackOptions) -> None:
        check_loopback(options.host)
        _check_table(options.table)
        if not options.source.is_file():
            raise BadInput(f"starting the functions of {options.source}: there is no such file")
        if options.seed is not None:
            from emulators.datasets.seed import check_seed

            check_seed(options.seed)
        self.options = replace(options, source=options.source.resolve(), table=_timed(options))
        self.env: dict[str, str] = {}
        """The variables that point clients at this stack; set by `start`."""
        self.url = ""
        """Where the functions are: `{url}/NAME`."""
        self._inner = _Inner(self.options)
        self._state: StateDirectory | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack", daemon=True)

    def start(self) -> None:
        """Raises Unavailable when a part does not start, what opening a StateDirectory and loading a data set do;
        nothing is left running then."""
        self._thread.start()
        try:
            if self.options.data is not None:
                self._state = StateDirectory(self.options.data)
            self.env, self.url = self._run(self._inner.start())
            if self.options.seed is not None:
                from emulators.datasets.seed import seed_once
                from emulators.datasets.services import Services

                seed_once(self.options.seed, Services.of(self.options.project, self.env), self._state)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything, at once; what functions are doing is lost, as when an instance is killed."""
        if not self._thread.is_alive():
            return
        self._run(self._inner.stop())
        self._run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._state is not None:
            self._state.close()

    def workers(self, name: str) -> list[int]:
        """Process ids of a function's workers. Raises KeyError for an unknown function."""
        return self._run(self._inner.workers(name))

    def emulators(self) -> dict[str, int]:
        """Process ids of the emulators, by name."""
        return self._inner.emulators()

    def fired(self) -> list[Fired]:
        """What of `chaos` has come to pass; after `stop`, all of it."""
        return self._inner.fired()

    def guard(self, group: int) -> None:
        """Has a process group of the caller's killed when this process dies, as the stack's own are."""
        self._run(self._inner.guard(group, True))

    def unguard(self, group: int) -> None:
        self._run(self._inner.guard(group, False))

    def prewarm(self, count: int = 1) -> None:
        """Loads up to `count` workers of every function."""
        self._run(self._inner.prewarm(count))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, work: Coroutine[object, object, T]) -> T:
        if not self._thread.is_alive():
            work.close()
            raise BadInput("asking something of a local stack that is not running")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # An interrupted caller no longer waits, so nothing may go on behind its back.
            future.cancel()
            raise


class _Inner:
    """What runs in the stack's own event loop."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._emulators: dict[str, Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._cleanup = contextlib.AsyncExitStack()
        self._chaos = None if options.chaos is None else SharedChaos(options.chaos)

    async def start(self) -> tuple[dict[str, str], str]:
        options = self._options
        listener = bind(options.host, options.functions_port)
        url = _url(options.host, listener.getsockname()[1])
        self._cleanup.callback(listener.close)
        if self._chaos is not None:
            self._cleanup.callback(self._chaos.close)
        self._processes = Processes()
        self._cleanup.push_async_callback(self._processes.close, _GRACE_S)
        firestore, pubsub, auth = await asyncio.gather(self._firestore(url), self._pubsub(url), self._auth())
        env = {
            "FIRESTORE_EMULATOR_HOST": firestore,
            "PUBSUB_EMULATOR_HOST": pubsub,
            **auth,
            **await self._storage(pubsub, url),
            "FUNCTIONS_EMULATOR_HOST": url.removeprefix("http://"),
            "GOOGLE_CLOUD_PROJECT": options.project,
            "GCLOUD_PROJECT": options.project,
            **options.env,
        }
        await self._serve(listener, env)
        await self._host.prewarm(options.prewarm)
        return env, url

    async def _serve(self, listener: socket.socket, env: Mapping[str, str]) -> None:
        options = self._options
        nursery = Nursery(self._processes, options.source, {**os.environ, **env}, options.log)
        self._host = Host([_hosted(spec) for spec in options.table], nursery)
        self._cleanup.callback(self._host.dismiss)
        chaos = None if self._chaos is None else self._chaos.controller("events")
        self._router = Router(options.table, options.project, self._host.call, options.log, chaos)
        self._cleanup.push_async_callback(self._router.stop)
        front = Front(self._answer, listener)
        await front.start()
        self._cleanup.push_async_callback(front.stop)

    async def stop(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await self._cleanup.aclose()

    async def workers(self, name: str) -> list[int]:
        return self._host.workers(name)

    async def prewarm(self, count: int) -> None:
        await self._host.prewarm(count)

    async def guard(self, group: int, on: bool) -> None:
        (self._processes.guard if on else self._processes.unguard)(group)

    def fired(self) -> list[Fired]:
        return [] if self._chaos is None else self._chaos.fired()

    def emulators(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._emulators.items()}

    async def _answer(self, request: Request, gone: Callable[[], bool]) -> Response:
        if request.path.startswith(PREFIX):
            return await self._router.answer(request, gone)
        return await self._host.answer(request, gone)

    async def _firestore(self, url: str) -> str:
        options = self._options
        if options.firestore_address is not None:
            return options.firestore_address
        arguments = ["--port", str(options.firestore_port), "--project-id", options.project]
        arguments += ["--horizon", str(options.firestore_horizon_s)]
        patterns = [s.trigger.document for s in options.table if isinstance(s.trigger, DocumentTrigger)]
        if patterns:
            arguments += ["--events", f"{url}{PREFIX}firestore"]
        for pattern in patterns:
            arguments += ["--events-filter", pattern]
        return await self._emulator("firestore", arguments)

    async def _pubsub(self, url: str) -> str:
        options = self._options
        with tempfile.NamedTemporaryFile("w", prefix="firekeep-topology-", suffix=".json") as file:
            json.dump(topology(options.table, options.project, url), file)
            file.flush()
            return await self._emulator(
                "pubsub", ["--port", str(options.pubsub_port), "--topology", file.name]
            )

    async def _auth(self) -> dict[str, str]:
        options = self._options
        if options.auth_port is None:
            return {}
        arguments = ["--port", str(options.auth_port), "--project-id", options.project]
        return {"FIREBASE_AUTH_EMULATOR_HOST": await self._emulator("auth", arguments)}

    async def _storage(self, pubsub: str, url: str) -> dict[str, str]:
        """The client libraries differ in what they want to be told: an address or a URL."""
        options = self._options
        if options.storage_port is None:
            return {}
        arguments = ["--port", str(options.storage_port), "--project-id", options.project, "--pubsub", pubsub]
        watched = {s.trigger.bucket for s in options.table if isinstance(s.trigger, ObjectTrigger)}
        if watched:
            arguments += ["--events", f"{url}{PREFIX}storage"]
        for bucket in sorted(watched):
            arguments += ["--events-filter", bucket]
        for bucket in sorted({f"{options.project}.firebasestorage.app", *watched}):
            arguments += ["--bucket", bucket]
        address = await self._emulator("storage", arguments)
        return {"STORAGE_EMULATOR_HOST": f"http://{address}", "FIREBASE_STORAGE_EMULATOR_HOST": address}

    async def _emulator(self, name: Service, arguments: list[str]) -> str:
        """Starts `python -m emulators.NAME` and waits until it says where it serves."""
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        greeting = f"{name} ready "

        def log(line: str) -> None:
            if line.startswith(greeting) and not address.done():
                address.set_result(line.removeprefix(greeting).strip())
            else:
                self._options.log(name, line)

        chaos = [] if self._chaos is None else self._chaos.arguments(name)
        process = await self._processes.spawn_module(
            f"emulators.{name}",
            "--host",
            self._options.host,
            *arguments,
            *chaos,
            *self._keeping(name),
            env=os.environ,
            log=log,
        )
        self._emulators[name] = process
        ended = asyncio.create_task(self._watch(name, process))
        self._watchers.append(ended)
        await asyncio.wait((address, ended), timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        if not address.done():
            state = (
                f"it ended with status {process.returncode}" if ended.done() else "it gave no sign of life"
            )
            raise Unavailable(
                f"starting the {name} emulator: {state}", hint="its own message, if any, is above"
            )
        return address.result()

    def _keeping(self, name: Service) -> list[str]:
        data = self._options.data
        return [] if data is None else ["--data", str(data.resolve() / name)]

    async def _watch(self, name: str, process: Process) -> None:
        status = await process.wait()
        self._options.log(name, f"ERROR the {name} emulator ended with status {status}")
        self._options.on_death(name)


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _hosted(spec: FunctionSpec) -> HostedFunction:
    signature: Literal["cloudevent", "http"] = (
        "http" if isinstance(spec.trigger, HttpTrigger) else "cloudevent"
    )
    return HostedFunction(spec.name, signature, spec.timeout_s, spec.workers)


def _timed(options: StackOptions) -> tuple[FunctionSpec, ...]:
    if options.backoff_s is None:
        return options.table
    minimum, maximum = options.backoff_s
    return tuple(replace(spec, min_backoff_s=minimum, max_backoff_s=maximum) for spec in options.table)


def _check_table(table: tuple[FunctionSpec, ...]) -> None:
    names = [spec.name for spec in table]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"starting the stack: two functions are called {name!r}")


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
