"""What jobs are given: every port they use, in one frozen bundle, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from shared.clock import Clock
from shared.contents import MEDIA, USERS
from shared.models.collections import SYSTEM_COLLECTIONS
from shared.publishing.contract import Publisher
from shared.repository import Repository
from shared.sources.contract import AccountSource, FileSource, Source
from shared.state.contract import Answers, Board, Catalog, Ledger, Schedules


@dataclass(frozen=True)
class Place:
    """A Firestore database."""

    project: str
    database: str

    def __str__(self) -> str:
        return f"{self.project}/{self.database}"


@dataclass(frozen=True)
class Names:
    """What records call things that are called differently where they are restored to."""

    database: str
    """The database that the records are of."""
    buckets: tuple[tuple[str, str], ...] = ()
    """Buckets as the records name them, each with its name there."""
    hashing: tuple[tuple[str, str], ...] = ()
    """For each tenant, empty for the project, the parameters of its password hashes as JSON."""


@dataclass(frozen=True)
class Ports:
    """The composition root fills this in.

    `repository` opens the repository at first use, and at each call sees what others have made durable by then.
    """

    place: Place
    """The database that is backed up."""
    state: Place
    """The database that holds our own documents: often the same."""
    sources: Mapping[str, Source]
    """By content. Those that are not set up here are not there."""
    target: Callable[[Place, Names], Mapping[str, Source]]
    """The sources of another project and database, to restore into."""
    settings_collections: tuple[str, ...]
    """Root collections whose documents are settings, where settings are set up."""
    repository: Callable[[], Repository]
    salvage: Callable[[], Repository]
    """Opens the repository anew, past what is damaged, for a check."""
    lagging: Callable[[], Sequence[str]]
    """The places of the repository that missed a write of this process, where fewer copies than places are enough."""
    storage: Mapping[str, str]
    """`provider` and `path`, as the catalog shows them."""
    ledger: Ledger
    catalog: Catalog
    board: Board
    schedules: Schedules
    answers: Answers
    publisher: Publisher
    clock: Clock
    random: Callable[[int], bytes]
    heartbeat_s: float = 10.0
    """How often a worker renews its lease and tells its progress, in seconds."""
    checkpoint_bytes: int = 1 << 30
    """How much a part reads, in bytes of records, before what it has is made durable."""
    collect_grace: timedelta = timedelta(days=1)
    """How long what nothing needs stays marked before it is deleted: longer than any backup takes."""

    def files(self, content: str) -> FileSource | None:
        """The source of a content whose records describe files; None for others."""
        return cast(FileSource, self.sources[content]) if content == MEDIA else None

    def accounts(self, content: str) -> AccountSource | None:
        """The source of a content whose records hold hashes of passwords; None for others."""
        return cast(AccountSource, self.sources[content]) if content == USERS else None

    def own_collections(self, place: Place) -> tuple[str, ...]:
        """The root collections of `place` that are ours and not the app's."""
        return SYSTEM_COLLECTIONS if place == self.state else ()

    def owner(self) -> str:
        """A name for this invocation, to hold leases by."""
        return self.random(12).hex()


@dataclass(frozen=True)
class Report:
    """What a job did: `outcome` in a word, and facts for the log and the command line."""

    job: str
    outcome: str
    facts: Mapping[str, Any] = field(default_factory=dict)
