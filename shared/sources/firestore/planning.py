"""How to read a scope: counts at one instant tell which way is cheapest, and prove that no way leaves anything out.

A collection whose own documents are all there is (flat) is read by pages. Few documents over much are walked. All
else is streamed, which always works. Large ones are cut, small neighbours share a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import Incomplete
from shared.format.key import prefix_range
from shared.sources.contract import Method, Part, Plan, Scope
from shared.sources.firestore.counting import Range, count_own
from shared.sources.firestore.cutting import counted, cut
from shared.sources.firestore.scopes import excluded_ranges, overlap, scope_ranges, without
from shared.sources.firestore.service import Service
from shared.sources.firestore.walking import PARENT_COST, collection_ids


@dataclass(frozen=True)
class Limits:
    """Sizes of parts, in documents. Chosen to fit well inside a function's 540 s on the real service."""

    part: int = 100_000
    """Where streams are cut, and up to where small neighbours share a part."""
    paged: int = 1_000_000
    """Where pages and walks are cut into slower streams: one lister cannot start in the middle."""


@dataclass(frozen=True)
class _Unit:
    """A collection or document of the scope, with everything below it."""

    path: str
    span: Range
    total: int
    method: Method
    alone: bool = True
    """May not share a part: what lies between it and its neighbour is not in the scope."""
    apart: bool = False
    """Something excluded lies between it and the unit before: the two may not share a part."""


def make_plan(
    service: Service, scope: Scope, at: datetime, limits: Limits, cuts: Sequence[bytes] = ()
) -> Plan:
    """The parts of a scope. Incomplete when the counts contradict one another even for the plan that always works."""
    prefixes = scope_ranges(scope)
    taken = excluded_ranges(scope)
    excluded = _count_excluded(service, list(prefixes.values()), taken, at)
    whole = sum(number for _, number in counted(service, list(prefixes.values()), at))
    expected = whole - sum(excluded.values())
    parts = _parts(service, _units(service, prefixes, taken, at), at, limits, cuts)
    if _total(parts) != expected:
        spans = [left for span in prefixes.values() for left in without(span, list(taken.values()))]
        units = (_Unit("", span, total, Method.STREAM) for span, total in counted(service, spans, at))
        parts = _parts(service, units, at, limits, cuts)
    found = _total(parts)
    if found != expected:
        raise Incomplete(
            f"planning: the parts hold {found} documents and the whole {expected} at {at.isoformat()}",
            hint="two counts at one instant must agree; try again with another instant",
        )
    return Plan(at, tuple(parts), expected, excluded)


def _total(parts: list[Part]) -> int:
    return sum(part.expected or 0 for part in parts)


def _count_excluded(
    service: Service, spans: Sequence[Range], taken: dict[str, Range], at: datetime
) -> dict[str, int]:
    """Documents of the scope that its exclusions leave out, by first segment."""
    shared = [(name, part) for name, out in taken.items() for span in spans if (part := overlap(span, out))]
    numbers: dict[str, int] = {}
    for (name, _), (_, number) in zip(
        shared, counted(service, [part for _, part in shared], at), strict=True
    ):
        numbers[name] = numbers.get(name, 0) + number
    return {name: number for name, number in numbers.items() if number}


def _units(
    service: Service, prefixes: dict[str, Range], taken: dict[str, Range], at: datetime
) -> Iterator[_Unit]:
    """Collections and documents of the scope that hold something, in key order."""
    everything = "" in prefixes
    paths = [name.decode() for name in collection_ids(service, b"", at)] if everything else list(prefixes)
    paths = [path for path in paths if path.split("/", 1)[0] not in taken]
    spans = [prefix_range(path) for path in paths]
    before = b""
    for path, (span, total) in zip(paths, counted(service, spans, at), strict=True):
        if total:
            apart = any(before <= start < span[0] for start, _ in taken.values())
            before = span[1]
            yield _Unit(path, span, total, _method(service, path, span, total, at), not everything, apart)


def _method(service: Service, path: str, span: Range, total: int, at: datetime) -> Method:
    """The cheapest way to read everything in a collection or below a document."""
    if len(path.split("/")) % 2 == 0:
        return Method.WALK if total > PARENT_COST else Method.STREAM
    own = count_own(service, path.encode(), span, at).value()
    if own == total:
        return Method.PAGES
    return Method.WALK if own * PARENT_COST <= total else Method.STREAM


def _parts(
    service: Service, units: Iterator[_Unit], at: datetime, limits: Limits, cuts: Sequence[bytes]
) -> list[Part]:
    parts: list[Part] = []
    group: list[_Unit] = []

    def close() -> None:
        if group:
            parts.append(_shared(group, at))
            group.clear()

    for unit in units:
        small = not unit.alone and unit.total * 4 <= limits.part
        if not small or unit.apart or sum(one.total for one in group) + unit.total > limits.part:
            close()
        if small:
            group.append(unit)
        else:
            parts += _alone(service, unit, at, limits, cuts)
    close()
    return [replace(part, number=number) for number, part in enumerate(parts)]


def _shared(group: list[_Unit], at: datetime) -> Part:
    """One part of small neighbours: walked over the root when they hold enough for it."""
    if len(group) == 1:
        return _part(group[0], at)
    total = sum(unit.total for unit in group)
    rich = total >= PARENT_COST * len(group) and all(unit.method is not Method.STREAM for unit in group)
    span = (group[0].span[0], group[-1].span[1])
    return Part(0, *span, Method.WALK if rich else Method.STREAM, total, at)


def _part(unit: _Unit, at: datetime) -> Part:
    path = "" if unit.method is Method.STREAM else unit.path
    return Part(0, *unit.span, unit.method, unit.total, at, path)


def _alone(
    service: Service, unit: _Unit, at: datetime, limits: Limits, cuts: Sequence[bytes]
) -> Iterator[Part]:
    """A part, or several when it is too large for one."""
    most = limits.part if unit.method is Method.STREAM else limits.paged
    if unit.total <= most:
        yield _part(unit, at)
        return
    method = Method.STREAM if unit.method is Method.PAGES else unit.method
    size = limits.part if method is Method.STREAM else limits.paged
    path = "" if method is Method.STREAM else unit.path
    for span, total in cut(service, (unit.span, unit.total), -(-unit.total // size), cuts, at):
        yield Part(0, *span, method, total, at, path)
