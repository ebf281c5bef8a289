"""A plan at work in one process: which fault strikes a call or a delivery, and what has come to pass."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from emulators.chaos.draw import draw
from emulators.chaos.plan import ANSWERS, DELIVERIES, Fault, Kind, Plan, Service


@dataclass(frozen=True)
class Fired:
    """A fault that came to pass: its place in the plan, and the how-manieth of what it struck."""

    fault: int
    service: str
    kind: str
    on: str
    number: int


@dataclass(frozen=True)
class Strike:
    """A fault that is due now. Whoever carries it out says so with `fired`, once it really has happened."""

    fault: Fault
    _record: Fired
    _chaos: Chaos

    def fired(self) -> None:
        self._chaos.note(self._record)


class Chaos:
    """Safe from many threads. What fires is kept in `fired`, and appended to the file `log` when there is one.

    A chance depends on the seed, the fault, the service, the method and the how-manieth call of that method it is,
    and on nothing else. A fault with an `nth` counts what it matches and no earlier fault of the plan has struck.
    """

    def __init__(self, plan: Plan, log: Path | None = None) -> None:
        self.plan = plan
        self.log = log
        self.fired: list[Fired] = []
        self._lock = threading.Lock()
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._matches: Counter[int] = Counter()

    def call(self, service: Service, name: str, family: str | None = None) -> Strike | None:
        """What happens to a call. `family` is its name without what names a single object; it is what is counted."""
        return self._due(service, ANSWERS, name, family or name)

    def delivery(self, service: Service, name: str, possible: frozenset[Kind] = DELIVERIES) -> Strike | None:
        """What happens to the first delivery of a message or an event; `possible`, where not everything is."""
        return self._due(service, possible, name, f"to {name}")

    def note(self, record: Fired) -> None:
        with self._lock:
            self.fired.append(record)
            if self.log is not None:
                _append(self.log, record)

    def _due(self, service: Service, kinds: frozenset[Kind], name: str, family: str) -> Strike | None:
        with self._lock:
            self._numbers[service, family] += 1
            number = self._numbers[service, family]
            for place, fault in enumerate(self.plan.faults):
                if fault.service != service or fault.kind not in kinds or not fault.concerns(name):
                    continue
                if self._strikes(place, fault, family, number):
                    return Strike(fault, Fired(place, service, fault.kind, family, number), self)
        return None

    def _strikes(self, place: int, fault: Fault, family: str, number: int) -> bool:
        if fault.nth is None:
            return draw(self.plan.seed, place, fault.service, family, number) < fault.chance
        self._matches[place] += 1
        return fault.nth <= self._matches[place] < fault.nth + fault.times


def _append(log: Path, record: Fired) -> None:
    """One write to the end of the file, so that the lines of several processes never mix."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, json.dumps(asdict(record), ensure_ascii=False).encode() + b"\n")
    finally:
        os.close(descriptor)


def read_fired(log: Path) -> list[Fired]:
    """What processes have appended so far; a line that is still being written is left for later."""
    if not log.exists():
        return []
    whole = log.read_bytes().rpartition(b"\n")[0]
    return [Fired(**json.loads(line)) for line in whole.splitlines()]


def tally(fired: Iterable[Fired]) -> dict[str, Counter[str]]:
    """How often each kind struck, by service."""
    counts: dict[str, Counter[str]] = {}
    for record in fired:
        counts.setdefault(record.service, Counter())[record.kind] += 1
    return counts
