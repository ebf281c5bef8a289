"""A media record's value: what there is to know of a stored file, and where its bytes are in the repository.

    offset    size   what
    0         1      0xD1: media record, version 1
    1         4      h, little endian: length of the head
    5         h      the head: canonical JSON, its fields named and written as the Cloud Storage JSON API does, except
                     that `size`, `generation` and `metageneration` are numbers, times have no zeros at the end of
                     their fraction, and what is absent, false or an empty map is left out
    5 + h     1      0: the content is not known here (a record fresh from the service), 1: a list, 2: a tree
    6 + h     36 n   a list, at most 256 chunks: id 32, length 4 (little endian), in the file's order
    6 + h     49     a tree: id 32, level 1, entries 8, size 8 (little endian); it maps the offset of each chunk
                     (8 bytes, big endian) to id 32 and length 4 as above

Nothing follows. Malformed bytes are Corrupt; a field or form this release does not know is Unsupported.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from shared.errors import Corrupt, Unsupported
from shared.format import canonical
from shared.format.node import ID_SIZE, MAX_LEVEL, Root

MAGIC: Final = 0xD1
LISTED: Final = 256
"""Chunks of a file that its record lists itself; more of them are a tree."""
MOST_CHUNK: Final = 16 << 20
"""No chunk is longer. Writers make them of 4 MiB at most."""

TEXTS: Final = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "storageClass",
)
FLAGS: Final = ("eventBasedHold", "temporaryHold")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_UNRESTORABLE = ("generation", "metageneration", "timeCreated", "updated")
_DEFAULT_TYPE = "application/octet-stream"
"""What a file without a type is served as. An empty text is no text."""
_MOST = 1 << 63
_CHUNK = ID_SIZE + 4
_TREE = ID_SIZE + 1 + 8 + 8


class Chunk(NamedTuple):
    """A piece of a file: the id of its blob, and its bytes."""

    id: bytes
    length: int


Content = tuple[Chunk, ...] | Root
"""All chunks of a file in order, or a tree of them."""


@dataclass(frozen=True)
class Media:
    """A record, decoded. `fields` are the head's; `content` is None in a record fresh from the service."""

    fields: Mapping[str, Any]
    content: Content | None = None

    @property
    def size(self) -> int:
        size: int = self.fields["size"]
        return size

    @property
    def crc32c(self) -> int:
        return int.from_bytes(base64.b64decode(self.fields["crc32c"]), "big")

    @property
    def generation(self) -> int:
        """0 in a record that was laid bare."""
        generation: int = self.fields.get("generation", 0)
        return generation


def encode(media: Media) -> bytes:
    """The canonical bytes. Corrupt or Unsupported for fields that no record has."""
    _check_head(media.fields)
    head = canonical.encode(dict(media.fields))
    start = b"".join((bytes((MAGIC,)), len(head).to_bytes(4, "little"), head))
    if media.content is None:
        return start + b"\x00"
    if isinstance(media.content, Root):
        _check_content(media.size, media.content)
        root = media.content
        return b"".join(
            (
                start,
                b"\x02",
                root.id,
                bytes((root.level,)),
                root.count.to_bytes(8, "little"),
                root.size.to_bytes(8, "little"),
            )
        )
    _check_content(media.size, media.content)
    return b"".join((start, b"\x01", *map(encode_chunk, media.content)))


def decode(value: bytes) -> Media:
    """The record. Corrupt unless `value` is exactly what `encode` makes."""
    fields, at = _head(value)
    content = _content(value[at], value[at + 1 :])
    if content is not None:
        _check_content(fields["size"], content)
    return Media(fields, content)


def with_content(value: bytes, content: Content) -> bytes:
    """The record with its content filled in, or another in its place."""
    return encode(replace(decode(value), content=content))


def encode_chunk(chunk: Chunk) -> bytes:
    return chunk.id + chunk.length.to_bytes(4, "little")


def decode_chunk(data: bytes) -> Chunk:
    """Corrupt when it is not one chunk of 1 byte to 16 MiB."""
    chunk = Chunk(data[:ID_SIZE], int.from_bytes(data[ID_SIZE:], "little"))
    if len(data) != _CHUNK or not 0 < chunk.length <= MOST_CHUNK:
        raise Corrupt("reading a media record: a chunk has a length that none can have")
    return chunk


def equal(a: bytes, b: bytes) -> bool:
    """Whether a restore of one would give the other: the same bytes, and the same fields but for those the service
    sets itself. A retention that had ended when the other record was written does not count.
    """
    if a == b:
        return True
    one, other = _head(a)[0], _head(b)[0]
    return (
        same_bytes(one, other)
        and _counting(one) == _counting(other)
        and (one.get("retention") == other.get("retention") or _ended(one, other) or _ended(other, one))
    )


