"""A log line: the fields Cloud Logging reads, the trace of the request, and nothing that must not be there."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import flask
import pytest

from functions.answer import answer
from shared.errors import Unavailable
from shared.jobs.ports import Report
from shared.monitoring import logs

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
SECRET = "s3cr3t-t0k3n"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """What the lines of a process go to, as before."""
    root = logging.getLogger()
    before = list(root.handlers)
    logs.install()
    yield
    root.handlers[:] = before


def lines(capsys: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, (TRACE, SPAN, True)),
        ({"Traceparent": f"00-{TRACE}-{SPAN}-00"}, (TRACE, SPAN, False)),
        ({"ce-traceparent": f"00-{TRACE}-{SPAN}-01"}, (TRACE, SPAN, True)),
        ({"X-Cloud-Trace-Context": f"{TRACE.upper()}/255;o=1"}, (TRACE, "00000000000000ff", True)),
        ({"X-Cloud-Trace-Context": TRACE}, (TRACE, "", False)),
        ({"X-Cloud-Trace-Context": f"{TRACE}/99999999999999999999"}, (TRACE, "", False)),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, ("", "", False)),
        ({"traceparent": f"00-{TRACE}-{SPAN}"}, ("", "", False)),
        ({"traceparent": f'{TRACE}"; drop'}, ("", "", False)),
        ({"traceparent": "no", "X-Cloud-Trace-Context": f"{TRACE}/1;o=0"}, (TRACE, f"{1:016x}", False)),
        ({}, ("", "", False)),
    ],
)
def test_the_trace_is_read_from_headers(headers: dict[str, str], expected: tuple[str, str, bool]) -> None:
    found = logs.trace_of(headers)
    assert (found.trace, found.span, found.sampled) == expected


def test_a_function_s_line_has_the_trace_of_its_request(capsys: Any) -> None:
    app = flask.Flask("test")
    with app.test_request_context(headers={"traceparent": f"00-{TRACE}-{SPAN}-01"}):
        answer("snapshot", lambda: Report("b1", "planned", {"items": 3}))
    (line,) = lines(capsys)
    assert line["severity"] == "INFO"
    assert line[logs.LABELS] == {"kind": "snapshot", "job": "b1"}
    # Without a project there is no name for the trace.
    assert logs.TRACE not in line
    fields = logs.Trace(TRACE, SPAN, True).fields("demo-shop")
    assert fields == {
        "logging.googleapis.com/trace": f"projects/demo-shop/traces/{TRACE}",
        "logging.googleapis.com/spanId": SPAN,
        "logging.googleapis.com/trace_sampled": True,
    }


def test_a_line_is_one_line_whatever_is_in_it(capsys: Any) -> None:
    logs.log("ERROR", 'a "message"\nwith 100 % {braces} \u2028', {"path": "caf\u00e9"})
    (line,) = lines(capsys)
    assert line == {
        "severity": "ERROR",
        "message": 'a "message"\nwith 100 % {braces} \u2028',
        "path": "caf\u00e9",
    }


def test_other_libraries_say_where_and_what_but_no_values(capsys: Any) -> None:
    other = logging.getLogger("urllib3.connectionpool")
    other.warning("retrying %s after %r", f"https://example.com/{SECRET}", ValueError(SECRET))
    other.error(f"no template: {SECRET}")
    first, second = lines(capsys)
    assert SECRET not in json.dumps([first, second])
    assert (first["severity"], second["severity"]) == ("WARNING", "ERROR")
    assert first["message"].startswith("retrying %s after %r [urllib3.connectionpool, test_logs:")


def test_an_exception_is_its_type_and_place_and_not_its_text(capsys: Any) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("flask.app").exception("Exception on %s", SECRET)
    (line,) = lines(capsys)
    assert SECRET not in json.dumps(line)
    assert line["exception"] == "ValueError"
    assert "test_logs.py" in line["frames"][-1]


def test_the_formatter_is_installed_once(capsys: Any) -> None:
    for _ in range(3):
        logs.install()
    answer("snapshot", lambda: Report("b1", "planned"))
    assert len(lines(capsys)) == 1


def test_an_error_s_line_has_its_code_and_whether_it_comes_again(capsys: Any) -> None:
    def job() -> Report:
        raise Unavailable("reading a page failed")

    with pytest.raises(Unavailable):
        answer("part", job)
    (line,) = lines(capsys)
    assert (line["severity"], line["code"], line["redeliver"]) == ("WARNING", "unavailable", True)
    assert line[logs.LABELS] == {"kind": "part"}
