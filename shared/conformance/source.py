"""What every source must do, as plain functions. Each raises `Broken` with the promise's words when it does not.

A `Case` holds a source, a scope that is empty and may be written to, and hostile records to put there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from shared.conformance.promise import promise
from shared.format.forms import Form, Guard
from shared.sources.contract import Kind, Part, Plan, Result, Scope, Source, Write


@dataclass(frozen=True)
class Case:
    """`records` by key, all inside `scope`, in the form of the source's content."""

    source: Source
    scope: Scope
    records: Mapping[bytes, bytes]
    form: Form
    bodies: Mapping[bytes, bytes] = field(default_factory=dict)
    """For a source of files: what each of them holds."""

    def put(self, key: bytes, value: bytes, seen: Guard | None) -> Write:
        """A write of this value, which may be another record's."""
        body = self.bodies.get(key) if self.records.get(key) == value else self._body_of(value)
        return Write(key, Kind.PUT, value, seen, None if body is None else lambda: iter((body,)))

    def _body_of(self, value: bytes) -> bytes | None:
        return next(
            (self.bodies.get(key) for key, one in self.records.items() if self.form.equal(one, value)), None
        )


def read_all(source: Source, plan: Plan) -> dict[bytes, bytes]:
    """Everything a plan reads, checked to ascend strictly from the first part to the last."""
    keys: list[bytes] = []
    values: list[bytes] = []
    for part in plan.parts:
        read = read_part(source, part)
        promise(part.expected in (None, len(read)), "a part holds as many records as it promised")
        keys += read
        values += read.values()
    promise(all(a < b for a, b in pairwise(keys)), "keys must ascend strictly, across parts too")
    return dict(zip(keys, values, strict=True))


def read_part(source: Source, part: Part, after: bytes = b"") -> dict[bytes, bytes]:
    """The records of one part behind a key, checked to lie in its range and to ascend."""
    out: dict[bytes, bytes] = {}
    last = after
    for keys, values in source.read(part, after):
        promise(bool(keys), "a batch holds at least one record")
        promise(len(keys) == len(values), "a batch has as many values as keys")
        for key, value in zip(keys, values, strict=True):
            promise(
                bool(key > last or not (last or out)),
                "keys must ascend strictly and lie behind the place asked for",
            )
            promise(part.start <= key, "a key before its part")
            promise(not part.end or key < part.end, "a key behind its part")
            out[key] = value
            last = key
    return out


def check_empty(case: Case) -> None:
    """A scope that holds nothing is planned and read as nothing."""
    plan = case.source.plan(case.scope, case.source.instant())
    promise(plan.expected in (None, 0), "the scope of a case must be empty")
    promise(read_all(case.source, plan) == {}, "an empty scope is read as nothing")
    promise(case.source.apply([]) == [], "no writes have no outcomes")
    promise(
        case.source.lookup(list(case.records)) == [None] * len(case.records),
        "what is absent is looked up as None",
    )


def check_identity(case: Case) -> None:
    """Reading after writing is the identity, for every record; and so again after dropping everything."""
    write_all(case)
    live = _now(case)
    promise(set(live) == set(case.records), "what was written must be read, and nothing else")
    wrong = [key for key, value in case.records.items() if not case.form.equal(value, live[key])]
    promise(not wrong, f"records changed on the way: {wrong[:3]}")
    drop_all(case)
    promise(_now(case) == {}, "what was dropped is gone")
    outcomes = case.source.apply([case.put(key, value, None) for key, value in live.items()])
    promise(
        {outcome.result for outcome in outcomes} == {Result.DONE}, "what was dropped can be written again"
    )
    again = _now(case)
    promise(
        all(case.form.equal(value, again[key]) for key, value in live.items()),
        "a second round trip changed a record",
    )
    drop_all(case)


def check_plan_covers_once(case: Case) -> None:
    """Parts carry the instant, follow one another in key order, and hold every record exactly once."""
    write_all(case)
    at = case.source.instant()
    plan = case.source.plan(case.scope, at)
    promise(plan.at == at, "a plan carries its instant")
    promise(all(part.at == at for part in plan.parts), "parts carry the instant")
    promise(
        [part.number for part in plan.parts] == list(range(len(plan.parts))),
        "parts are numbered from 0 in order",
    )
    for one, other in pairwise(plan.parts):
        promise(bool(one.end), "only the last part may be open")
        promise(one.end <= other.start, "parts must not overlap")
    counts = [part.expected for part in plan.parts]
    promise((plan.expected is None) == (None in counts or not counts), "parts count when the plan does")
    promise(
        plan.expected in (None, len(case.records))
        and sum(map(int, filter(None, counts))) == (plan.expected or 0),
        "parts and plan count every record exactly once",
    )
    promise(set(read_all(case.source, plan)) == set(case.records), "parts hold every record exactly once")
    drop_all(case)


