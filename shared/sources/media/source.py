"""Buckets of Cloud Storage as an ordered map from bucket and name to record, and the bytes behind each.

The service has no past to read (noncurrent versions are not looked at): parts carry their instant, and say nothing
else about it. Kept of an object is what `docs/format.md` lists; access control lists, customers' keys and object
contexts are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from shared.clock import Clock
from shared.errors import BadInput, Corrupt, NotFound, Unavailable
from shared.format.media import decode
from shared.sources.contract import Batch, Method, Outcome, Part, Plan, Scope, Write
from shared.sources.media.events import key_of_event
from shared.sources.media.listing import bucket_and_name, listed
from shared.sources.media.resources import record_of
from shared.sources.media.scopes import cut, spans
from shared.sources.media.service import ENDPOINT, Answer, Patience, Service
from shared.sources.media.status import error_of
from shared.sources.media.writing import Writer, look


@dataclass(frozen=True)
class Options:
    """How buckets are read and written."""

    threads: int = 16
    """Objects written or looked up at once."""
    held_bytes: int = 64 << 20
    """Of files being uploaded, in memory at once."""
    patience: Patience = field(default_factory=Patience)


class MediaSource:
    """The buckets of these names, through what `open_http` gives. Safe from many threads.

    `elsewhere` tells under which name a bucket is found, when it is not the one that the records know it by: so a
    backup is restored into another project's buckets.
    """

    def __init__(
        self,
        http: Any,
        buckets: Sequence[str],
        *,
        clock: Clock,
        jitter: Callable[[], float],
        endpoint: str = ENDPOINT,
        elsewhere: Mapping[str, str] | None = None,
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        self._service = Service(http, endpoint, clock=clock, jitter=jitter, patience=self._options.patience)
        self._buckets = {name: (elsewhere or {}).get(name, name) for name in sorted(set(buckets))}
        self._writer = Writer(
            self._service, self._locate, threads=self._options.threads, held_bytes=self._options.held_bytes
        )

    def instant(self) -> datetime:
        """The service's present: there is no past that it could be asked for."""
        return self.now()

    def now(self) -> datetime:
        """The service's present, to the second, as the header of an answer about the first bucket has it."""
        bucket = next(iter(self._buckets.values()), None)
        if bucket is None:
            return self._service.clock.now()
        path = f"/storage/v1/b/{quote(bucket, safe='')}"
        answer = self._service.ask(
            "GET", self._service.url(path, {"fields": "name"}), f"looking at bucket {bucket}"
        )
        try:
            return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return self._service.clock.now()

    def plan(self, scope: Scope, at: datetime, cuts: Sequence[bytes] = ()) -> Plan:
        """The parts of a scope, each within one bucket. Prefixes and exclusions are `bucket` or `bucket/START`, where
        START is how names begin. Nothing is counted, and neither is what is excluded: the service can only list it.
        """
        ranges = cut(spans(scope, self._buckets), cuts)
        parts = (
            Part(number, start, end, Method.LIST, None, at) for number, (start, end) in enumerate(ranges)
        )
        return Plan(at, tuple(parts), None)

    def read(self, part: Part, after: bytes = b"") -> Iterator[Batch]:
        """The records of a part behind a key, none of them with its content."""
        if part.method is not Method.LIST:
            raise BadInput(f"reading part {part.number}: files are listed, not read by {part.method}")
        name = part.start.partition(b"\x00")[0].decode()
        return listed(self._service, self._bucket(name), name, (part.start, part.end), after)

    def lookup(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The records under these keys as they are now, in the order asked for; None for one that is not there."""
        if not keys:
            return []
        asked = list(dict.fromkeys(keys))
        with ThreadPoolExecutor(min(self._options.threads, len(asked)), "look-up") as pool:
            found = dict(zip(asked, pool.map(self._look, asked), strict=True))
        return [found[key] for key in keys]

    def decode(self, event: object) -> bytes:
        """The key of the object that a Cloud Storage event is about."""
        return key_of_event(event, self._buckets)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Guarded puts and drops, many at once; one outcome per write, in order."""
        return self._writer.apply(writes)

    def fetch(self, key: bytes, value: bytes, start: int, length: int) -> bytes:
        """As `FileSource.fetch`: pinned to the record's generation, compressed objects as they are stored."""
        if not length:
            return b""
        bucket, name = self._locate(key)
        query: dict[str, str | int] = {"alt": "media", "generation": decode(value).generation}
        path = f"/download/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"
        url, span = self._service.url(path, query), {"Range": f"bytes={start}-{start + length - 1}"}
        return self._service.again(lambda: self._fetch(url, span, length))

    def _fetch(self, url: str, span: Mapping[str, str], length: int) -> bytes:
        doing = "downloading a stored file"
        answer = self._service.send("GET", url, doing, None, span, raw=True)
        if answer.status == 404:
            raise NotFound(f"{doing}: the generation that was listed is gone")
        if answer.status not in (200, 206, 416):
            raise error_of(answer.status, answer.data, doing)
        if answer.status == 416 or not _is_span(answer, span["Range"]):
            raise Corrupt(f"{doing}: it is not as long as it was listed to be")
        if len(answer.data) != length:
            raise Unavailable(f"{doing}: {len(answer.data)} of {length} bytes came")
        return answer.data

    def _look(self, key: bytes) -> bytes | None:
        resource = look(self._service, *self._locate(key))
        return None if resource is None else record_of(resource)

    def _locate(self, key: bytes) -> tuple[str, str]:
        bucket, name = bucket_and_name(key)
        return self._bucket(bucket), name

    def _bucket(self, name: str) -> str:
        """Under which name a bucket is found."""
        found = self._buckets.get(name)
        if found is None:
            raise BadInput(f"bucket {name!r} is not among those that are backed up or restored")
        return found


def _is_span(answer: Answer, asked: str) -> bool:
    """Whether an answer holds the bytes asked for, and not another part of the object."""
    told = answer.headers.get("content-range", "").rpartition("/")[0]
    return answer.status == 200 or told == asked.replace("=", " ")
