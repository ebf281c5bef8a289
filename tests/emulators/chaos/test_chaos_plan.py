"""A plan is a value: the same seed and the same calls are the same faults, and what was ordered must fire."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from emulators.chaos import Chaos, Fault, FaultNeverFired, Fired, Plan, Strike, chaos, check_fired
from emulators.chaos.controller import read_fired
from emulators.chaos.draw import draw
from emulators.chaos.plan import ANSWERS, DELIVERIES, KINDS
from emulators.chaos.process import load_chaos, write_chaos
from emulators.chaos.report import report
from emulators.chaos.requests import family
from shared.errors import BadInput

CALLS = [("firestore", method) for method in ("Commit", "GetDocument", "RunQuery", "Listen")] * 200


def story(plan: Plan, calls: Iterable[tuple[Any, str]] = CALLS) -> list[Fault | None]:
    controller = Chaos(plan)
    struck = [controller.call(service, name) for service, name in calls]
    return [strike and strike.fault for strike in struck]


def test_the_same_seed_and_calls_are_the_same_faults_and_another_seed_has_others() -> None:
    assert Plan.from_seed(7) == Plan.from_seed("7") != Plan.from_seed(8)
    assert story(Plan.from_seed(7)) == story(Plan.from_seed(7))
    assert story(Plan.from_seed(7)) != story(Plan.from_seed(8))


def test_what_happens_to_the_nth_call_of_a_method_depends_on_no_other_method() -> None:
    plan = Plan.from_seed("caf\u00e9")
    alone = story(plan, [call for call in CALLS if call[1] == "Commit"])
    among = [fault for fault, call in zip(story(plan), CALLS, strict=True) if call[1] == "Commit"]
    assert alone == among
    assert any(alone)


def test_a_draw_is_the_same_in_every_release() -> None:
    """Seeds in bug reports must stay good."""
    assert draw("7", 0, "firestore", "Commit", 1) == 0.663170410765553
    assert draw("a", "b") != draw("ab")
    draws = [draw("seed", number) for number in range(10_000)]
    assert abs(sum(draws) / len(draws) - 0.5) < 0.02
    assert 0 <= min(draws) <= max(draws) < 1


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_is_moderate_and_touches_every_service(seed: int) -> None:
    plan = Plan.from_seed(seed)
    assert {fault.service for fault in plan.faults} == set(KINDS)
    assert not any(fault.ordered for fault in plan.faults)
    controller = Chaos(plan)
    for method in ("Commit", "GetDocument", "Publisher/Publish"):
        service: Any = "pubsub" if "/" in method else "firestore"
        struck = sum(controller.call(service, method) is not None for _ in range(1000))
        assert 10 <= struck <= 150
    for service in ("pubsub", "events"):
        struck = sum(controller.delivery(service, "function-part") is not None for _ in range(1000))  # type: ignore[arg-type]
        assert 40 <= struck <= 350


def test_the_first_fault_that_is_due_strikes_and_the_next_counts_what_is_left() -> None:
    slow = Fault("firestore", "slow", "Commit", nth=2)
    fail = Fault("firestore", "fail", "*", nth=2, times=2)
    faults = story(Plan((slow, fail)), [("firestore", "Commit")] * 5)
    assert faults == [None, slow, fail, fail, None]


def test_a_match_is_on_the_whole_name_and_may_have_alternatives() -> None:
    fault = Fault("storage", "fail", "GET */o/a*|DELETE *", nth=1)
    assert fault.concerns("GET /storage/v1/b/x/o/a%2Fb")
    assert fault.concerns("DELETE /storage/v1/b/x")
    assert not fault.concerns("GET /storage/v1/b/x/o/b")
    assert not Fault("firestore", "fail", "Commit", nth=1).concerns("Commits")


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("GET", "/storage/v1/b/my-bucket/o/a%2Fo%2Fb", "GET /storage/v1/b/*/o/*"),
        ("GET", "/b/b/o/o", "GET /b/*/o/*"),
        ("POST", "/upload/storage/v1/b/x/o", "POST /upload/storage/v1/b/*/o"),
        ("PUT", "/v0/b/x/o/y", "PUT /v0/b/*/o/*"),
        ("GET", "/bucket/folder/b/x", "GET /*/*"),
        ("HEAD", "/bucket", "HEAD /*"),
        ("GET", "/", "GET /"),
        (
            "POST",
            "/identitytoolkit.googleapis.com/v1/projects/p/tenants/t/accounts:lookup",
            "POST /identitytoolkit.googleapis.com/v1/projects/*/tenants/*/accounts:lookup",
        ),
        (
            "POST",
            "/identitytoolkit.googleapis.com/v1/projects/p:q/accounts",
            "POST /identitytoolkit.googleapis.com/v1/projects/*:q/accounts",
        ),
    ],
)
def test_requests_are_counted_by_what_they_do_not_by_what_they_name(
    method: str, path: str, counted: str
) -> None:
    assert family(method, path) == counted


def test_a_planned_fault_that_never_fired_fails_and_is_named() -> None:
    plan = Plan(
        (
            Fault("auth", "slow", nth=1),
            Fault("auth", "fail", "POST *", nth=3, status="INTERNAL"),
            Fault("auth", "fail", chance=0.5),
        )
    )
    with (
        pytest.raises(FaultNeverFired, match="auth fail INTERNAL of POST \\*") as failed,
        chaos(plan) as found,
    ):
        struck = found.call("auth", "GET /")
        assert struck is not None
        struck.fired()
    assert "slow" not in str(failed.value)
    assert "chance" not in str(failed.value)


def test_a_fault_that_was_due_but_did_not_come_to_pass_has_not_fired() -> None:
    with pytest.raises(FaultNeverFired), chaos(Fault("firestore", "cut", nth=1, after=5)) as controller:
        assert isinstance(controller.call("firestore", "RunQuery"), Strike)


def test_fewer_times_than_ordered_is_not_enough() -> None:
    plan = Plan((Fault("pubsub", "loss", nth=1, times=3),))
    once = Fired(0, "pubsub", "loss", "to s", 1)
    check_fired(plan, [once] * 3)
    with pytest.raises(FaultNeverFired, match="2 of 3"):
        check_fired(plan, [once] * 2)


def test_an_error_in_the_block_is_the_one_that_is_seen() -> None:
    with pytest.raises(ZeroDivisionError), chaos(Fault("auth", "slow", nth=1)):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": "disk", "kind": "slow", "nth": 1},
        {"service": "auth", "kind": "cut", "nth": 1},
        {"service": "events", "kind": "fail", "nth": 1},
        {"service": "firestore", "kind": "loss", "nth": 1},
        {"service": "storage", "kind": "fail", "status": "ABORTED", "nth": 1},
        {"service": "firestore", "kind": "fail", "status": "NOT_FOUND", "nth": 1},
        {"service": "firestore", "kind": "fail"},
        {"service": "firestore", "kind": "fail", "nth": 1, "chance": 0.5},
        {"service": "firestore", "kind": "fail", "nth": 0},
        {"service": "firestore", "kind": "fail", "chance": 1.5},
        {"service": "firestore", "kind": "slow", "nth": 1, "seconds": -1},
        {"service": "firestore", "kind": "slow", "nth": "1"},
        {"service": "firestore", "kind": "slow", "nth": 1, "colour": "red"},
        {"kind": "slow"},
        "slow",
    ],
)
def test_a_fault_that_no_service_shows_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInput):
        Plan.from_json(json.dumps({"faults": [wrong]}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"faults": {"a": 1}}', '{"faults": 1}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="chaos plan"):
        Plan.from_json(text)


def test_a_plan_goes_to_a_process_and_what_fired_comes_back(tmp_path: Path) -> None:
    plan, log = Plan.from_seed(3), tmp_path / "fired"
    write_chaos(tmp_path / "plan", plan, log)
    controllers = [load_chaos(tmp_path / "plan") for _ in range(2)]
    for controller in controllers:
        assert controller is not None
        assert controller.plan == plan
        while (strike := controller.call("auth", "GET /e\u0301")) is None:
            continue
        strike.fired()
    first, second = read_fired(log)
    assert first == second
    assert (first.service, first.on) == ("auth", "GET /e\u0301")
    with log.open("ab") as file:
        file.write(b'{"fault": 1, "ser')
    assert read_fired(log) == [first, second]
    assert load_chaos(None) is None
    with pytest.raises(BadInput, match="nothing-here"):
        load_chaos(tmp_path / "nothing-here")


def test_the_report_says_what_was_done_to_whom() -> None:
    fired = [Fired(0, "firestore", kind, "Commit", 1) for kind in ("slow", "fail", "slow")]
    text = report("7", [*fired, Fired(1, "auth", "lost", "POST /", 1)])
    assert text == "chaos 7 struck:\n  auth       lost 1\n  firestore  fail 1, slow 2\n"
    assert report("7", []) == "chaos 7: nothing was struck\n"


def test_every_kind_is_of_answers_or_of_deliveries() -> None:
    assert not ANSWERS & DELIVERIES
    assert {kind for kinds in KINDS.values() for kind in kinds} == ANSWERS | DELIVERIES
