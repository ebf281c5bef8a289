"""For tests: faults that were ordered must fire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from emulators.chaos.controller import Chaos, Fired
from emulators.chaos.plan import Fault, Plan


class FaultNeverFired(AssertionError):
    """The test proves less than it says: a fault that it ordered did not come to pass as often as ordered."""


@contextmanager
def chaos(*planned: Fault | Plan) -> Iterator[Chaos]:
    """A controller for emulators in this process. At the end of the block every ordered fault has fired.

    An error that leaves the block is not replaced by this one.
    """
    faults = [fault for each in planned for fault in (each.faults if isinstance(each, Plan) else (each,))]
    seeds = [each.seed for each in planned if isinstance(each, Plan)]
    controller = Chaos(Plan(tuple(faults), seeds[0] if seeds else "0"))
    yield controller
    check_fired(controller.plan, controller.fired)


def check_fired(plan: Plan, fired: Iterable[Fired]) -> None:
    """Raises FaultNeverFired, naming them, when faults with an `nth` have not fired as often as ordered."""
    places = [record.fault for record in fired]
    silent = [
        f"{fault}: {places.count(place)} of {fault.times}"
        for place, fault in enumerate(plan.faults)
        if fault.ordered and places.count(place) < fault.times
    ]
    if silent:
        raise FaultNeverFired("planned faults never fired:\n" + "\n".join(silent))
