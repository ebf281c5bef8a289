"""One page of a listing: names in order, from a prefix, between offsets, folded at a delimiter.

Elements are ordered by (name, generation); a common prefix stands before the versions of the object of its name.
A page's token is the last element's place, so pages cover everything once whatever changes between them.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from emulators.storage.globs import compile_glob
from emulators.storage.messages import Request
from emulators.storage.model import Bucket, Version
from emulators.storage.refusal import invalid

MOST = 1000
Place = tuple[str, int]
_LAST = chr(0x10FFFF)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; `start` is included and `end` is not; `after` is the place of the last element given."""

    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    versions: bool = False
    soft: bool = False
    trailing: bool = False
    glob: re.Pattern[str] | None = None
    most: int = MOST
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Version]
    prefixes: list[str]
    next: Place | None


def list_query(request: Request) -> Query:
    """The query of the JSON API's objects.list. Refused when a parameter is not valid."""
    query = request.query
    most = request.number("maxResults")
    if most is not None and most < 0:
        raise invalid(f"Invalid value for maxResults: {most}")
    token = query.get("pageToken")
    return Query(
        query.get("prefix", ""),
        query.get("delimiter", ""),
        query.get("startOffset", ""),
        query.get("endOffset", ""),
        request.flag("versions"),
        request.flag("softDeleted"),
        request.flag("includeTrailingDelimiter"),
        compile_glob(query["matchGlob"]) if query.get("matchGlob") else None,
        min(most or MOST, MOST),
        decode_token(token) if token else None,
    )


def list_page(bucket: Bucket, query: Query) -> Page:
    items: list[Version] = []
    prefixes: list[str] = []
    last: Place | None = None
    for place, version in _elements(bucket, query):
        if query.after is not None and place <= query.after:
            continue
        if query.glob is not None and not query.glob.fullmatch(place[0]):
            continue
        if len(items) + len(prefixes) == query.most:
            return Page(items, prefixes, last)
        last = place
        if version is None:
            prefixes.append(place[0])
        else:
            items.append(version)
    return Page(items, prefixes, None)


def _elements(bucket: Bucket, query: Query) -> Iterator[tuple[Place, Version | None]]:
    position: str | None = max(query.prefix, query.start, query.after[0] if query.after else "")
    while position is not None:
        start, position = position, None
        for name, versions in _rows(bucket, query, start):
            if not name.startswith(query.prefix) or (query.end and name >= query.end):
                return
            common = _common_prefix(name, query)
            if common is None:
                yield from (((name, each.generation), each) for each in versions)
                continue
            yield (common, -1), None
            if query.trailing and name == common:
                yield from (((name, each.generation), each) for each in versions)
            position = _after_prefix(common)
            break


def _common_prefix(name: str, query: Query) -> str | None:
    if not query.delimiter:
        return None
    at = name.find(query.delimiter, len(query.prefix))
    return None if at < 0 else name[: at + len(query.delimiter)]


def _after_prefix(prefix: str) -> str | None:
    """The first text after all that begin with `prefix`."""
    head = prefix.rstrip(_LAST)
    return head[:-1] + chr(ord(head[-1]) + 1) if head else None


def _rows(bucket: Bucket, query: Query, start: str) -> Iterator[tuple[str, list[Version]]]:
    """Names from `start` on, each with the versions that are asked for, if any."""
    if query.soft:
        keys = bucket.soft.irange((start, 0))
        for name, group in itertools.groupby(keys, key=lambda key: key[0]):
            yield name, [bucket.soft[key] for key in group]
        return
    for name in bucket.entries.irange(start):
        entry = bucket.entries[name]
        if query.versions:
            yield name, entry.versions()
        elif entry.live is not None:
            yield name, [entry.live]


def encode_token(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode("ascii")


def decode_token(token: str) -> Place:
    """Refused when it is not one of ours."""
    try:
        name, generation = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        return str(name), int(generation)
    except (binascii.Error, ValueError, TypeError):
        raise invalid("Invalid page token.") from None
