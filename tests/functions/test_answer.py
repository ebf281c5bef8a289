"""What an error means for the event: acknowledged, or delivered again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.answer import answer, deadline_of
from functions.table import FUNCTIONS
from shared import errors
from shared.clock import SystemClock
from shared.jobs.ports import Report


def all_errors(kind: type[errors.FirekeepError]) -> list[type[errors.FirekeepError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in all_errors(below))]


@pytest.mark.parametrize("kind", all_errors(errors.FirekeepError))
def test_an_error_is_redelivered_exactly_when_a_retry_may_mend_it(kind: Any, capsys: Any) -> None:
    def job() -> Report:
        raise kind("saying what went wrong", hint="and what to do")

    if kind.retryable:
        with pytest.raises(kind):
            answer("part", job)
    else:
        answer("part", job)
    line = json.loads(capsys.readouterr().out)
    assert line["severity"] == ("WARNING" if kind.retryable else "ERROR")
    assert line["code"] == kind.code
    assert line["message"] == "saying what went wrong (and what to do)"


def test_a_bug_is_not_acknowledged() -> None:
    def job() -> Report:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        answer("part", job)


def test_a_report_is_one_line_of_json(capsys: Any) -> None:
    answer("snapshot", lambda: Report("b1", "planned", {"parts": 3}))
    assert json.loads(capsys.readouterr().out) == {
        "severity": "INFO",
        "function": "snapshot",
        "message": "planned",
        "job": "b1",
        "parts": 3,
        "logging.googleapis.com/labels": {"kind": "snapshot", "job": "b1"},
    }


@pytest.mark.parametrize("spec", FUNCTIONS, ids=lambda spec: spec.name)
def test_every_function_of_the_table_is_an_entry_point(spec: Any) -> None:
    import main

    assert callable(getattr(main, spec.name))
    assert not deadline_of(spec.name, SystemClock(), 60).near()


def test_what_is_not_in_the_table_is_no_entry_point() -> None:
    import main

    with pytest.raises(AttributeError):
        main.nothing  # noqa: B018  # the look-up is what is tested
