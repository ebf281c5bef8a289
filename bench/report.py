"""What a measure answers, and how it is shown: a table for the terminal and for Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

HEADS = ("Measure", "Result", "Compared with", "Ratio", "Aim", "Met")


@dataclass(frozen=True)
class Row:
    """One number. Without an aim it is only told."""

    measure: str
    result: str
    compared: str = ""
    ratio: str = ""
    aim: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        met = "" if self.met is None else "yes" if self.met else "**no**"
        return (self.measure, self.result, self.compared, self.ratio, self.aim, met)


@dataclass(frozen=True)
class Section:
    """The rows of one measure, how they came about, and what they say."""

    title: str
    method: str
    rows: Sequence[Row]
    reading: Sequence[str] = ()
    """One remark each."""


def at_least(measure: str, ours: float, what: str, theirs: float, aim: float) -> Row:
    """Two rates, documents per second, ours to be `aim` times theirs."""
    ratio = ours / theirs
    return Row(
        measure, per_second(ours), f"{what}: {per_second(theirs)}", times(ratio), times(aim), ratio >= aim
    )


def times(ratio: float) -> str:
    return f"{rounded(ratio)} times" if ratio >= 10 else f"{ratio:.2g} times"


def per_second(rate: float) -> str:
    return f"{rounded(rate)}/s"


def rounded(number: float) -> str:
    """Three digits are what a measurement is worth."""
    return f"{float(f'{number:.3g}'):,.0f}" if number >= 100 else f"{number:.3g}"


def mebibytes(size: float) -> str:
    return f"{size / (1 << 20):.3g} MiB"


def as_text(sections: Sequence[Section]) -> str:
    """The rows of all sections as one table."""
    rows = [row.cells() for section in sections for row in section.rows]
    table = [HEADS, *(tuple(cell.replace("*", "") for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join([lines[0].rstrip(), "-" * max(map(len, lines)), *(line.rstrip() for line in lines[1:])])


def as_markdown(sections: Sequence[Section]) -> str:
    """A table a section, with how it was measured and what it says."""
    return "\n\n".join(_section(section) for section in sections)


def put_sections(page: str, sections: Sequence[Section]) -> str:
    """A page of sections with these in the place of those of the same titles, new ones at the end."""
    head, *parts = page.rstrip().split("\n\n## ")
    kept = {part.partition("\n")[0]: f"## {part}" for part in parts}
    kept |= {section.title: _section(section) for section in sections}
    return "\n\n".join([head, *kept.values()]) + "\n"


def _section(section: Section) -> str:
    rows = [HEADS, tuple("---" for _ in HEADS), *(row.cells() for row in section.rows)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    remarks = "\n".join(wrapped(remark, "- ") for remark in section.reading)
    method = wrapped(section.method)
    return "\n\n".join(filter(None, (f"## {section.title}", method, table, remarks)))


def wrapped(text: str, bullet: str = "") -> str:
    """A paragraph in lines as the rest of the documentation has them."""
    return fill(text, 115, initial_indent=bullet, subsequent_indent=" " * len(bullet), break_on_hyphens=False)


def machine() -> str:
    """What it was measured on, in words."""
    cores = os.cpu_count() or 1
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} core{'s' * (cores > 1)}, {platform.machine()}, {platform.system()}, {python}"
