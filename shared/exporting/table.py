"""Documents as CSV: a file for each kind of collection, a column for each field and type.

Written in two passes: the first finds the columns, the second writes. What is held is the columns, at most 1,000 of a
file; fields beyond these go into the column `__rest__`, so memory does not depend on the number of documents. No cell
begins as a formula: see `guarded`.
"""

from __future__ import annotations

import csv
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from shared.errors import BadInput
from shared.exporting.lines import Record, spelled, typed
from shared.exporting.names import Namer

FIXED: Final = ("__path__", "__createTime__", "__updateTime__")
REST: Final = "__rest__"
MOST_COLUMNS: Final = 1_000
MOST_FILES: Final = 10_000
_OPEN: Final = 64
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", *map(chr, (0xFF1D, 0xFF0B, 0xFF0D, 0xFF20)))
"""Also in full width, which some spreadsheets take for the same."""
_SUFFIX: Final = "Value"

Column = tuple[str, str]
"""A field's name and its type's, as in `integer`."""


@dataclass
class _Table:
    file: str
    columns: dict[Column, None] = field(default_factory=dict)


def write_tables(records: Callable[[], Iterable[Record]], folder: Path) -> None:
    """The files of a folder. `records` gives the same ones each time it is called."""
    tables = _found(records())
    with _Files(folder) as files:
        for table in tables.values():
            table.columns = dict.fromkeys(sorted(table.columns))
            named = (guarded(":".join(one)) for one in table.columns)
            files.write(table.file, [*FIXED, *named, REST])
        for one in records():
            table = tables[_collections(one)]
            files.write(table.file, _row(typed(one), table.columns))


def _found(records: Iterable[Record]) -> dict[tuple[str, ...], _Table]:
    """The tables and their columns."""
    tables: dict[tuple[str, ...], _Table] = {}
    names = Namer("")
    for one in records:
        ids = _collections(one)
        if ids not in tables:
            tables[ids] = _Table(f"{names.path(*ids, by='.')}.csv")
        if len(tables) > MOST_FILES:
            raise BadInput(
                f"the documents are in more than {MOST_FILES} kinds of collections",
                hint="choose fewer with --prefix, or another format",
            )
        columns = tables[ids].columns
        for name, value in typed(one)["fields"].items():
            if len(columns) < MOST_COLUMNS:
                columns[name, kind_of(value)] = None
    return tables


def _collections(one: Record) -> tuple[str, ...]:
    """The ids of the collections on a document's path: of `users/u1/orders/o1`, users and orders."""
    return tuple(one.name.split("/")[::2])


def guarded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe in front, which reading takes away again."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def kind_of(value: dict[str, Any]) -> str:
    (name,) = value
    return str(name).removesuffix(_SUFFIX)


def cell(value: dict[str, Any]) -> str:
    """One value under its column's type: numbers, times and texts as they are, maps and arrays as typed JSON."""
    ((kind, inner),) = value.items()
    if kind in ("integerValue", "doubleValue"):
        return str(inner)
    if kind == "booleanValue":
        return "true" if inner else "false"
    if kind == "nullValue":
        return "null"
    if kind == "geoPointValue":
        return spelled([inner["latitude"], inner["longitude"]])
    if kind in ("mapValue", "arrayValue"):
        return spelled(inner)
    return guarded(str(inner))


def _row(document: dict[str, Any], columns: dict[Column, None]) -> list[str]:
    fields = document["fields"]
    known = {(name, kind_of(value)): value for name, value in fields.items()}
    rest = {name: value for (name, kind), value in known.items() if (name, kind) not in columns}
    times = [str(document.get(name, "")) for name in ("createTime", "updateTime")]
    cells = [cell(known[one]) if one in known else "" for one in columns]
    return [guarded(document["path"]), *times, *cells, spelled(rest) if rest else ""]


class _Files:
    """Tables being written; the least lately used one is closed when there are many."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, TextIO] = OrderedDict()

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()

    def write(self, table: str, row: list[str]) -> None:
        file = self._open.get(table)
        if file is None:
            if len(self._open) == _OPEN:
                self._open.popitem(last=False)[1].close()
            file = (self._folder / table).open("a", encoding="utf-8", newline="")
            self._open[table] = file
        self._open.move_to_end(table)
        csv.writer(file).writerow(row)
