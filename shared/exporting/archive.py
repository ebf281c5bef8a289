"""Everything of a backup in one zip archive, written as a stream.

    entries.jsonl, users.jsonl, settings.jsonl   a record a line, exact
    media.jsonl         a file a line: bucket, name, `file` (its member here), and all its metadata
    media/BUCKET/NAME   the files' bytes; what file systems do not take is written %XX, or the whole as a hash
    users.json, users-TENANT.json   for `firebase auth:import`
    export.json         of which backup

Members are written one after the other, so lines that belong to other members wait in a temporary file. Memory: the
archive's own directory, some hundred bytes for each stored file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Final

from shared.contents import MEDIA, USERS
from shared.errors import Internal
from shared.exporting.accounts import importable
from shared.exporting.lines import Record, spelled, typed
from shared.exporting.names import Namer, segment
from shared.format import canonical
from shared.format.flat import decode as split_key

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_EFFORT: Final = 1
_BLOCK: Final = 1 << 20
_STORED: Final = ("image/", "video/", "audio/", "application/zip", "application/gzip")
"""Types whose bytes are compressed already."""


def write_archive(records: Iterable[Record], about: Callable[[], dict[str, Any]], out: BinaryIO) -> None:
    """The archive. `records` come content by content; `about`, asked at the end, becomes `export.json`."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_EFFORT) as archive:
        for content, found in groupby(records, key=lambda one: one.content):
            if content == MEDIA:
                _files(archive, found)
            elif content == USERS:
                _accounts(archive, found)
            else:
                with _member(archive, f"{content}.jsonl") as lines:
                    lines.writelines(_line(typed(one)) for one in found)
        with _member(archive, "export.json") as file:
            file.write(_line(about()))


def _files(archive: zipfile.ZipFile, found: Iterator[Record]) -> None:
    names = Namer("media/")
    with TemporaryFile() as lines:
        for one in found:
            bucket, name = split_key(one.key)
            told = typed(one)
            path = names.path(bucket, *name.split("/"))
            _put_file(archive, path, one, str(told.get("contentType", "")))
            lines.write(_line({"bucket": bucket, "name": name, "file": path} | told))
        _copy(archive, f"{MEDIA}.jsonl", lines)


def _put_file(archive: zipfile.ZipFile, path: str, one: Record, kind: str) -> None:
    if one.body is None:
        raise Internal("exporting a file: its record came without its bytes")
    method = zipfile.ZIP_STORED if kind.startswith(_STORED) else zipfile.ZIP_DEFLATED
    with _member(archive, path, method) as file:
        for data in one.body():
            file.write(data)


def _accounts(archive: zipfile.ZipFile, found: Iterator[Record]) -> None:
    """Whole records, and by tenant what can be imported."""
    with TemporaryFile() as lines:
        for tenant, of_tenant in groupby(found, key=lambda one: split_key(one.key)[0]):
            name = f"users-{segment(tenant)}.json" if tenant else "users.json"
            with _member(archive, name) as users:
                users.write(b'{"users":[')
                for number, one in enumerate(of_tenant):
                    fields = canonical.decode(one.value, "an account")
                    told = importable(split_key(one.key)[1], fields)
                    users.write((",\n" if number else "\n").encode() + spelled(told).encode())
                    lines.write(_line(typed(one)))
                users.write(b"\n]}\n")
        _copy(archive, f"{USERS}.jsonl", lines)


def _copy(archive: zipfile.ZipFile, name: str, lines: IO[bytes]) -> None:
    lines.seek(0)
    with _member(archive, name) as file:
        while block := lines.read(_BLOCK):
            file.write(block)


@contextmanager
def _member(archive: zipfile.ZipFile, name: str, method: int = zipfile.ZIP_DEFLATED) -> Iterator[IO[bytes]]:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = method
    info.external_attr = 0o600 << 16
    # Sizes are not known before the bytes are written: room for those above 4 GiB.
    with archive.open(info, "w", force_zip64=True) as file:
        yield file


def _line(value: dict[str, Any]) -> bytes:
    return f"{spelled(value)}\n".encode()
