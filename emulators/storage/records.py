"""Buckets, versions and upload sessions as the rows of a shelf: JSON with the names of our own fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from emulators.storage.content import Content, Piece
from emulators.storage.model import Bucket, Version
from shared.errors import Corrupt

FORMAT = "storage 1"
BUCKET, VERSION, PIECE, SESSION, LAST = "bucket", "version", "piece", "session", "last"
Place = tuple[bool, int, int, int]
"""Where a piece is: in a file or in a row; its number, its size, its CRC32C."""

Held = tuple[int, int, int]
"""What a spool holds: the number of its file, its size, its CRC32C."""

_OF_BUCKET = (
    "name", "project", "attributes", "generation", "created", "updated", "object_retention", "metageneration",
    "policy", "policy_changes", "notifications",
)  # fmt: skip
_OF_VERSION = tuple(each.name for each in fields(Version) if each.name != "content")

# Made once: it is used for every row.
_COMPACT = json.JSONEncoder(separators=(",", ":"))


def version_key(version: Version) -> bytes:
    """Unique: a bucket's name has no slash, and a generation eight bytes."""
    return f"{version.bucket}/{version.name}/".encode() + number_key(version.generation)


def number_key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def bucket_row(bucket: Bucket) -> bytes:
    return pack({name: getattr(bucket, name) for name in _OF_BUCKET})


def read_bucket(row: bytes) -> Bucket:
    return Bucket(**unpack(row, BUCKET))


def version_row(version: Version, pieces: list[Place]) -> bytes:
    """`pieces` say where each piece of the content is."""
    content = version.content
    document = {name: getattr(version, name) for name in _OF_VERSION}
    md5 = None if content.md5 is None else content.md5.hex()
    return pack({**document, "content": [content.size, content.crc32c, md5, pieces]})


def read_version(document: dict[str, Any], piece: Callable[[Place], Piece]) -> tuple[Version, list[Place]]:
    """The version, with its pieces as `piece` finds them, and where they are."""
    size, crc32c, md5, listed = document.pop("content")
    places = [(bool(file), int(number), int(length), int(crc)) for file, number, length, crc in listed]
    pieces = tuple(map(piece, places))
    content = Content(pieces, size, crc32c, None if md5 is None else bytes.fromhex(md5))
    return Version(**document, content=content), places


def pack(document: dict[str, Any]) -> bytes:
    return _COMPACT.encode(document).encode()


def unpack(row: bytes, what: str) -> dict[str, Any]:
    """Raises Corrupt for what is no JSON object."""
    try:
        document: dict[str, Any] = json.loads(row.decode())
    except ValueError as problem:
        raise Corrupt(f"reading the kept state: a {what} is damaged") from problem
    return document
