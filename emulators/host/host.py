"""The functions host: finds the function a request names and has one of its workers answer.

`POST /NAME` is the function, as is `/PROJECT/REGION/NAME`, the form the client SDKs use for emulators; what
follows the name in the path is handed on to an HTTP function.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emulators.host.messages import Request, Response, never_gone, text
from emulators.host.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulators.host.function import HostedFunction
    from emulators.host.process import Nursery


class Host:
    """Serves the functions given; belongs to one event loop."""

    def __init__(self, functions: Iterable[HostedFunction], nursery: Nursery) -> None:
        self._pools = {function.name: Pool(function, nursery) for function in functions}

    def workers(self, name: str) -> list[int]:
        """Process ids of the function's running workers. Raises KeyError for an unknown function."""
        return self._pools[name].pids()

    async def prewarm(self, count: int = 1) -> None:
        """Loads `count` workers of every function."""
        await asyncio.gather(*(pool.prewarm(count) for pool in self._pools.values()))

    def dismiss(self) -> None:
        """Lets all workers go; their processes are ended by whoever started them."""
        for pool in self._pools.values():
            pool.dismiss()

    async def call(self, name: str, request: Request, gone: Callable[[], bool] = never_gone) -> Response:
        """Has the function answer; 404 for an unknown one."""
        pool = self._pools.get(name)
        return await pool.call(request, gone) if pool else text(404, f"there is no function {name!r}")

    async def answer(self, request: Request, gone: Callable[[], bool] = never_gone) -> Response:
        """Routes by path."""
        name, rest = self._route(request.path.strip("/").split("/"))
        inner = Request(request.method, "/" + rest, request.query, request.headers, request.body)
        return await self.call(name, inner, gone)

    def _route(self, segments: list[str]) -> tuple[str, str]:
        if segments[0] not in self._pools and len(segments) >= 3 and segments[2] in self._pools:
            segments = segments[2:]
        return segments[0], "/".join(segments[1:])
