"""A write happens exactly when its guard holds, and its outcome is never better than what is known."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from firestore_data import VALUES, document, integer, text
from firestore_rig import Once, Proxy, Status, TestClock, flat, read_plan, seed, source

from shared.errors import BadInput, Denied, Unavailable
from shared.format.key import key_of_path
from shared.format.record import equal, strip_times, to_json, update_time
from shared.sources.contract import Kind, Result, Scope, Write
from shared.sources.firestore import FirestoreSource, Options, open_channel
from shared.sources.firestore.ramp import Ramp
from shared.sources.firestore.writing import LOST_ANSWER

DOC = document({"n": integer(1)})
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def puts(many: int, value: bytes = DOC) -> list[Write]:
    return [Write(key_of_path(f"c/d{n:05d}"), Kind.PUT, value, None) for n in range(many)]


def written(where: FirestoreSource) -> int:
    return where.count(Scope(), where.instant())


def test_outcomes_come_in_the_order_of_the_writes(host: str, project: str) -> None:
    where = source(host, project)
    seed(where, {"c/d00003": DOC})
    outcomes = where.apply(puts(1201))
    assert [outcome.key for outcome in outcomes] == [write.key for write in puts(1201)]
    assert [n for n, outcome in enumerate(outcomes) if outcome.result is not Result.DONE] == [3]
    assert outcomes[3].result is Result.MOVED
    assert written(where) == 1201


def test_one_document_is_written_once_in_a_call(host: str, project: str) -> None:
    where = source(host, project)
    with pytest.raises(BadInput, match="twice"):
        where.apply([*puts(2), *puts(1)])
    assert written(where) == 0


def test_large_documents_are_spread_over_requests(host: str, proxy: Proxy, project: str) -> None:
    sizes: list[int] = []
    proxy.on_request = lambda name, request: sizes.append(len(request)) if name == "BatchWrite" else None
    where = source(proxy.host, project)
    outcomes = where.apply(puts(25, document({"t": text("x" * 1_040_000)})))
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert len(sizes) == 3
    assert max(sizes) < 10 << 20


def test_at_most_five_hundred_writes_go_in_a_request(host: str, proxy: Proxy, project: str) -> None:
    source(proxy.host, project).apply(puts(1001))
    assert proxy.calls.count("BatchWrite") == 3


def test_references_are_pointed_at_the_target(host: str, project: str) -> None:
    names = ("relative", "relative other", "own")
    where = source(host, project, "restored", known_as="(default)")
    ((key, wanted),) = seed(where, {"a/b": document({name: VALUES[name] for name in names})}).items()
    direct = source(host, project, "restored", known_as="none-such")
    raw = to_json(direct.lookup([key])[0] or b"")["fields"]
    assert raw["relative"]["referenceValue"] == "databases/none-such/documents/a/b"
    assert raw["relative other"]["referenceValue"] == "databases/other-db/documents/a/b"
    assert raw["own"]["referenceValue"] == "projects/foreign-x/databases/(default)/documents/a/b"
    assert equal(where.lookup([key])[0] or b"", wanted)


def test_a_write_the_service_refuses_fails_with_a_code_and_no_content(host: str, project: str) -> None:
    where = source(host, project)
    nested = b"\x4a\x04\x0a\x02\x4a\x00"
    outcomes = where.apply(
        [*puts(1), Write(key_of_path("c/x"), Kind.PUT, document({"secret": nested}), None)]
    )
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.FAILED]
    assert outcomes[1].reason == "INVALID_ARGUMENT"


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_writes_that_landed_though_the_answer_was_lost_are_never_called_done(
    host: str, proxy: Proxy, project: str, code: grpc.StatusCode
) -> None:
    where = source(proxy.host, project)
    lose = Once()

    def lost(name: str, raw: bytes) -> bytes:
        if name == "BatchWrite" and lose():
            raise Status(code)
        return raw

    proxy.on_answer = lost
    outcomes = where.apply(puts(20))
    assert lose.fired
    assert {(outcome.result, outcome.reason) for outcome in outcomes} == {(Result.MOVED, LOST_ANSWER)}
    assert all(value is not None and equal(value, DOC) for value in where.lookup([o.key for o in outcomes]))


def test_a_drop_whose_answer_was_lost_is_not_called_done_either(
    host: str, proxy: Proxy, project: str
) -> None:
    where = source(proxy.host, project)
    where.apply(puts(1))
    (key,) = (write.key for write in puts(1))
    seen = update_time(where.lookup([key])[0] or b"")
    lose = Once()

    def lost(name: str, raw: bytes) -> bytes:
        if name == "BatchWrite" and lose():
            raise Status(grpc.StatusCode.UNAVAILABLE)
        return raw

    proxy.on_answer = lost
    (outcome,) = where.apply([Write(key, Kind.DROP, b"", seen)])
    assert (outcome.result, outcome.reason) == (Result.MOVED, LOST_ANSWER)
    assert where.lookup([key]) == [None]


def test_a_request_that_never_arrived_is_sent_again(host: str, proxy: Proxy, project: str) -> None:
    where = source(proxy.host, project)
    refuse = Once(2)

    def before(name: str, _request: bytes) -> None:
        if name == "BatchWrite" and refuse():
            raise Status(grpc.StatusCode.UNAVAILABLE)

    proxy.on_request = before
    assert {outcome.result for outcome in where.apply(puts(2000))} == {Result.DONE}
    assert refuse.fired
    assert written(where) == 2000


def answer_with(code: int, only: Once) -> object:
    """A BatchWriteResponse in which the first write has this code; the rest as they are."""

    def change(name: str, raw: bytes) -> bytes:
        from google.cloud.firestore_v1.types import firestore as fs

        if name != "BatchWrite" or not only():
            return raw
        answer = fs.BatchWriteResponse.pb().FromString(raw)
        answer.status[0].code = code
        out: bytes = answer.SerializeToString()
        return out

    return change


@pytest.mark.parametrize(
    ("code", "result", "reason"),
    [
        (grpc.StatusCode.ABORTED, Result.MOVED, "ALREADY_EXISTS"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Result.MOVED, "ALREADY_EXISTS"),
        (grpc.StatusCode.UNAVAILABLE, Result.MOVED, LOST_ANSWER),
        (grpc.StatusCode.PERMISSION_DENIED, Result.FAILED, "PERMISSION_DENIED"),
        (grpc.StatusCode.INTERNAL, Result.FAILED, "INTERNAL"),
        (grpc.StatusCode.NOT_FOUND, Result.MOVED, "NOT_FOUND"),
        (grpc.StatusCode.FAILED_PRECONDITION, Result.MOVED, "FAILED_PRECONDITION"),
    ],
)
def test_a_single_writes_status_is_retried_or_told(
    host: str, proxy: Proxy, project: str, code: grpc.StatusCode, result: Result, reason: str
) -> None:
    where = source(proxy.host, project)
    proxy.on_answer = answer_with(code.value[0], Once())  # type: ignore[assignment]
    first, *rest = where.apply(puts(5))
    assert (first.result, first.reason) == (result, reason)
    assert {outcome.result for outcome in rest} == {Result.DONE}


def test_a_write_that_never_gets_through_fails_after_a_bounded_number_of_tries(
    host: str, proxy: Proxy, project: str
) -> None:
    class Always(Once):
        def __call__(self) -> bool:
            return True

    proxy.on_answer = answer_with(grpc.StatusCode.ABORTED.value[0], Always())  # type: ignore[assignment]
    outcomes = source(proxy.host, project).apply([Write(key_of_path("c/x"), Kind.DROP, b"", LONG_AGO)])
    assert [(outcome.result, outcome.reason) for outcome in outcomes] == [(Result.FAILED, "ABORTED")]
    assert proxy.calls.count("BatchWrite") == 4


@pytest.mark.parametrize(
    ("code", "kind"),
    [(grpc.StatusCode.PERMISSION_DENIED, Denied), (grpc.StatusCode.UNAVAILABLE, Unavailable)],
)
def test_a_target_that_refuses_everything_is_an_exception(
    proxy: Proxy, project: str, code: grpc.StatusCode, kind: type[Exception]
) -> None:
    def refuse(_name: str, _request: bytes) -> None:
        raise Status(code, "the text with secret content")

    proxy.on_request = refuse
    with pytest.raises(kind) as caught:
        source(proxy.host, project).apply(puts(1500))
    assert "secret" not in str(caught.value)


def test_several_requests_are_under_way_at_once_and_no_more_than_asked_for(
    host: str, proxy: Proxy, project: str
) -> None:
    under_way, most = 0, 0
    lock = threading.Lock()
    together = threading.Barrier(4, timeout=10)

    def enter(name: str, _request: bytes) -> None:
        nonlocal under_way, most
        if name == "BatchWrite":
            with lock:
                under_way += 1
                most = max(most, under_way)
            together.wait()

    def leave(name: str, raw: bytes) -> bytes:
        nonlocal under_way
        with lock:
            under_way -= name == "BatchWrite"
        return raw

    proxy.on_request, proxy.on_answer = enter, leave
    source(proxy.host, project).apply(puts(4000))
    assert most == 4


def test_the_ramp_starts_at_five_hundred_and_grows_by_half_every_five_minutes() -> None:
    clock = TestClock()
    ramp = Ramp(clock)
    done = 0
    at: dict[int, float] = {}
    while done < 1_000_000:
        ramp.take(500)
        done += 500
        if done in (100_000, 1_000_000):
            at[done] = clock.time / 60
    assert at[100_000] == pytest.approx(3.3, abs=0.1)
    assert at[1_000_000] == pytest.approx(17.8, abs=0.2)


def test_time_that_passes_unused_is_not_saved_up() -> None:
    clock = TestClock()
    ramp = Ramp(clock)
    ramp.take(500)
    clock.time += 100
    before = clock.time
    ramp.take(500)
    ramp.take(500)
    assert clock.time - before == pytest.approx(1.0)


def test_the_ramp_governs_apply_and_its_retries(host: str, project: str) -> None:
    clock = TestClock()
    where = FirestoreSource(
        open_channel(host),
        project,
        clock=clock,
        jitter=lambda: 0.0,
        emulator=True,
        options=Options(whole_minutes=False),
    )
    where.apply(puts(5000))
    assert clock.time == pytest.approx(9.0)


def test_what_was_read_can_be_written_elsewhere_and_reads_the_same(host: str, project: str) -> None:
    where, other = source(host, project), source(host, f"{project}-b")
    seed(where, {f"v/{name}": document({"f": value}) for name, value in VALUES.items()})
    records = read_plan(where, where.plan(Scope(), where.instant()))
    outcomes = other.apply([Write(key, Kind.PUT, value, None) for key, value in records])
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    (part,) = other.plan(Scope(), other.instant()).parts
    assert [(k, strip_times(v)) for k, v in flat(other.read(part))] == [
        (k, strip_times(v)) for k, v in records
    ]


def test_a_guard_is_exact_to_the_microsecond(host: str, project: str) -> None:
    where = source(host, project)
    (key,) = seed(where, {"a/b": DOC})
    seen = update_time(where.lookup([key])[0] or b"")
    for off in (timedelta(microseconds=-1), timedelta(microseconds=1)):
        (outcome,) = where.apply([Write(key, Kind.PUT, b"", seen + off)])
        assert outcome.result is Result.MOVED
    (outcome,) = where.apply([Write(key, Kind.PUT, b"", seen)])
    assert outcome.result is Result.DONE
