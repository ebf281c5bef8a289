"""The workers of one function: started on demand, never more than allowed, killed when they take too long.

Requests wait their turn in order, a bounded number of them. A worker that dies or is killed is replaced when
the next request needs one; what it was doing is answered 500 or 504, so that the event is delivered again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emulators.host.messages import never_gone, text
from emulators.host.process import Gone, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.host.function import HostedFunction
    from emulators.host.messages import Request, Response
    from emulators.host.process import Nursery

STARTUP_S = 60.0
WAITING_MOST = 1000


class Pool:
    """Answers requests to one function; belongs to one event loop."""

    def __init__(self, function: HostedFunction, nursery: Nursery) -> None:
        self.function = function
        self._nursery = nursery
        self._turn = asyncio.Semaphore(function.workers)
        self._waiting = 0
        self._idle: list[Worker] = []
        self._workers: set[Worker] = set()

    def pids(self) -> list[int]:
        """The process ids of the workers that are running, busy or not."""
        return sorted(worker.pid for worker in self._workers if worker.alive)

    async def prewarm(self, count: int) -> None:
        """Has `count` workers loaded and waiting, as far as the function's limit allows."""
        async with asyncio.TaskGroup() as group:
            for _ in range(min(count, self.function.workers) - len(self._workers)):
                group.create_task(self._warm())

    def dismiss(self) -> None:
        """Lets all workers go; their processes are ended by whoever started them."""
        for worker in self._workers:
            worker.dismiss()

    async def call(self, request: Request, gone: Callable[[], bool] = never_gone) -> Response:
        """The function's answer; 429 when too many wait, 504 when it took too long, 500 when it died.

        `gone` says whether the caller has given up; one that has is not served when its turn comes.
        """
        if self._waiting >= WAITING_MOST:
            return text(429, f"{self.function.name}: too many requests are waiting")
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            return text(499, "the caller is gone") if gone() else await self._serve(request)
        finally:
            self._turn.release()

    async def _warm(self) -> None:
        async with self._turn:
            worker = await self._obtain()
            if worker is not None:
                self._idle.append(worker)

    async def _serve(self, request: Request) -> Response:
        worker = await self._obtain()
        if worker is None:
            return text(500, f"{self.function.name}: no worker could be started")
        answered = False
        try:
            async with asyncio.timeout(self.function.timeout_s):
                response = await worker.call(request)
            answered = True
        except TimeoutError:
            self._say(f"killed: it ran longer than {self.function.timeout_s:g} s")
            return text(504, f"{self.function.name}: the function ran out of time")
        except Gone:
            self._say("died while it was serving a request")
            return text(500, f"{self.function.name}: the function ended without an answer")
        finally:
            # Whatever else happens here, a worker of unknown state is never used again.
            await self._settle(worker, answered)
        return response

    async def _obtain(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            await self._settle(worker, reusable=False)
        return await self._start()

    async def _start(self) -> Worker | None:
        try:
            worker = await Worker.start(self.function, self._nursery)
        except OSError as problem:
            self._say(f"could not be started: {problem}")
            return None
        self._workers.add(worker)
        ready = False
        try:
            async with asyncio.timeout(STARTUP_S):
                await worker.ready()
            ready = True
        except (TimeoutError, Gone):
            self._say("did not start; its own message is above")
        finally:
            if not ready:
                await self._settle(worker, reusable=False)
        return worker if ready else None

    async def _settle(self, worker: Worker, reusable: bool) -> None:
        if reusable:
            self._idle.append(worker)
        else:
            self._workers.discard(worker)
            await worker.kill()

    def _say(self, line: str) -> None:
        self._nursery.log(self.function.name, line)