def same_bytes(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two heads tell of the same content, as far as sizes and checksums can. A composed object has no MD5."""
    sums = [fields.get("md5Hash") for fields in (one, other)]
    return (one["size"], one["crc32c"]) == (other["size"], other["crc32c"]) and (
        None in sums or sums[0] == sums[1]
    )


def guard(value: bytes) -> str:
    """`generation/metageneration` of a live record."""
    fields = _head(value)[0]
    if "generation" not in fields or "metageneration" not in fields:
        raise Corrupt("reading a media record: it does not say which generation it is of")
    return f"{fields['generation']}/{fields['metageneration']}"


def bare(value: bytes) -> bytes:
    """The record without what the service sets itself, and without its content's places."""
    fields = {name: field for name, field in _head(value)[0].items() if name not in _UNRESTORABLE}
    return encode(Media(fields))


def weight(value: bytes) -> int:
    """The file's bytes."""
    size: int = _head(value)[0]["size"]
    return size


def spelled(time: str) -> str:
    """An RFC 3339 time in UTC as records have it. Unsupported when it is none."""
    found = _TIME.fullmatch(time)
    if found is None:
        raise Unsupported("reading a stored file's fields: a time is not in UTC, or finer than a nanosecond")
    fraction = (found[2] or "").rstrip("0")
    return f"{found[1]}.{fraction}Z" if fraction else f"{found[1]}Z"


def moment(time: str) -> tuple[str, str]:
    """A time as records have it, in a form that sorts."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return whole, fraction.ljust(9, "0")


def _counting(fields: Mapping[str, Any]) -> dict[str, Any]:
    left = {
        name: field
        for name, field in fields.items()
        if field != "" and name not in _UNRESTORABLE and name not in ("md5Hash", "retention")
    }
    left.setdefault("contentType", _DEFAULT_TYPE)
    return left


def _ended(retained: Mapping[str, Any], free: Mapping[str, Any]) -> bool:
    """Whether a retention that `free` lacks was over when that was written."""
    retention, updated = retained.get("retention"), free.get("updated")
    if retention is None or "retention" in free:
        return False
    return updated is not None and moment(retention["retainUntilTime"]) <= moment(updated)


def _head(value: bytes) -> tuple[dict[str, Any], int]:
    """The head's fields, checked, and where the content begins."""
    if len(value) < 6:
        raise Corrupt("reading a media record: it is cut short")
    if value[0] != MAGIC:
        if value[0] >> 4 == MAGIC >> 4 and value[0] > MAGIC:
            raise Unsupported(
                f"reading a media record: written in version {value[0] & 15} of the format",
                hint="use a newer release",
            )
        raise Corrupt("reading a media record: it does not begin as one")
    at = 5 + int.from_bytes(value[1:5], "little")
    if at >= len(value):
        raise Corrupt("reading a media record: it is cut short")
    fields = canonical.decode(value[5:at], "a media record's head")
    _check_head(fields)
    return fields, at


def _content(form: int, data: bytes) -> Content | None:
    if form == 0 and not data:
        return None
    if form == 1 and len(data) % _CHUNK == 0:
        return tuple(decode_chunk(data[at : at + _CHUNK]) for at in range(0, len(data), _CHUNK))
    if form == 2 and len(data) == _TREE:
        count, size = (int.from_bytes(data[at : at + 8], "little") for at in (ID_SIZE + 1, ID_SIZE + 9))
        return Root(data[:ID_SIZE], data[ID_SIZE], count, size)
    if form > 2:
        raise Unsupported(
            f"reading a media record: its content is kept in form {form}, which this release lacks"
        )
    raise Corrupt("reading a media record: its content has a length that it cannot have")


def _check_content(size: int, content: Content) -> None:
    if isinstance(content, Root):
        entry = 8 + _CHUNK
        if content.count <= LISTED or content.size != content.count * entry or content.level > MAX_LEVEL:
            raise Corrupt("a media record names a tree that no file has")
        if not content.count <= size <= content.count * MOST_CHUNK:
            raise Corrupt("a media record's size is not what its chunks can add up to")
    elif len(content) > LISTED or sum(chunk.length for chunk in content) != size:
        raise Corrupt("a media record's size is not what its chunks add up to")


def _check_head(fields: Mapping[str, Any]) -> None:
    for name, field in fields.items():
        check = _FIELDS.get(name)
        if check is None:
            raise Unsupported(
                f"a media record has a field {name[:40]!r}, which this release does not know",
                hint="a newer release may; nothing was dropped",
            )
        if not check(field):
            raise Corrupt(f"a media record's field {name} has a value that it cannot have")
    if "size" not in fields or "crc32c" not in fields:
        raise Corrupt("a media record lacks its size or its checksum")


def _is_text(field: object) -> bool:
    return isinstance(field, str)


def _is_number(field: object) -> bool:
    return type(field) is int and 0 <= field < _MOST


def _is_time(field: object) -> bool:
    found = _TIME.fullmatch(field) if isinstance(field, str) else None
    return found is not None and not (found[2] or "1").endswith("0")


def _is_sum(length: int) -> Callable[[object], bool]:
    def check(field: object) -> bool:
        try:
            data = base64.b64decode(field, validate=True) if isinstance(field, str) else b""
        except (binascii.Error, ValueError):
            return False
        return len(data) == length and base64.b64encode(data).decode() == field

    return check


def _is_metadata(field: object) -> bool:
    return isinstance(field, dict) and bool(field) and all(isinstance(text, str) for text in field.values())


def _is_retention(field: object) -> bool:
    return (
        isinstance(field, dict)
        and field.keys() == {"mode", "retainUntilTime"}
        and _is_text(field["mode"])
        and _is_time(field["retainUntilTime"])
    )


_FIELDS: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys(TEXTS, _is_text),
    **dict.fromkeys(FLAGS, lambda field: field is True),
    **dict.fromkeys(("size", "generation", "metageneration"), _is_number),
    **dict.fromkeys(("customTime", "timeCreated", "updated"), _is_time),
    "crc32c": _is_sum(4),
    "md5Hash": _is_sum(16),
    "metadata": _is_metadata,
    "retention": _is_retention,
}
