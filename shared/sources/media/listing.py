"""Objects of one bucket in key order, page after page, from any place on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from shared.errors import Corrupt, Unsupported
from shared.format.flat import decode, encode
from shared.sources.contract import Batch
from shared.sources.media.resources import LIST_FIELDS, record_of
from shared.sources.media.scopes import Range
from shared.sources.media.service import Service

_PAGE = 1000
_BEHIND = b"\xff"
_LAST, _SURROGATES, _AFTER_SURROGATES = chr(0x10FFFF), 0xD800, 0xE000
_BATCH_BYTES = 64 << 20
"""Of files in one batch: whoever reads them looks at the time between batches."""


def listed(service: Service, bucket: str, known_as: str, span: Range, after: bytes) -> Iterator[Batch]:
    """The records of a range of a bucket, which keys call `known_as`, behind a key."""
    last = after
    for resources in _pages(service, bucket, max(span[0], after), span[1]):
        batch: Batch = ([], [])
        held = 0
        for resource in resources:
            key = encode(known_as, _name(resource))
            if not span[0] <= key < span[1] or key <= after:
                continue
            if key <= last:
                raise Unsupported(
                    "reading a bucket: its objects did not come once each, in the order of their names",
                    hint="nothing was committed; start the backup again",
                )
            last = key
            batch[0].append(key)
            batch[1].append(record_of(resource))
            held += int(resource["size"])
            if held >= _BATCH_BYTES:
                yield batch
                batch, held = ([], []), 0
        if batch[0]:
            yield batch


def _pages(service: Service, bucket: str, start: bytes, end: bytes) -> Iterator[list[dict[str, Any]]]:
    url = f"/storage/v1/b/{quote(bucket, safe='')}/o"
    query: dict[str, str | int] = {"maxResults": _PAGE, "projection": "noAcl", "fields": LIST_FIELDS}
    query |= {
        name: offset
        for name, key in (("startOffset", start), ("endOffset", end))
        if (offset := _offset(key)) is not None
    }
    while True:
        page = service.ask("GET", service.url(url, query), f"listing bucket {bucket}").json
        items = page.get("items", [])
        if not isinstance(items, list):
            raise Corrupt(f"listing bucket {bucket}: the answer holds no list of objects")
        yield items
        token = page.get("nextPageToken")
        if not token:
            return
        query["pageToken"] = str(token)


def _offset(key: bytes) -> str | None:
    """The first name at or behind a bound; None for a bound before the first name, or behind the last."""
    name = key.partition(b"\x00")[2]
    if not name.endswith(_BEHIND):
        return name.decode() or None
    # The bound behind everything that begins so is no name: the next text of the same length or shorter is.
    stem = name[:-1].decode().rstrip(_LAST)
    following = ord(stem[-1]) + 1 if stem else 0
    return stem[:-1] + chr(_AFTER_SURROGATES if following == _SURROGATES else following) if stem else None


def _name(resource: dict[str, Any]) -> str:
    name = resource.get("name")
    if not isinstance(name, str) or not name:
        raise Corrupt("reading a bucket: an object is told without its name")
    return name


def bucket_and_name(key: bytes) -> tuple[str, str]:
    """Of a key. Corrupt when it is no file's."""
    bucket, name = decode(key)
    if not bucket:
        raise Corrupt("reading a key: it names a file outside of any bucket")
    return bucket, name