def check_resumes_after_every_key(case: Case, step: int = 1) -> None:
    """Reading goes on behind any key as if it had never stopped. `step` above 1 samples the keys."""
    write_all(case)
    plan = case.source.plan(case.scope, case.source.instant())
    for part in plan.parts:
        whole = read_part(case.source, part)
        keys = list(whole)
        for place in [*range(0, len(keys), step), len(keys) - 1]:
            rest = read_part(case.source, part, keys[place])
            promise(
                rest == {key: whole[key] for key in keys[place + 1 :]},
                f"resuming in part {part.number} differs",
            )
    drop_all(case)


def check_guards(case: Case) -> None:
    """A record that is not what was seen is MOVED and stays as it is, for puts and for drops."""
    write_all(case)
    live = _now(case)
    keys = list(live)
    stale = [_other(case.form.guard(value)) for value in live.values()]
    other = dict(zip(keys, [*list(live.values())[1:], live[keys[0]]], strict=True))
    attempts: list[list[Write]] = [
        [case.put(key, other[key], None) for key in keys],
        [case.put(key, other[key], seen) for key, seen in zip(keys, stale, strict=True)],
        [Write(key, Kind.DROP, b"", seen) for key, seen in zip(keys, stale, strict=True)],
    ]
    for writes in attempts:
        _expect(case, writes, Result.MOVED)
        promise(_now(case) == live, "a write whose guard did not hold changed something")
    drop_all(case)
    _expect(case, [case.put(key, live[key], case.form.guard(live[key])) for key in keys], Result.MOVED)
    _expect(case, [Write(key, Kind.DROP, b"", case.form.guard(live[key])) for key in keys], Result.MOVED)
    promise(_now(case) == {}, "a guarded write made a record that was gone")


def check_lookup(case: Case) -> None:
    """Records come back in the order asked for, once for each time they are named; None for an absent one."""
    write_all(case)
    live = _now(case)
    absent, *keys = sorted(live, key=lambda key: key[::-1])
    _expect(case, [Write(absent, Kind.DROP, b"", case.form.guard(live[absent]))], Result.DONE)
    asked = [absent, *keys, keys[0], absent]
    found = case.source.lookup(asked)
    promise(len(found) == len(asked), "a lookup answers once for each time asked")
    for key, value in zip(asked, found, strict=True):
        same = value is not None and case.form.equal(value, live[key])
        promise(value is None if key == absent else same, "a lookup answers in the order asked for")
    drop_all(case)


def check_instant_is_exact(case: Case) -> None:
    """What happens after the instant is not seen, however late the plan is made or read."""
    write_all(case)
    at = case.source.instant()
    then = read_all(case.source, case.source.plan(case.scope, at))
    keys = list(then)
    half = len(keys) // 2
    plan = case.source.plan(case.scope, at)
    _expect(
        case, [Write(key, Kind.DROP, b"", case.form.guard(then[key])) for key in keys[:half]], Result.DONE
    )
    _expect(
        case, [case.put(key, then[keys[0]], case.form.guard(then[key])) for key in keys[half:]], Result.DONE
    )
    promise(read_all(case.source, plan) == then, "a plan made before the writes")
    promise(read_all(case.source, case.source.plan(case.scope, at)) == then, "a plan made after the writes")
    promise(set(_now(case)) == set(keys[half:]), "what happened after the instant did happen")
    drop_all(case)


CHECKS: Sequence[Callable[[Case], None]] = (
    check_empty,
    check_identity,
    check_plan_covers_once,
    check_resumes_after_every_key,
    check_guards,
    check_lookup,
)
"""What every source must pass; each leaves the scope as empty as it found it."""

EXACT_CHECKS: Sequence[Callable[[Case], None]] = (*CHECKS, check_instant_is_exact)
"""And what a source must pass besides whose past can be read."""


def _other(guard: Guard) -> Guard:
    """A guard that no live record has."""
    return f"not {guard}" if isinstance(guard, str) else guard - timedelta(microseconds=1)


def write_all(case: Case) -> None:
    """Put the case's records into its empty scope."""
    _expect(case, [case.put(key, value, None) for key, value in case.records.items()], Result.DONE)


def drop_all(case: Case) -> None:
    """Empty the scope, each drop guarded by what is there now."""
    writes = [Write(key, Kind.DROP, b"", case.form.guard(value)) for key, value in _now(case).items()]
    _expect(case, writes, Result.DONE)


def _now(case: Case) -> dict[bytes, bytes]:
    return read_all(case.source, case.source.plan(case.scope, case.source.instant()))


def _expect(case: Case, writes: Sequence[Write], result: Result) -> None:
    outcomes = case.source.apply(writes)
    promise(
        [outcome.key for outcome in outcomes] == [write.key for write in writes],
        "one outcome per write, in order",
    )
    wrong = [
        (outcome.key, outcome.result, outcome.reason) for outcome in outcomes if outcome.result is not result
    ]
    promise(not wrong, f"expected {result}: {wrong[:3]}")
