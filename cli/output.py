"""All printing rules of the command line.

Results go to standard output, everything else to standard error. With --json, one object is printed and nothing
else. Sizes are decimal (kB, MB), times in the user's own zone; JSON has bytes, seconds and UTC. What comes from
documents is shown with control characters escaped: it cannot steer the terminal.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from shared.errors import FirekeepError

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Output:
    """Where a command's words go. `json` is whether a program is listening."""

    def __init__(self, json: bool) -> None:
        self.json = json

    def result(self, facts: Mapping[str, Any], lines: Iterable[str]) -> None:
        """The command's answer: `facts` for programs, or `lines` for people."""
        if self.json:
            click.echo(json.dumps(facts, default=_plain, ensure_ascii=False, allow_nan=False))
            return
        for line in lines:
            click.echo(line)

    def note(self, line: str) -> None:
        """Something people want to know on the way."""
        if not self.json:
            click.echo(line, err=True)

    def failed(self, error: FirekeepError) -> None:
        """Why the command could not do what was asked."""
        if self.json:
            told = {
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "exitStatus": error.exit_status,
            }
            click.echo(json.dumps({"error": told}, ensure_ascii=False))
            return
        click.echo(f"{click.style('error:', fg='red', bold=True)} {printable(error.message)}", err=True)
        if error.hint:
            click.echo(f"{click.style('hint:', bold=True)}  {printable(error.hint)}", err=True)

    def trace(self) -> None:
        """The Python trace of the error being handled."""
        sys.stderr.write(traceback.format_exc())


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()
) -> list[str]:
    """Lines of aligned columns; those numbered in `right` are flush right."""
    cells = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return ["  ".join(_aligned(row, widths, right)).rstrip() for row in cells]


def _aligned(row: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> list[str]:
    pairs = enumerate(zip(row, widths, strict=True))
    return [cell.rjust(width) if column in right else cell.ljust(width) for column, (cell, width) in pairs]


def count(number: int, noun: str = "") -> str:
    """`1 document`, `82,165 documents`."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: float) -> str:
    """`999 B`, `1.2 kB`, `24.9 MB`."""
    for unit in _UNITS:
        if abs(number) < 999.5 or unit == _UNITS[-1]:
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" or number >= 99.95 else f"{number:.1f} {unit}"


def duration(seconds: float) -> str:
    """`0.42 s`, `3.1 s`, `2 min 05 s`, `1 h 02 min`."""
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def rate(number: float, seconds: float) -> str:
    """`9,800/s`; `-` when there is nothing to divide by."""
    return f"{number / seconds:,.0f}/s" if seconds > 0 else "-"


def moment(at: datetime) -> str:
    """In the user's zone, to the second: `2025-11-23 12:31:05 CET`."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def printable(text: str) -> str:
    """`text` with what a terminal would obey, or could not show, written as escapes."""
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    number = ord(character)
    return (
        f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON form")
