"""Documents as Parquet: one file, a row a document, written in groups of rows.

    path         string              the document's path
    collection   string              its collection's path
    id           string              its id
    create_time  timestamp[us, UTC]  null when it is not known
    update_time  timestamp[us, UTC]
    fields       string              typed JSON as in JSON Lines: exact
    data         string              plain JSON, for queries: see `plain`

Needs pyarrow, which is an extra.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime
from importlib import import_module
from typing import Any, BinaryIO, Final

from shared.errors import Unsupported
from shared.exporting.lines import Record, spelled, typed

_ROWS: Final = 10_000
_BYTES: Final = 32 << 20


def write_parquet(records: Iterable[Record], out: BinaryIO) -> None:
    """The file. Unsupported when pyarrow is not installed. Holds 10,000 rows or 32 MiB of them."""
    arrow, parquet = _module("pyarrow"), _module("pyarrow.parquet")
    schema = _schema(arrow)
    with parquet.ParquetWriter(_Sink(out), schema, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        size = 0
        for one in records:
            rows.append(_row(typed(one)))
            size += 2 * len(one.value)
            if len(rows) == _ROWS or size > _BYTES:
                writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
                rows, size = [], 0
        writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


class _Sink(io.RawIOBase):
    """The little of a file that pyarrow asks for."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._size += self._out.write(bytes(data))
        return len(data)

    def tell(self) -> int:
        return self._size


def plain(value: dict[str, Any]) -> Any:
    """A value as ordinary JSON: integers and doubles as numbers (NaN and infinities as texts), times, bytes (base64)
    and references as texts, a geo point as its two numbers by name."""
    ((kind, inner),) = value.items()
    if kind == "integerValue":
        return int(inner)
    if kind == "mapValue":
        return {name: plain(one) for name, one in inner["fields"].items()}
    if kind == "arrayValue":
        return [plain(one) for one in inner["values"]]
    return inner


def _row(document: dict[str, Any]) -> dict[str, Any]:
    path, fields = document["path"], document["fields"]
    collection, _, own = path.rpartition("/")
    return {
        "path": path,
        "collection": collection,
        "id": own,
        "create_time": _moment(document.get("createTime")),
        "update_time": _moment(document.get("updateTime")),
        "fields": spelled(fields),
        "data": spelled({name: plain(one) for name, one in fields.items()}),
    }


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _schema(arrow: Any) -> Any:
    time = arrow.timestamp("us", tz="UTC")
    text = {name: arrow.string() for name in ("path", "collection", "id")}
    json = {name: arrow.string() for name in ("fields", "data")}
    return arrow.schema({**text, "create_time": time, "update_time": time, **json})


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise Unsupported(
            "writing Parquet needs pyarrow, which is not installed", hint="pip install 'firekeep[parquet]'"
        ) from None
