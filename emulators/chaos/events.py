"""Faults in the delivery of events to functions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.chaos.controller import Chaos, Strike
    from emulators.events.delivery import Deliveries
    from emulators.host.messages import Request

_AGAIN_S = 0.1


class HostileDeliveries:
    """Deliveries that do to each event, for each function, what `chaos` says. Belongs to the same loop."""

    def __init__(self, chaos: Chaos, inner: Deliveries) -> None:
        self._chaos = chaos
        self._inner = inner
        self._overtaken: dict[str, list[_Late]] = {}
        self._late: set[_Late] = set()

    def offer(self, events: dict[str, Request]) -> bool:
        """Takes the events; when there is no room for one, all may be offered again: some come twice then."""
        taken = [self._offer(name, request) for name, request in events.items()]
        return all(taken)

    async def stop(self) -> None:
        for late in self._late:
            late.timer.cancel()
        await self._inner.stop()

    def _offer(self, name: str, request: Request) -> bool:
        overtaken = self._overtaken.pop(name, [])
        strike = self._chaos.delivery("events", name)
        taken = self._inner.offer({name: request}) if strike is None else self._strike(strike, name, request)
        for late in overtaken:
            late.now()
        return taken

    def _strike(self, strike: Strike, name: str, request: Request) -> bool:
        kind = strike.fault.kind
        if kind in {"duplicate", "delay", "reorder"}:
            first = kind != "duplicate" or self._inner.offer({name: request})
            if not first:
                return False
            late = _Late(lambda: self._inner.offer({name: request}), self._late)
            late.begin(0 if kind == "duplicate" else strike.fault.seconds)
            if kind == "reorder":
                self._overtaken.setdefault(name, []).append(late)
        strike.fired()
        return True


class _Late:
    """Something to be offered later, or `now`, until it is taken: once. It is in `waiting` until then."""

    def __init__(self, offer: Callable[[], bool], waiting: set[_Late]) -> None:
        self._offer = offer
        self._waiting = waiting

    def begin(self, seconds: float) -> None:
        self._waiting.add(self)
        self.timer = asyncio.get_running_loop().call_later(seconds, self.now)

    def now(self) -> None:
        if self not in self._waiting:
            return
        self.timer.cancel()
        if self._offer():
            self._waiting.discard(self)
        else:
            self.begin(_AGAIN_S)
