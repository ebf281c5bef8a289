"""The object store port: six verbs. Conveniences are functions over it, not methods in it.

Promises every implementation keeps, held by `shared.conformance.provider`:

- `put` is atomic and create-only unless it names the version it replaces;
- what was put is seen by every later get, stat and list;
- a short range is an error; `list` is ascending by UTF-8 bytes, lazy and resumable;
- deleting what is missing succeeds; `hold` only lengthens;
- only errors of `shared.errors` leave; safe from many threads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from shared.errors import BadInput

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)*")
MAX_KEY_BYTES: Final = 512


@dataclass(frozen=True)
class Version:
    """What an object's content is at one moment, as the store names it (a generation, an ETag)."""

    token: str


ABSENT: Final = Version("")
"""As `put`'s expectation: the object must not exist yet."""


@dataclass(frozen=True)
class Span:
    """`length` bytes from `start`; None means to the end."""

    start: int = 0
    length: int | None = None


WHOLE: Final = Span()


@dataclass(frozen=True)
class Stat:
    """What a store tells of an object without sending it. `size` in bytes.

    `held_until` may lie in the past. Listings of some stores lack it: `stat` tells it, and `delete` asks for itself.
    """

    key: str
    size: int
    version: Version
    modified: datetime
    held_until: datetime | None = None


class Provider(Protocol):
    """One object store, rooted at one place in it."""

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        """Store `data` whole under `key`, or nothing. Conflict when the object is not at `expect`."""

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        """The bytes. NotFound when there is no object, Corrupt when the span reaches past its end."""

    def stat(self, key: str) -> Stat:
        """NotFound when there is no object."""

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        """Objects whose key starts with `prefix` and is greater than `after`, ascending, lazily."""

    def delete(self, key: str) -> None:
        """Remove the object if it is there. Denied while it is held."""

    def hold(self, key: str, until: datetime) -> None:
        """Refuse deletion and replacement until then; an earlier time than the present hold changes nothing."""


def checked_key(key: str) -> str:
    """`key`, or BadInput. Keys are plain segments of letters, digits and `._=-`, joined by `/`."""
    if len(key) > MAX_KEY_BYTES or not _KEY.fullmatch(key):
        raise BadInput(
            f"object key {key[:80]!r} is not allowed", hint="use letters, digits and ._=- in segments"
        )
    return key


def checked_prefix(prefix: str) -> str:
    """`prefix`, or BadInput. Empty, a whole key, or a key followed by `/`."""
    if prefix:
        checked_key(prefix.removesuffix("/"))
    return prefix
