"""Firestore as an ordered map from path to record: plan, read, look up, apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.clock import Clock
from shared.errors import Incomplete, Internal
from shared.format.key import after_record, key_of_name, name_of
from shared.sources.contract import Batch, Method, Outcome, Part, Plan, Scope, Write
from shared.sources.firestore import requests
from shared.sources.firestore.answers import document_in, missing_in, read_time_in
from shared.sources.firestore.counting import Range, count_range
from shared.sources.firestore.cutting import counted
from shared.sources.firestore.events import key_of_event
from shared.sources.firestore.pages import Chunk, Pages
from shared.sources.firestore.planning import Limits, make_plan
from shared.sources.firestore.ramp import Ramp
from shared.sources.firestore.reading import Finisher
from shared.sources.firestore.scopes import EVERYTHING, excluded_ranges, scope_ranges, without
from shared.sources.firestore.service import Patience, Service
from shared.sources.firestore.streams import stream
from shared.sources.firestore.walking import Walk
from shared.sources.firestore.writing import Writer

_LOOKUP = 500


@dataclass(frozen=True)
class Options:
    """How a database is read and written."""

    page_size: int = 300
    """Documents asked for in one page. More is not better: the service answers with about this many at most."""
    whole_minutes: bool = True
    """Choose instants that stay readable for seven days where point-in-time recovery is on: whole minutes, at
    least one ago. Otherwise the very moment the service answers with."""
    ramp: bool = True
    in_flight: int = 4
    """Write requests under way at once."""
    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)


class FirestoreSource:
    """One database behind a channel from `open_channel`.

    `known_as` is the database's id in the records, when they come from another one: references to it are kept
    apart from references to any other, so reading after writing is the identity elsewhere as well.
    """

    def __init__(
        self,
        channel: Any,
        project: str,
        database: str = "(default)",
        *,
        clock: Clock,
        jitter: Callable[[], float],
        emulator: bool = False,
        known_as: str = "",
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        self._clock = clock
        self._known_as = known_as or database
        self._service = Service(
            channel,
            project,
            database,
            clock=clock,
            jitter=jitter,
            emulator=emulator,
            patience=self._options.patience,
        )
        self._writer = Writer(
            self._service,
            self._known_as,
            ramp=Ramp(clock) if self._options.ramp else None,
            in_flight=self._options.in_flight,
        )

    def instant(self) -> datetime:
        """A moment that can be read exactly, in UTC, for as long as `Options.whole_minutes` promises."""
        if self._options.whole_minutes:
            return (self._clock.now() - timedelta(seconds=60)).replace(second=0, microsecond=0)
        return self.now()

    def now(self) -> datetime:
        """The service's own present, in UTC: what was written before is seen at it."""
        query = requests.names_query(limit=1, names_only=True)
        request = requests.run_query(self._service.documents, query, None)
        for raw in self._service.ask_all("RunQuery", request, "asking the service for the time").answer():
            found = read_time_in(raw)
            if found is not None:
                return found
        raise Internal("asking the service for the time: no answer says when it was read")

    def plan(self, scope: Scope, at: datetime, cuts: Sequence[bytes] = ()) -> Plan:
        """The parts of a scope. `cuts`: keys of the previous snapshot that cut it evenly, if there are any."""
        return make_plan(self._service, scope, at, self._options.limits, cuts)

    def count(self, scope: Scope, at: datetime) -> int:
        """How many records a scope holds, what it excludes not counted."""
        taken = list(excluded_ranges(scope).values())
        spans = [left for span in scope_ranges(scope).values() for left in without(span, taken)]
        return sum(number for _, number in counted(self._service, spans, at))

    def read(self, part: Part, after: bytes = b"") -> Iterator[Batch]:
        """The records of a part, or of what lies behind `after`. Incomplete at the end when they are not as many as
        a COUNT at the part's instant says: the part's own, or one of the rest when it begins behind a key."""
        span = (max(part.start, after_record(after)) if after else part.start, part.end)
        resumed = span[0] != part.start
        expected = count_range(self._service, span, part.at).value() if resumed else part.expected
        found = 0
        for batch in Finisher(self._service, span, self._known_as).batches(self._chunks(part, span, resumed)):
            found += len(batch[0])
            yield batch
        if found != expected:
            raise Incomplete(
                f"reading part {part.number}: {found} records arrived where the count at {part.at.isoformat()} "
                f"says {expected}",
                hint="nothing was committed; start the backup again",
            )

    def lookup(self, keys: Sequence[bytes], at: datetime | None = None) -> list[bytes | None]:
        """The records under these keys, now or at an instant, in the order asked for; None for an absent one."""
        found: dict[bytes, bytes | None] = {}
        for first in range(0, len(keys), _LOOKUP):
            found.update(self._look(keys[first : first + _LOOKUP], at))
        return [found[key] for key in keys]

    def decode(self, event: object) -> bytes:
        """The key of the document a Firestore CloudEvent is about."""
        return key_of_event(event, self._service.project, self._service.database_id)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Guarded puts and drops; one outcome per write, in order."""
        return self._writer.apply(writes)

    def _chunks(self, part: Part, span: Range, resumed: bool) -> Iterator[Chunk]:
        service, at, size = self._service, part.at, self._options.page_size
        path = part.path.encode()
        if part.method is Method.PAGES and not resumed:
            return iter(Pages(service, path, at, size))
        if part.method is Method.WALK:
            return _walk(Walk(service, span, at, size), service, path, span, at)
        return stream(service, span, at)

    def _look(self, keys: Sequence[bytes], at: datetime | None) -> Iterator[tuple[bytes, bytes | None]]:
        names = [self._service.name(name_of(key)) for key in dict.fromkeys(keys)]
        request = requests.batch_get(self._service.database, names, at)
        relative = Finisher(self._service, EVERYTHING, self._known_as).relative
        answered = 0
        for raw in self._service.ask_all("BatchGetDocuments", request, "looking up documents").answer():
            found = document_in(raw, self._service.prefix)
            name = found[0] if found else missing_in(raw, self._service.prefix)
            if name is not None:
                answered += 1
                yield key_of_name(name, 0), relative(found[1]) if found else None
        if answered != len(names):
            raise Incomplete(f"looking up documents: {answered} answers to {len(names)} names")


def _walk(walk: Walk, service: Service, path: bytes, span: Range, at: datetime) -> Iterator[Chunk]:
    """A collection's walk, the root's, or a document's: the document itself comes first."""
    if not path:
        return walk.document(b"")
    if path.count(b"/") % 2 == 0:
        return walk.collection(path)
    return _document_first(walk, service, path, span, at)


def _document_first(walk: Walk, service: Service, path: bytes, span: Range, at: datetime) -> Iterator[Chunk]:
    itself = after_record(key_of_name(path, 0))
    if span[0] < itself:
        yield from stream(service, (span[0], itself), at)
    yield from walk.document(path)
