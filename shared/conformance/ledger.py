"""What every ledger must pass. Each check gets a ledger, a job id of its own, and a way to let leases run out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from shared.errors import Busy, NotFound
from shared.state.contract import Ledger, TaskId, TaskState

Expire = Callable[[], None]
"""Moves the ledger's clock past every lease."""


def check_a_job_is_created_once(ledger: Ledger, job: str, _expire: Expire) -> None:
    first = ledger.create(job, {"at": 1})
    again = ledger.create(job, {"at": 2})
    assert first.data == again.data == ledger.load(TaskId(job)).data == {"at": 1}
    assert again.state is TaskState.PENDING


def check_what_was_never_created_is_not_found(ledger: Ledger, job: str, _expire: Expire) -> None:
    for call in (lambda: ledger.load(TaskId(job)), lambda: ledger.claim(TaskId(job), "a")):
        assert _raises(NotFound, call)
    ledger.fail(job, {"error": "x"})
    assert _raises(NotFound, lambda: ledger.load(TaskId(job)))


def check_a_lease_keeps_others_out_until_it_ends(ledger: Ledger, job: str, expire: Expire) -> None:
    ledger.create(job, {})
    task = TaskId(job)
    ledger.claim(task, "a")
    ledger.claim(task, "a")
    assert _raises(Busy, lambda: ledger.claim(task, "b"))
    expire()
    ledger.claim(task, "b")
    for call in (
        lambda: ledger.renew(task, "a", {"items": 1}),
        lambda: ledger.set_parts(job, "a", [{}], {}),
        lambda: ledger.finish(task, "a", TaskState.DONE, {}),
    ):
        assert _raises(Busy, call)
    assert ledger.load(task).data == {}


def check_a_released_lease_is_free_at_once(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {})
    ledger.claim(TaskId(job), "a")
    ledger.release(TaskId(job), "b")
    assert _raises(Busy, lambda: ledger.claim(TaskId(job), "b"))
    ledger.release(TaskId(job), "a")
    ledger.claim(TaskId(job), "b")


def check_changes_are_merged_and_types_kept(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {"a": 1, "kept": b"\x00\xff"})
    ledger.claim(TaskId(job), "w")
    ledger.renew(TaskId(job), "w", {"a": 2, "runs": ["x"], "cursor": b"\x01"})
    assert ledger.load(TaskId(job)).data == {"a": 2, "kept": b"\x00\xff", "runs": ["x"], "cursor": b"\x01"}


def check_parts_appear_whole_and_once(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {})
    ledger.claim(TaskId(job), "w")
    assert ledger.load(TaskId(job)).parts is None
    ledger.set_parts(job, "w", [{"n": n} for n in range(501)], {"expected": 7})
    ledger.set_parts(job, "w", [{"n": 99}], {"expected": 8})
    parts = ledger.parts(job)
    assert [part.data["n"] for part in parts] == list(range(501))
    assert [part.id.part for part in parts] == list(range(501))
    assert ledger.load(TaskId(job)).parts == 501
    assert ledger.load(TaskId(job)).data["expected"] == 7


def check_no_parts_are_all_done(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {})
    ledger.claim(TaskId(job), "w")
    ledger.set_parts(job, "w", [], {})
    assert ledger.load(TaskId(job)).all_parts_done


def check_exactly_one_finisher_is_the_last(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {})
    ledger.claim(TaskId(job), "w")
    ledger.set_parts(job, "w", [{} for _ in range(6)], {})

    def work(part: int) -> bool:
        task = TaskId(job, part)
        ledger.claim(task, f"w{part}")
        return ledger.finish(task, f"w{part}", TaskState.DONE, {"items": part}).all_parts_done

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 1
    assert ledger.load(TaskId(job)).parts_done == 6


def check_a_part_finished_twice_counts_once(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {})
    ledger.claim(TaskId(job), "w")
    ledger.set_parts(job, "w", [{}, {}], {})
    for _ in range(2):
        ledger.claim(TaskId(job, 0), "a")
        after = ledger.finish(TaskId(job, 0), "a", TaskState.DONE, {})
        assert after.parts_done == 1
        assert not after.all_parts_done


def check_what_has_ended_stays_ended(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {})
    ledger.claim(TaskId(job), "w")
    ledger.finish(TaskId(job), "w", TaskState.DONE, {"items": 3})
    ledger.fail(job, {"error": "late"})
    found = ledger.claim(TaskId(job), "v")
    assert found.state is TaskState.DONE
    assert found.data == {"items": 3}


def check_a_failed_job_takes_no_more_work(ledger: Ledger, job: str, _expire: Expire) -> None:
    ledger.create(job, {})
    ledger.claim(TaskId(job), "w")
    ledger.fail(job, {"error": "gone"})
    assert ledger.claim(TaskId(job), "v").state is TaskState.FAILED
    assert _raises(Busy, lambda: ledger.renew(TaskId(job), "w", {"items": 1}))


def check_of_two_who_end_a_job_one_is_told_so(ledger: Ledger, job: str, _expire: Expire) -> None:
    assert ledger.fail(job, {}) is None
    ledger.create(job, {})
    first = ledger.fail(job, {"error": "first"})
    second = ledger.fail(job, {"error": "second"})
    assert first is not None
    assert second is not None
    assert first.data == second.data == {"error": "first"}
    assert first.state is second.state is TaskState.FAILED


def check_what_is_amended_is_kept_until_the_end(ledger: Ledger, job: str, _expire: Expire) -> None:
    assert _raises(NotFound, lambda: ledger.amend(job, lambda _: {"x": 1}))
    ledger.create(job, {"n": 1})
    ledger.claim(TaskId(job), "w")
    assert ledger.amend(job, lambda task: {"n": task.data["n"] + 1}).data == {"n": 2}
    ledger.renew(TaskId(job), "w", {"m": 3})
    assert ledger.load(TaskId(job)).data == {"n": 2, "m": 3}
    ledger.finish(TaskId(job), "w", TaskState.DONE, {})
    assert ledger.amend(job, lambda _: {"n": 9}).data == {"n": 2, "m": 3}


def check_a_task_tells_when_it_was_touched_and_how_long_it_is_held(
    ledger: Ledger, job: str, expire: Expire
) -> None:
    ledger.create(job, {})
    fresh = ledger.load(TaskId(job))
    assert fresh.touched is not None
    assert fresh.leased_until is None
    expire()
    ledger.claim(TaskId(job), "w")
    held = ledger.load(TaskId(job))
    assert held.touched is not None
    assert held.leased_until is not None
    assert fresh.touched < held.touched < held.leased_until
    ledger.release(TaskId(job), "w")
    assert ledger.load(TaskId(job)).leased_until is None


def _raises(kind: type[Exception], call: Callable[[], object]) -> bool:
    try:
        call()
    except kind:
        return True
    return False


CHECKS = tuple(check for name, check in list(globals().items()) if name.startswith("check_"))
