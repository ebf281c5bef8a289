"""Look how the system is, tell what has changed, write the health document.

A look holds the state's lease, so a tick that is delivered twice, or two at once, tell a thing once. What is to be told
is written down before it is told, and crossed out after: a look that died in between is gone on with by the next, and
then a channel may hear the same twice, with the same id. A channel that fails is tried again at each look for a day,
and shown in the health document; it stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.errors import FirekeepError
from shared.format.seal import name_of
from shared.jobs.health import Findings, alerts_of, cut, facts_of, health_of, look, looked_back
from shared.jobs.ports import Ports, Report
from shared.jobs.statistics import missing
from shared.models.health import ChannelHealth, Health, PendingNotice, WatchState
from shared.monitoring.contract import Metrics, WatchStore
from shared.notify.contract import Channel, Notice
from shared.policy.alerts import Before, Facts, Transition, Wrong, transitions, wrongs

MONITOR_TOPIC = "backup-monitor"

_LEASE: Final = timedelta(minutes=15)
_TRIED_FOR: Final = timedelta(days=1)
_TELLING_S: Final = 240.0


@dataclass(frozen=True)
class Watch:
    """What the monitor uses besides the ports of every job."""

    ports: Ports
    store: WatchStore
    channels: Callable[[], Sequence[Channel]]
    metrics: Metrics
    verify_within: timedelta


def run_monitor(watch: Watch) -> Report:
    """One look. Busy while another is at it."""
    owner, now = watch.ports.owner(), watch.ports.clock.now()
    config = watch.ports.catalog.storage_config()
    switches = config.monitoring if config else None
    if switches and not switches.enabled:
        return Report("monitor", "off")
    state = watch.store.claim(owner, now, now + _LEASE)
    channels = watch.channels()
    found, facts = _look(watch, state)
    watch.store.save_statistics(found.new)
    told = transitions(facts, _before(state), _opened(state))
    names = [one.name for one in channels] if not switches or switches.alerts else []
    state = _after(state, found, facts, told, names)
    watch.store.save(owner, state, now + _LEASE)
    state = _tell(watch, owner, state, {one.name: one for one in channels}, now)
    earlier = watch.store.health()
    health = health_of(found, facts, state, earlier.proven if earlier else None)
    watch.store.save_health(health)
    watch.store.save(owner, state, None)
    if health.recovery_point_age is not None and (not switches or switches.metrics):
        watch.metrics.recovery_point(health.recovery_point_age)
    shown = told if not switches or switches.logging else ()
    return Report(
        "monitor",
        health.state,
        {
            "began": [one.wrong.message for one in shown if one.began],
            "over": [one.wrong.message for one in shown if not one.began],
            "open": len(state.alerts),
            "untold": len(state.pending),
        },
    )


def status(watch: Watch) -> Health:
    """How the system is now. Nothing is written and nobody is told."""
    state, earlier = watch.store.state(), watch.store.health()
    found, facts = _look(watch, state)
    # What only counts when it is seen twice is believed at once by somebody who looks.
    before = Before(lost=facts.lost, unreadable=bool(facts.unreadable))
    now = list(wrongs(facts, before, frozenset(_opened(state))))
    shown = state.changed(alerts=alerts_of(now, state, found.now))
    return health_of(found, facts, shown, earlier.proven if earlier else None)


def _look(watch: Watch, state: WatchState) -> tuple[Findings, Facts]:
    """With the statistics that were missing, where the repository can be read: else looking finds why not."""
    now = watch.ports.clock.now()
    try:
        new = missing(watch.ports, watch.store)
    except FirekeepError:
        new = []
    known = watch.store.statistics(looked_back(now))
    found = look(watch.ports, [*known, *new], state.storage)
    since = state.since or now if found.schedule else None
    return replace(found, new=new), facts_of(found, since, watch.verify_within)


def _before(state: WatchState) -> Before:
    return Before(lost=state.lost, unreadable=state.unreadable)


def _opened(state: WatchState) -> dict[str, Wrong]:
    return {one.key: Wrong(one.key, one.kind, one.message) for one in state.alerts}


def _after(
    state: WatchState, found: Findings, facts: Facts, told: Sequence[Transition], names: Sequence[str]
) -> WatchState:
    """The state with what has changed, and what is to be told of it."""
    over = {one.wrong.key for one in told if not one.began}
    kept = tuple(one for one in state.alerts if one.key not in over)
    new = alerts_of([one.wrong for one in told if one.began], state, found.now)
    notices = [_pending(one, found.now, names) for one in told if names]
    return state.changed(
        alerts=(*kept, *new),
        pending=(*state.pending, *notices),
        lost=facts.lost,
        unreadable=bool(facts.unreadable),
        since=facts.watched_since,
        storage=found.storage,
    )


def _pending(one: Transition, now: datetime, names: Sequence[str]) -> PendingNotice:
    mark = name_of(f"{one.wrong.key} {one.began}".encode()).hex()[:12]
    return PendingNotice(
        id=f"{now:%Y%m%dT%H%M%SZ}-{mark}",
        kind=one.wrong.kind,
        began=one.began,
        message=cut(one.wrong.message),
        at=now,
        channels=tuple(names),
    )


def _tell(
    watch: Watch, owner: str, state: WatchState, channels: Mapping[str, Channel], now: datetime
) -> WatchState:
    """Tell what is to be told, each channel its own, and write down what was; the oldest first."""
    ends = watch.ports.clock.monotonic() + _TELLING_S
    health = {name: next((one for one in state.channels if one.name == name), None) for name in channels}
    failing: set[str] = set()
    pending: list[PendingNotice] = list(state.pending)
    for notice in state.pending:
        left = [name for name in notice.channels if name in channels]
        for name in [one for one in left if one not in failing]:
            if watch.ports.clock.monotonic() > ends:
                break
            why = _sent(channels[name], _notice(notice, watch.ports.place.project))
            before = health[name]
            if why:
                # The rest would fail too, and what began is told before what is over.
                failing.add(name)
                since = before.since if before and before.error else now
                health[name] = ChannelHealth(name=name, error=cut(why), since=since)
                continue
            health[name] = ChannelHealth(name=name)
            left.remove(name)
            pending = _crossed(pending, notice, left)
            watch.store.save(owner, state.changed(pending=tuple(pending)), now + _LEASE)
        pending = _crossed(pending, notice, left if now - notice.at < _TRIED_FOR else [])
    shown = tuple(one or ChannelHealth(name=name) for name, one in health.items())
    return state.changed(pending=tuple(pending), channels=shown)


def _crossed(
    pending: Sequence[PendingNotice], notice: PendingNotice, left: Sequence[str]
) -> list[PendingNotice]:
    changed = [one.changed(channels=tuple(left)) if one.id == notice.id else one for one in pending]
    return [one for one in changed if one.channels]


def _notice(notice: PendingNotice, project: str) -> Notice:
    return Notice(notice.id, project, notice.kind, notice.began, notice.message, notice.at)


def _sent(channel: Channel, notice: Notice) -> str:
    """Why it was not accepted; empty when it was."""
    try:
        channel(notice)
    except FirekeepError as error:
        return str(error)
    return ""
