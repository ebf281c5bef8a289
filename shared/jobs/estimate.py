"""What a backup would take, told before it is made: documents are counted, all else is listed, no file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.contents import ENTRIES
from shared.errors import BadInput, NotFound
from shared.format.forms import FORMS
from shared.jobs.asked import Wanted, excluded
from shared.jobs.commit import bytes_of
from shared.jobs.costs import Estimate, Found, Past, work_out
from shared.jobs.limit import limit_of
from shared.jobs.ports import Ports
from shared.jobs.selecting import Chosen, inside, outermost, selected
from shared.models.prices import Prices
from shared.sources.contract import Plan, Scope
from shared.state.contract import Task

_LISTING_S = 20.0
_DOUBT = 4

Enough = Callable[[], bool]


def estimate(ports: Ports, wanted: Wanted, prices: Prices, *, seconds: float | None = None) -> Estimate:
    """Without a limit of `seconds` everything is listed; with it, what was seen by then is told as `at least`."""
    at = ports.sources[ENTRIES].instant() if ENTRIES in ports.sources else ports.clock.now()
    found = measure(ports, wanted.chosen.values(), at, excluded(ports, wanted), {}, seconds=seconds)
    return work_out(found, past(ports), prices)


def measure(
    ports: Ports,
    chosen: Iterable[Chosen],
    at: datetime,
    exclude: Sequence[str],
    plans: Mapping[str, Plan],
    *,
    seconds: float | None = None,
) -> dict[str, Found]:
    """What there is of each content at `at`, of documents none in the root collections `exclude`.

    `plans` are those that are known already.
    """
    ends = None if seconds is None else ports.clock.monotonic() + seconds

    def enough() -> bool:
        return ends is not None and ports.clock.monotonic() >= ends

    found = {}
    for one in chosen:
        own = exclude if one.content == ENTRIES else ()
        plan = plans.get(one.content) or ports.sources[one.content].plan(one.scope(own), at)
        if plan.expected is None:
            found[one.content] = _listed(ports, one, plan, enough)
        else:
            found[one.content] = _counted(ports, one, plan, own)
    return found


def check_fits(ports: Ports, job: Task, plans: Mapping[str, Plan]) -> None:
    """BadInput when the backup will store more than its limit, by all that is known before it is read.

    An upper bound proves nothing. An estimate that rests on assumptions has to be far beyond the limit.
    """
    limit = limit_of(job)
    if limit is None:
        return
    data = job.data
    found = measure(ports, selected(job), data["at"], data["exclude"], plans, seconds=_LISTING_S)
    expected = work_out(found, past(ports), Prices())
    allowed = limit * (_DOUBT if expected.assumptions else 1)
    if expected.exactness != "at most" and expected.stored > allowed:
        raise BadInput(
            f"backup {job.id.job} would store about {expected.stored} bytes, more than the {limit} "
            "that maxSize allows; nothing was read",
            hint="`firekeep estimate` tells more; choose less, or raise maxSize",
        )


def past(ports: Ports) -> Past | None:
    """The last backup, if there is one whose manifest is there."""
    newest = ports.catalog.newest_completed()
    if not newest:
        return None
    try:
        manifest = ports.repository().manifest(newest)
    except NotFound:
        return None
    told = manifest.statistics
    return Past(
        newest,
        {name: Found(root.count, bytes_of(manifest, name)) for name, root in manifest.roots.items()},
        int(told.get("storedBytes", 0)),
        int(told.get("bytesDownloaded", 0)),
        float(told.get("seconds", 0.0)),
    )


def _counted(ports: Ports, one: Chosen, plan: Plan, own: Iterable[str]) -> Found:
    """By the source's own counts. What patterns leave out by a wildcard cannot be counted, and is not taken off."""
    number = plan.expected or 0
    apart = [name for name in _left_out(one) if name.split("/", 1)[0] not in own]
    if apart:
        less = ports.sources[one.content].plan(Scope(tuple(apart), tuple(own)), plan.at)
        number -= less.expected or 0
    exact = all(pattern.exact for pattern in (*one.include, *one.exclude))
    return Found(number, None, "exact" if exact else "at most")


def _left_out(one: Chosen) -> tuple[str, ...]:
    """What of the scope is surely left out, as names that do not lie under one another."""
    excluded = [pattern.literal for pattern in one.exclude if pattern.exact]
    within = one.prefixes
    if not within:
        return outermost(excluded)
    inner = [name for name in excluded if any(inside(name, outer) for outer in within)]
    return outermost([*inner, *(name for name in within if any(inside(name, other) for other in excluded))])


def _listed(ports: Ports, one: Chosen, plan: Plan, enough: Enough) -> Found:
    """By listing: of files only what describes them is asked for."""
    found, source = Found(0, 0), ports.sources[one.content]
    weight = FORMS[one.content].weight
    for part in plan.parts:
        for keys, values in source.read(part):
            meant = [
                (key, value)
                for key, value in zip(keys, values, strict=True)
                if one.keeps is None or one.keeps(key)
            ]
            size = sum(len(key) + weight(value) for key, value in meant)
            found = replace(found, records=found.records + len(meant), bytes=(found.bytes or 0) + size)
            if enough():
                return replace(found, exactness="at least")
    return found
