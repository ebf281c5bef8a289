"""The source port: a service that is backed up, as an ordered map from path to record.

Promises every implementation keeps, held by `shared.conformance.source`:

- the parts of a plan cover the scope exactly once, in key order, and carry the instant;
- `read` yields strictly ascending keys and resumes after any of them;
- `apply` after `read` is the identity for every value type at every nesting;
- a type it does not know is an error, never skipped;
- a failed record is an outcome, a failed source is an exception.

What keys and values are depends on the content a source holds: see `shared.format.forms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from shared.format.forms import Guard

Batch = tuple[list[bytes], list[bytes]]
"""Keys and record values of consecutive records, same length, keys strictly ascending. Batches, because
per-record generators cost more than the records."""


class Method(StrEnum):
    """How a part is read. The result is the same; the cost is not."""

    PAGES = "pages"
    """One flat collection, by ListDocuments pages."""
    WALK = "walk"
    """Few documents over large subcollections: depth first, every collection by pages."""
    STREAM = "stream"
    """A key range of the whole database, by one RunQuery stream."""
    LIST = "list"
    """A key range of a service that has one way to list what it holds."""
    SORT = "sort"
    """The same, from a service seen to list out of order: everything is gathered first."""


SUREST: Final = {
    Method.PAGES: Method.STREAM,
    Method.WALK: Method.STREAM,
    Method.STREAM: Method.STREAM,
    Method.LIST: Method.SORT,
    Method.SORT: Method.SORT,
}
"""For each way of reading, the one of the same source that needs no assumption."""


@dataclass(frozen=True)
class Scope:
    """What of a source is meant. Empty `prefixes` means everything.

    `prefixes` are slash-separated paths; a path of a document means it and everything below it, a path of a
    collection means everything in it. `exclude` are first segments left out (the system's own collections).
    """

    prefixes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A piece of a scope: keys in [start, end), `end` empty for no bound.

    `expected` is a count at `at`; None for a service that cannot count without listing everything.
    """

    number: int
    start: bytes
    end: bytes
    method: Method
    expected: int | None
    at: datetime
    path: str = ""
    """For PAGES and WALK, the collection's path."""


@dataclass(frozen=True)
class Plan:
    """The parts in key order; `expected` is the count of the whole scope at `at`, taken independently of theirs."""

    at: datetime
    parts: tuple[Part, ...]
    expected: int | None
    excluded: dict[str, int] = field(default_factory=dict)
    """Records left out by `Scope.exclude`, by first segment: told, so that nothing is left out silently."""
    absent: dict[str, str] = field(default_factory=dict)
    """What of the scope there is nothing to ask for, such as a service that is not enabled, and why: told as well."""


class Kind(StrEnum):
    PUT = "put"
    DROP = "drop"


@dataclass(frozen=True)
class Write:
    """One guarded write. `seen` is the guard the decision was made on; None means the record was absent."""

    key: bytes
    kind: Kind
    value: bytes
    seen: Guard | None
    body: Callable[[], Iterator[bytes]] | None = None
    """The bytes of the file that a media record describes, from its beginning each time it is called."""


BY_HAND: Final = "restore by hand: "
"""How the reason of a failed outcome begins when no API can do it: what follows says how people can."""


class Result(StrEnum):
    DONE = "done"
    MOVED = "moved"
    """The guard did not hold: the record is not what was seen. Nothing was written."""
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one write. `reason` names a failure, without content."""

    key: bytes
    result: Result
    reason: str = ""


class Source(Protocol):
    """A service that is backed up."""

    def instant(self) -> datetime:
        """A moment that can be read exactly, in UTC, for as long as a snapshot may need it."""

    def now(self) -> datetime:
        """The service's own present, in UTC: what was written before is seen at it."""

    def plan(self, scope: Scope, at: datetime, cuts: Sequence[bytes] = ()) -> Plan:
        """The parts of a scope. `cuts` are keys between which about equally much was found the last time."""

    def read(self, part: Part, after: bytes = b"") -> Iterator[Batch]: ...

    def lookup(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The records under these keys as they are now, in the order asked for; None for one that is not there."""

    def decode(self, event: object) -> bytes:
        """The key of the record an event is about, never its content."""

    def apply(self, writes: Sequence[Write]) -> list[Outcome]: ...


class AccountSource(Source, Protocol):
    """A source whose records hold the hashes of passwords, which not everybody is told."""

    def check_hashes(self) -> None:
        """Denied, naming the role to grant, when this identity is not told them and they are wanted."""


class FileSource(Source, Protocol):
    """A source whose records describe files. Its records name no chunks: whoever reads the files adds them."""

    def fetch(self, key: bytes, value: bytes, start: int, length: int) -> bytes:
        """Exactly `length` bytes of the file as it was at the record's generation, as stored, from `start` on.

        NotFound when that generation is gone, Corrupt when fewer bytes come. Safe from many threads.
        """
