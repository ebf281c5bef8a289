"""At-least-once delivery of events that were handed over and are kept here until a function takes them.

Bounded in bytes over all functions: what does not fit is refused, and its sender keeps it. An event whose
attempts are used up is dropped with a warning, as the platform does after its day of retries.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from emulators.events.subscriber import Subscriber
    from emulators.host.messages import Request, Response

    Invoke = Callable[[str, Request], Awaitable[Response]]
    Log = Callable[[str, str], None]

KEPT_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class _Event:
    request: Request
    failures: int = 0


class Deliveries:
    """Delivers to each subscriber with as many calls at once as it has workers. Belongs to one loop."""

    def __init__(self, subscribers: Iterable[Subscriber], invoke: Invoke, log: Log) -> None:
        self._invoke = invoke
        self._log = log
        self._kept = 0
        self._queues: dict[str, asyncio.Queue[_Event]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        for subscriber in subscribers:
            queue = self._queues[subscriber.name] = asyncio.Queue()
            for _ in range(subscriber.attempts.workers):
                self._tasks.append(asyncio.create_task(self._deliver(subscriber, queue)))

    def offer(self, events: dict[str, Request]) -> bool:
        """Takes one event for each of several functions, or none when there is no room for them."""
        size = sum(map(_size, events.values()))
        if self._kept + size > KEPT_BYTES:
            return False
        self._kept += size
        for name, request in events.items():
            self._queues[name].put_nowait(_Event(request))
        return True

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, subscriber: Subscriber, queue: asyncio.Queue[_Event]) -> None:
        while True:
            event = await queue.get()
            response = await self._invoke(subscriber.name, event.request)
            if not response.ok:
                event.failures += 1
                if event.failures < subscriber.attempts.most:
                    pause = subscriber.attempts.backoff.pause(event.failures)
                    asyncio.get_running_loop().call_later(pause, queue.put_nowait, event)
                    continue
                event_id = event.request.header("ce-id")
                self._log(
                    subscriber.name,
                    f"WARNING event {event_id} dropped after {event.failures} attempts (status {response.status})",
                )
            self._kept -= _size(event.request)


def _size(request: Request) -> int:
    """About as many bytes as it takes: a small event is mostly headers."""
    return len(request.body) + sum(len(key) + len(value) + 200 for key, value in request.headers)
