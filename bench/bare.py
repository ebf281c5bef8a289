"""The bare read: the calls that the source makes to read a part, made again, with nothing done to the answers.

A read is first recorded: every call, and when the source waited for it. Replaying makes the same calls with the
same number of them under way, so it tells what reading costs before anything is done with what was read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from functools import cache
from random import random
from typing import Any

from bench.fleet import Fleet, Spent
from emulators.datasets.load import Database
from shared.clock import SystemClock
from shared.models.collections import SYSTEM_COLLECTIONS
from shared.sources.contract import Part, Scope
from shared.sources.firestore import FirestoreSource, Options, open_channel

_TIMEOUT_S = 600


@dataclass(frozen=True)
class Call:
    """A call was begun; calls are numbered in this order."""

    path: str
    request: bytes
    streams: bool
    metadata: Any


@dataclass(frozen=True)
class Wait:
    """The answer of this call was waited for."""

    number: int


@dataclass
class Trace:
    """The calls of one part's read. `documents` is how many came back."""

    steps: list[Call | Wait] = field(default_factory=list)
    calls: int = 0
    documents: int = 0


def record(database: Database) -> list[Trace]:
    """Read the whole database, part by part as a snapshot would, and keep what was asked."""
    channel = _Recorder(open_channel(database.host))
    options = Options(whole_minutes=False, ramp=False)
    source = FirestoreSource(
        channel, database.project, clock=SystemClock(), jitter=random, emulator=True, options=options
    )
    plan = source.plan(Scope((), SYSTEM_COLLECTIONS), source.instant())
    return [_recorded(channel, source, part) for part in plan.parts]


def _recorded(channel: _Recorder, source: FirestoreSource, part: Part) -> Trace:
    channel.trace = trace = Trace()
    trace.documents = sum(len(keys) for keys, _ in source.read(part))
    return trace


def replay(fleet: Fleet, database: Database, traces: list[Trace]) -> Spent:
    """Make the calls of all traces, each by the next free worker."""
    began = time.perf_counter()
    pending = [fleet.pool.submit(_replay, database.host, trace) for trace in traces]
    cpu_s = sum(one.result() for one in as_completed(pending))
    return Spent(time.perf_counter() - began, cpu_s)


@cache
def _channel(host: str) -> Any:
    return open_channel(host)


def _replay(host: str, trace: Trace) -> float:
    began = time.process_time()
    channel, under_way = _channel(host), dict[int, tuple[Any, bool]]()
    makers: dict[str, Any] = {}
    number = 0
    for step in trace.steps:
        if isinstance(step, Wait):
            _await(*under_way.pop(step.number))
            continue
        if step.path not in makers:
            make = channel.unary_stream if step.streams else channel.unary_unary
            makers[step.path] = make(step.path, None, None)
        call = makers[step.path] if step.streams else makers[step.path].future
        answer = call(step.request, timeout=_TIMEOUT_S, metadata=step.metadata)
        under_way[number] = (answer, step.streams)
        number += 1
    for left, _ in under_way.values():
        left.cancel()
    return time.process_time() - began


def _await(call: Any, streams: bool) -> None:
    if not streams:
        call.result()
        return
    for _ in call:
        pass


class _Recorder:
    """A channel that notes what is done with it."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.trace = Trace()

    def unary_unary(self, path: str, *serializers: Any) -> _Method:
        return _Method(self, path, self._channel.unary_unary(path, *serializers))

    def unary_stream(self, path: str, *serializers: Any) -> _Method:
        return _Method(self, path, self._channel.unary_stream(path, *serializers))

    def begun(self, call: Call) -> int:
        self.trace.steps.append(call)
        self.trace.calls += 1
        return self.trace.calls - 1


@dataclass(frozen=True)
class _Method:
    recorder: _Recorder
    path: str
    inner: Any

    def future(self, request: bytes, *, metadata: Any, **kwargs: Any) -> _Noted:
        number = self.recorder.begun(Call(self.path, request, False, metadata))
        return _Noted(self.recorder, number, self.inner.future(request, metadata=metadata, **kwargs))

    def __call__(self, request: bytes, *, metadata: Any, **kwargs: Any) -> _Noted:
        number = self.recorder.begun(Call(self.path, request, True, metadata))
        return _Noted(self.recorder, number, self.inner(request, metadata=metadata, **kwargs))


@dataclass(frozen=True)
class _Noted:
    recorder: _Recorder
    number: int
    inner: Any

    def result(self) -> Any:
        self.recorder.trace.steps.append(Wait(self.number))
        return self.inner.result()

    def __iter__(self) -> Iterator[Any]:
        self.recorder.trace.steps.append(Wait(self.number))
        yield from self.inner

    def cancel(self) -> None:
        self.inner.cancel()
