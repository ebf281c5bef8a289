"""Documents as JSON Lines, which can be imported again, or as one JSON object by root collection for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import BinaryIO

from shared.exporting.lines import Record, spelled, typed


def write_lines(records: Iterable[Record], out: BinaryIO) -> None:
    """One object a line, in the order of keys."""
    for one in records:
        out.write(f"{spelled(typed(one))}\n".encode())


def write_json(records: Iterable[Record], out: BinaryIO) -> None:
    """`{"COLLECTION": [document, …], …}`: each root collection with all documents at and below it."""
    group: str | None = None
    out.write(b"{")
    for one in records:
        root = one.name.split("/", 1)[0]
        if root != group:
            before = "" if group is None else "\n  ],"
            out.write(f"{before}\n  {spelled(root)}: [\n".encode())
        else:
            out.write(b",\n")
        group = root
        text = json.dumps(typed(one), ensure_ascii=False, allow_nan=False, indent=2)
        out.write("\n".join("    " + line for line in text.split("\n")).encode())
    out.write(b"}\n" if group is None else b"\n  ]\n}\n")
