"""One repository in several places: a decorator over an ordered list of providers, of which the first decides.

An object is there when the first place has it; a put succeeds when that one and at least `required` in all hold it.
Places that do not are remembered as lagging, and brought up to date later by `transfer`. An object whose name is the
hash of its bytes goes to all at once; any other goes to the first place first, so that of two writers the same wins
everywhere. Reading falls over to the next place; listing never does, as a place that lags lists too little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Final, TypeVar

from shared.errors import BadInput, Conflict, Corrupt, FirekeepError, NotFound, Unavailable
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version

T = TypeVar("T")

_Writes = list[Future[object]]
_Failures = list[tuple[str, FirekeepError]]
_Errors = list[FirekeepError]
_Lags = list["Lag"]

_HASH = re.compile(r"(.*/)?[0-9a-f]{64}")
_THREADS: Final = 32
_FOLLOW_TRIES: Final = 50


@dataclass(frozen=True)
class Member:
    """One of the places, and how messages call it."""

    name: str
    provider: Provider


@dataclass(frozen=True)
class Lag:
    """What a place lacks: how many writes it missed, the key of the first of them, and why that one failed."""

    name: str
    writes: int
    first: str
    why: str


class ReplicatedProvider:
    """`told` is called when a place begins to lag. `past_damage` reads the next place also where one answers with
    damaged bytes: for salvage."""

    def __init__(
        self,
        members: Sequence[Member],
        required: int,
        *,
        told: Callable[[Lag], None],
        past_damage: bool = False,
    ) -> None:
        if not 1 <= required <= len(members):
            raise BadInput(
                f"{required} copies are required of a repository in {len(members)} places",
                hint="set FIREKEEP_REQUIRED_COPIES to a number from 1 to that of the places",
            )
        self._first, *self._others = members
        self._required = required
        self._told = told
        self._over: tuple[type[FirekeepError], ...] = (Unavailable, NotFound)
        if past_damage:
            self._over = (*self._over, Corrupt)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="copies")
        self._lock = Lock()
        self._lags: dict[str, Lag] = {}

    def lagging(self) -> _Lags:
        """The places that missed a write of this process."""
        with self._lock:
            return sorted(self._lags.values(), key=lambda lag: lag.name)

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        """As the port's. Conflict, too, is said only when enough places hold what is there."""
        if expect != ABSENT:
            version = self._first.provider.put(key, data, expect)
            self._settle(key, self._start(lambda one: _follow(one, self._first.provider, key)))
            return version
        early = self._start(lambda one: _create(one, key, data)) if _HASH.fullmatch(key) else None
        try:
            version = self._first.provider.put(key, data)
        except Conflict:
            self._settle(key, early or self._start_equal(key))
            raise
        except FirekeepError:
            self._settled(key, early or [])
            raise
        self._settle(key, early or self._start(lambda one: _create(one, key, data)))
        return version

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self._any(lambda one: one.get(key, span))

    def stat(self, key: str) -> Stat:
        return self._any(lambda one: one.stat(key))

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        return self._first.provider.list(prefix, after)

    def delete(self, key: str) -> None:
        """In the first place last: what could not be deleted everywhere is still listed, and comes up again."""
        for member in reversed([self._first, *self._others]):
            member.provider.delete(key)

    def hold(self, key: str, until: datetime) -> None:
        self._first.provider.hold(key, until)
        self._settle(key, self._start(lambda one: one.hold(key, until)))

    def _any(self, read: Callable[[Provider], T]) -> T:
        """The first right answer; without one the failure that leaves most open."""
        failures: _Errors = []
        for member in (self._first, *self._others):
            try:
                return read(member.provider)
            except self._over as error:
                failures.append(error)
        raise next(
            (one for kind in (Unavailable, Corrupt) for one in failures if isinstance(one, kind)), failures[0]
        )

    def _start(self, act: Callable[[Provider], object]) -> _Writes:
        return [self._pool.submit(act, member.provider) for member in self._others]

    def _start_equal(self, key: str) -> _Writes:
        """Who wrote the first place may have died before the others: give them what it holds."""
        present = self._first.provider.get(key)
        return self._start(lambda one: _create(one, key, present))

    def _settle(self, key: str, writes: _Writes) -> None:
        """Wait; fail when, with the first place, fewer than required have it."""
        failures = self._settled(key, writes)
        held = 1 + len(writes) - len(failures)
        if held >= self._required:
            return
        name, worst = next((pair for pair in failures if isinstance(pair[1], Unavailable)), failures[0])
        raise type(worst)(
            f"only {held} of the {self._required} required places hold {key!r}; {name}: {worst.message}",
            hint=worst.hint,
        )

    def _settled(self, key: str, writes: _Writes) -> _Failures:
        """The places that failed, all remembered as lagging; what is not our own error is a bug and is raised."""
        failures: _Failures = []
        for member, write in zip(self._others, writes, strict=False):
            error = write.exception()
            if isinstance(error, FirekeepError):
                failures.append((member.name, error))
                self._lag(member.name, key, error)
            elif error is not None:
                raise error
        return failures

    def _lag(self, name: str, key: str, error: FirekeepError) -> None:
        with self._lock:
            known = self._lags.get(name)
            lag = (
                Lag(name, 1, key, error.message) if known is None else replace(known, writes=known.writes + 1)
            )
            self._lags[name] = lag
        if known is None:
            self._told(lag)


def _create(provider: Provider, key: str, data: bytes) -> None:
    """Success also when the very same bytes are there."""
    try:
        provider.put(key, data)
    except Conflict:
        if provider.get(key) != data:
            raise


def _follow(provider: Provider, first: Provider, key: str) -> None:
    """Put what the first place holds in the place of whatever is there.

    The version is looked at before the first place is read: a later winner's write then makes this one conflict, and
    try again with what has won by now. So the last winner's bytes are what stays.
    """
    for _ in range(_FOLLOW_TRIES):
        try:
            version = provider.stat(key).version
        except NotFound:
            version = ABSENT
        data = first.get(key)
        try:
            if version == ABSENT or provider.get(key) != data:
                provider.put(key, data, version)
        except (Conflict, NotFound):
            continue
        return
    raise Conflict(f"writing {key!r} failed: others replace it all the time")
