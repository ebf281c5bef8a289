"""Each kind of fault in the delivery of events to functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from emulators.chaos import Fault, chaos
from emulators.chaos.events import HostileDeliveries
from emulators.host.messages import Request

EVENTS = [Request(headers=(("ce-id", str(number)),), body=b"x") for number in range(4)]


class Inner:
    """What deliveries are in the end: offered, and refused while there is no room."""

    def __init__(self) -> None:
        self.room = True
        self.taken: list[tuple[str, str]] = []
        self.stopped = False

    def offer(self, events: dict[str, Request]) -> bool:
        if self.room:
            self.taken += [(name, request.header("ce-id")) for name, request in events.items()]
        return self.room

    async def stop(self) -> None:
        self.stopped = True


def delivered(
    *faults: Fault, during: Callable[[int, Inner], object] = lambda *_: None, wait: float = 0.3
) -> list[str]:
    """The ids of four events, offered to two functions, as the first of them gets them."""

    async def run() -> list[str]:
        with chaos(*faults) as controller:
            inner: Any = Inner()
            deliveries = HostileDeliveries(controller, inner)
            for number, event in enumerate(EVENTS):
                during(number, inner)
                deliveries.offer({"first": event, "other": event})
            await asyncio.sleep(wait)
            await deliveries.stop()
            assert inner.stopped
            assert [event for name, event in inner.taken if name == "other"] == ["0", "1", "2", "3"]
            return [event for name, event in inner.taken if name == "first"]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("events", "duplicate", "first", nth=2), "01231"),
        (Fault("events", "delay", "first", nth=2, seconds=0.1), "0231"),
        (Fault("events", "reorder", "first", nth=2, seconds=60), "0213"),
        (Fault("events", "reorder", "first", nth=4, seconds=0.1), "0123"),
        (Fault("events", "reorder", "first", nth=1, times=2, seconds=60), "0213"),
        (Fault("events", "loss", "first", nth=2, times=2), "03"),
    ],
    ids=str,
)
def test_events_are_delivered_as_ordered(fault: Fault, expected: str) -> None:
    assert "".join(delivered(fault)) == expected


def test_a_late_event_waits_for_room() -> None:
    def during(number: int, inner: Inner) -> None:
        if number == 3:
            asyncio.get_running_loop().call_later(0.05, setattr, inner, "room", False)
            asyncio.get_running_loop().call_later(0.25, setattr, inner, "room", True)

    fault = Fault("events", "delay", "first", nth=1, seconds=0.1)
    assert delivered(fault, during=during, wait=0.6) == ["1", "2", "3", "0"]


def test_an_event_that_is_not_taken_is_refused_to_its_sender() -> None:
    async def run() -> None:
        with chaos() as controller:
            inner: Any = Inner()
            inner.room = False
            assert not HostileDeliveries(controller, inner).offer({"first": EVENTS[0]})

    asyncio.run(run())
