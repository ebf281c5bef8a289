"""One worker process as the host sees it: start it, hand it a request, kill it."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulators.host.messages import pack_request, receive_frame, unpack_response
from shared.errors import Unavailable

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from emulators.host.function import HostedFunction
    from emulators.host.messages import Request, Response
    from emulators.processes import Processes


class Gone(Unavailable):
    """The worker ended before it answered."""


@dataclass(frozen=True)
class Nursery:
    """What every worker of a host is started with. `log(name, line)` gets what workers print."""

    processes: Processes
    source: Path
    env: Mapping[str, str]
    log: Callable[[str, str], None]


class Worker:
    """Serves one request at a time. `Gone` means it is dead, or has been killed, and must be dropped."""

    def __init__(
        self,
        process: Process,
        processes: Processes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._processes = processes
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, function: HostedFunction, nursery: Nursery) -> Worker:
        """A worker whose module is still loading: see `ready`."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await nursery.processes.spawn_module(
                "emulators.host.worker",
                str(theirs.fileno()),
                function.name,
                function.signature,
                str(nursery.source),
                env=worker_env(function, nursery.env),
                log=lambda line: nursery.log(function.name, line),
                cwd=nursery.source.parent,
                pass_fds=(theirs.fileno(),),
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, nursery.processes, reader, writer)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._reader.at_eof()

    async def ready(self) -> None:
        """Returns when the function's module is loaded."""
        await self._receive()

    async def call(self, request: Request) -> Response:
        """The function's answer."""
        try:
            self._writer.write(pack_request(request))
            await self._writer.drain()
        except OSError as problem:
            raise Gone(f"worker {self.pid} ended before it was called") from problem
        return await self._receive()

    def dismiss(self) -> None:
        """Hangs up: an idle worker ends by itself."""
        self._writer.close()

    async def kill(self) -> None:
        """Ends the process and everything it started, at once."""
        self.dismiss()
        await self._processes.end([self._process])

    async def _receive(self) -> Response:
        try:
            return unpack_response(*await receive_frame(self._reader))
        except (asyncio.IncompleteReadError, OSError) as problem:
            raise Gone(f"worker {self.pid} ended before it answered") from problem


def worker_env(function: HostedFunction, env: Mapping[str, str]) -> dict[str, str]:
    """The variables the platform sets for a function, over those given."""
    return {
        **env,
        "FUNCTION_TARGET": function.name,
        "FUNCTION_SIGNATURE_TYPE": function.signature,
        "K_SERVICE": function.name,
        "K_REVISION": f"{function.name}-00001-loc",
        "PYTHONUNBUFFERED": "1",
    }
