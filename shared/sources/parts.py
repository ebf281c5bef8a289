"""Parts as JSON, for messages and for the ledger. Strict on the way in: a part decides what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from shared.errors import BadInput
from shared.sources.contract import Method, Part

_NAMES = {field.name for field in fields(Part)}


def part_to_json(part: Part) -> dict[str, Any]:
    """Keys as hexadecimal digits, the instant as ISO 8601 in UTC with its microseconds."""
    return {
        "number": part.number,
        "start": part.start.hex(),
        "end": part.end.hex(),
        "method": part.method.value,
        "expected": part.expected,
        "at": part.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "path": part.path,
    }


def part_from_json(data: Mapping[str, Any]) -> Part:
    """The part again. BadInput when it is not one."""
    if set(data) != _NAMES:
        raise BadInput("reading a part: its fields are not those of a part")
    try:
        part = Part(
            number=data["number"],
            start=bytes.fromhex(data["start"]),
            end=bytes.fromhex(data["end"]),
            method=Method(data["method"]),
            expected=data["expected"],
            at=datetime.fromisoformat(data["at"]),
            path=data["path"],
        )
    except (TypeError, ValueError):
        raise BadInput("reading a part: a field has another type than a part's") from None
    counts = (part.number, 0 if part.expected is None else part.expected)
    if (
        any(type(n) is not int or n < 0 for n in counts)
        or not isinstance(part.path, str)
        or part.at.tzinfo is None
    ):
        raise BadInput("reading a part: a number, path or instant that no part has")
    return part
