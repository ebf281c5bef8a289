"""One line of JSON for each log record, with the fields that Cloud Logging reads.

Promises: a line holds what our own code chose to tell, and of records of other libraries only the template, never
the values in it; of an exception its type and where it was raised, never its text. So no content, key or token
gets into a log by way of a library. Fields: https://cloud.google.com/logging/docs/structured-logging
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

OWN: Final = "firekeep"
"""The logger of our own lines."""

TRACE: Final = "logging.googleapis.com/trace"
SPAN: Final = "logging.googleapis.com/spanId"
SAMPLED: Final = "logging.googleapis.com/trace_sampled"
LABELS: Final = "logging.googleapis.com/labels"

_FACTS = "facts"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_CLOUD_TRACE = re.compile(r"([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]+))?")
_FRAMES = 20


@dataclass(frozen=True)
class Trace:
    """The trace that a request belongs to, in hexadecimal digits; all empty when it belongs to none."""

    trace: str = ""
    span: str = ""
    sampled: bool = False

    def fields(self, project: str) -> dict[str, Any]:
        """As Cloud Logging wants them."""
        if not self.trace or not project:
            return {}
        found: dict[str, Any] = {TRACE: f"projects/{project}/traces/{self.trace}", SAMPLED: self.sampled}
        return {**found, SPAN: self.span} if self.span else found


def trace_of(headers: Mapping[str, str]) -> Trace:
    """From a request's headers or a CloudEvent's attributes; what is not valid counts as absent.

    `traceparent` is W3C's, also as a CloudEvent's extension; `X-Cloud-Trace-Context` is Google's older one.
    """
    found = {name.lower(): value for name, value in headers.items()}
    for name in ("traceparent", "ce-traceparent"):
        parent = _TRACEPARENT.fullmatch(found.get(name, ""))
        if parent and int(parent[1], 16) and int(parent[2], 16):
            return Trace(parent[1], parent[2], bool(int(parent[3], 16) & 1))
    cloud = _CLOUD_TRACE.fullmatch(found.get("x-cloud-trace-context", ""))
    if cloud and int(cloud[1], 16):
        span = int(cloud[2] or 0)
        known = f"{span:016x}" if 0 < span < 1 << 64 else ""
        return Trace(cloud[1].lower(), known, cloud[3] == "1")
    return Trace()


class JsonFormatter(logging.Formatter):
    """One JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"severity": _severity(record.levelno), "message": _message(record)}
        line |= getattr(record, _FACTS, {})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["frames"] = _frames(record)
        return json.dumps(line, default=str)


class StdoutHandler(logging.Handler):
    """Writes to the standard output of the moment, and at once: an instance may be frozen after its answer."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stdout.write(self.format(record) + "\n")
        sys.stdout.flush()


def install() -> None:
    """Have every record of this process written by this formatter, and by nothing else. May be called again."""
    root, own = logging.getLogger(), logging.getLogger(OWN)
    if any(isinstance(handler, StdoutHandler) for handler in root.handlers):
        return
    handler = StdoutHandler()
    handler.setFormatter(JsonFormatter())
    for other in list(root.handlers):
        if type(other) is logging.StreamHandler:
            root.removeHandler(other)
    root.addHandler(handler)
    own.setLevel(logging.INFO)


def log(severity: str, message: str, facts: Mapping[str, Any]) -> None:
    """One line of ours. `severity` is INFO, WARNING or ERROR."""
    level = logging.getLevelNamesMapping()[severity]
    # The message is no template: a percent sign in it is one.
    logging.getLogger(OWN).log(level, "%s", message, extra={_FACTS: dict(facts)})


def _severity(level: int) -> str:
    named = ((logging.CRITICAL, "CRITICAL"), (logging.ERROR, "ERROR"), (logging.WARNING, "WARNING"))
    return next(
        (name for least, name in named if level >= least), "INFO" if level >= logging.INFO else "DEBUG"
    )


def _message(record: logging.LogRecord) -> str:
    if record.name == OWN:
        return record.getMessage()
    where = f"{record.name}, {record.module}:{record.lineno}"
    return f"{record.msg} [{where}]" if record.args else f"a message of {where}"


def _frames(record: logging.LogRecord) -> list[str]:
    trace = record.exc_info[2] if record.exc_info else None
    return [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(trace)[-_FRAMES:]]
