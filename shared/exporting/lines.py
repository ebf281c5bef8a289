"""The typed form of records: one JSON object each, nothing rounded. `docs/export.md` describes it.

Documents are `path`, `createTime`, `updateTime` and `fields` as Firestore's REST interface writes them; files, accounts
and settings have their names and all that is known of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.contents import ENTRIES, MEDIA, SETTINGS
from shared.format import canonical, media, record
from shared.format.flat import decode as split_key
from shared.format.forms import FORMS

DOCUMENT = 0xE2
"""A settings record that is a Firestore document begins so."""


@dataclass(frozen=True)
class Record:
    """A record on its way out. `body` gives a file's bytes, proven as they come."""

    content: str
    key: bytes
    value: bytes
    body: Callable[[], Iterator[bytes]] | None = None

    @property
    def name(self) -> str:
        return FORMS[self.content].name(self.key)


def typed(found: Record) -> dict[str, Any]:
    """The record as a JSON object; a file without where its bytes are."""
    if found.content == ENTRIES:
        return {"path": found.name, **document(found.value)}
    if found.content == MEDIA:
        bucket, name = split_key(found.key)
        return {"bucket": bucket, "name": name, **media.decode(found.value).fields}
    if found.content == SETTINGS and found.value[:1] == bytes((DOCUMENT,)):
        return {"name": found.name, "document": document(found.value[1:])}
    plain = found.value[1:] if found.content == SETTINGS else found.value
    return {"name": found.name, "value": canonical.decode(plain, "a record")}


def document(value: bytes) -> dict[str, Any]:
    """Times, then fields."""
    found = record.to_json(value)
    times: dict[str, Any] = {name: found[name] for name in ("createTime", "updateTime") if name in found}
    return {**times, "fields": found["fields"]}


def spelled(value: Any) -> str:
    """JSON in one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
