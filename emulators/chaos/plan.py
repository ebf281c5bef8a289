"""What is to go wrong, as plain values: no clock, no chance but that of a seed, and JSON to hand it to processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from shared.errors import BadInput

Service = Literal["firestore", "pubsub", "storage", "auth", "events"]
Kind = Literal["slow", "fail", "lost", "cut", "duplicate", "delay", "reorder", "loss"]
Status = Literal["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "ABORTED"]

ANSWERS: frozenset[Kind] = frozenset({"slow", "fail", "lost", "cut"})
DELIVERIES: frozenset[Kind] = frozenset({"duplicate", "delay", "reorder", "loss"})
KINDS: dict[Service, frozenset[Kind]] = {
    "firestore": ANSWERS,
    "pubsub": ANSWERS | DELIVERIES,
    "storage": ANSWERS,
    "auth": ANSWERS - {"cut"},
    "events": DELIVERIES,
}
_GRPC: frozenset[Service] = frozenset({"firestore", "pubsub"})


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    To answers: `slow` comes `seconds` later; `fail` is `status` before anything has happened; `lost` does all that was
    asked and breaks off before the answer (of a stream, before its message after the first `after`); `cut` breaks a
    stream off when `after` messages, or a download when `after` bytes, have arrived.
    To deliveries: `duplicate` comes twice; `delay` comes `seconds` later; `reorder` comes after the next one, or after
    `seconds`; `loss` is one attempt of a message that then comes again, or an event that never comes.

    `match` is a glob, or several with `|` between them, on what is struck: the method of a gRPC call (`Commit`,
    `Publisher/Publish`), the method and path of an HTTP request (`GET /storage/v1/b/*`), the short name of the
    subscription or the name of the function that a delivery is for. Of those, `nth` strikes the n-th and the
    `times` - 1 that follow, and is a promise: it must fire. Without `nth`, each is struck with `chance`, by the seed.
    """

    service: Service
    kind: Kind
    match: str = "*"
    nth: int | None = None
    times: int = 1
    chance: float = 0.0
    status: Status = "UNAVAILABLE"
    seconds: float = 1.0
    after: int = 0

    def __post_init__(self) -> None:
        """BadInput for a fault that no service could show."""
        _check(self.service in KINDS, self, f"the services are {', '.join(KINDS)}")
        allowed = KINDS[self.service]
        _check(self.kind in allowed, self, f"{self.service} knows {', '.join(sorted(allowed))}")
        _check(self.status in get_args(Status), self, f"statuses are {', '.join(get_args(Status))}")
        http = self.service not in _GRPC and self.kind == "fail"
        _check(not (http and self.status == "ABORTED"), self, "only gRPC knows ABORTED")
        _check((self.nth is None) != (self.chance == 0.0), self, "give either `nth` or `chance`")
        _check(self.nth is None or self.nth >= 1, self, "`nth` counts from 1")
        _check(0.0 <= self.chance <= 1.0, self, "`chance` is between 0 and 1")
        _check(self.times >= 1 and self.seconds >= 0 and self.after >= 0, self, "numbers are not negative")

    @property
    def ordered(self) -> bool:
        """Whether it must fire, or only may."""
        return self.nth is not None

    def concerns(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self.match.split("|"))

    def __str__(self) -> str:
        what = f"{self.kind} {self.status}" if self.kind == "fail" else self.kind
        which = f"number {self.nth}" if self.nth is not None else f"with chance {self.chance:g}"
        return f"{self.service} {what} of {self.match} ({which})"


@dataclass(frozen=True)
class Plan:
    """Faults, of which the first that is due strikes, and the seed that chances are drawn from."""

    faults: tuple[Fault, ...] = ()
    seed: str = "0"

    @staticmethod
    def from_seed(seed: int | str) -> Plan:
        """A moderate mixture of what the services do show and their clients should survive."""
        from emulators.chaos.mixture import mixture

        return Plan(mixture(str(seed)), str(seed))

    def concerns(self, service: Service) -> bool:
        """Whether there is anything in it for a service."""
        return any(fault.service == service for fault in self.faults)

    def to_json(self) -> dict[str, Any]:
        return {"seed": self.seed, "faults": [asdict(fault) for fault in self.faults]}

    @staticmethod
    def from_json(text: str) -> Plan:
        """Raises BadInput for what is no plan."""
        try:
            found = json.loads(text)
            return Plan(tuple(_fault(each) for each in found["faults"]), str(found.get("seed", "0")))
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            raise BadInput(
                f"reading a chaos plan: {problem!r}",
                hint='it is {"seed": …, "faults": [{"service": …, "kind": …, "match": …, "nth": …}]}',
            ) from problem


def _fault(found: dict[str, Any]) -> Fault:
    types = {"nth": int | None, "times": int, "after": int, "chance": float | int, "seconds": float | int}
    for field in fields(Fault):
        value = found.get(field.name, field.default)
        if not isinstance(value, types.get(field.name, str)) or isinstance(value, bool):
            raise TypeError(f"a fault has no valid {field.name!r}")
    return Fault(**found)


def _check(true: bool, fault: Fault, why: str) -> None:
    if not true:
        raise BadInput(f"planning {fault.kind} for {fault.service}: {why}")
