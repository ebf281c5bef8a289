"""Guarded writes of stored files, many at once: uploads where bytes differ, patches where only fields do.

Every request carries the generation that was seen (and the metageneration, which a new generation resets), so a file
that is not what was seen is MOVED and stays. When an answer was lost, what is there now is looked at: it counts as done
when it is what was wanted. A file under a hold or retention is FAILED, and says until when.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import BadInput, Corrupt, Internal, NotFound, Unavailable
from shared.format import canonical
from shared.format.media import Media, decode, equal, guard, moment, same_bytes, spelled
from shared.sources.contract import Kind, Outcome, Result, Write
from shared.sources.media.budget import Budget
from shared.sources.media.resources import FIELDS, draft_of, patch_of, patchable, record_of
from shared.sources.media.service import Answer, Service, object_path
from shared.sources.media.status import error_of, told
from shared.sources.media.uploading import PIECE, Upload, upload

_SEEN = re.compile(r"(\d{1,19})/(\d{1,19})")
_DOING: Final = "writing a stored file"
_HELD_TWICE: Final = 2
"""A piece that is sent lies in memory about twice."""


@dataclass(frozen=True)
class _Place:
    """Where one write goes, and on which condition. `seen` is None for a file that must not be there."""

    bucket: str
    name: str
    seen: tuple[str, str] | None

    @property
    def conditions(self) -> dict[str, str | int]:
        if self.seen is None:
            return {"ifGenerationMatch": 0}
        return {"ifGenerationMatch": self.seen[0], "ifMetagenerationMatch": self.seen[1]}


class Writer:
    """Applies writes. `locate` tells the bucket and the name of a key."""

    def __init__(
        self,
        service: Service,
        locate: Callable[[bytes], tuple[str, str]],
        *,
        threads: int,
        held_bytes: int,
    ) -> None:
        self._service = service
        self._locate = locate
        self._threads = threads
        self._budget = Budget(held_bytes)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome per write, in order. What keeps failing for all of them is an exception."""
        if len({write.key for write in writes}) != len(writes):
            raise BadInput("writing stored files: one of them is named twice")
        if not writes:
            return []
        with ThreadPoolExecutor(min(self._threads, len(writes)), "write-file") as pool:
            try:
                return list(pool.map(self._apply, writes))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _apply(self, write: Write) -> Outcome:
        if not isinstance(write.seen, str | None):
            raise Internal("writing a stored file: a file is guarded by its generation")
        found = None if write.seen is None else _SEEN.fullmatch(write.seen)
        if write.seen is not None and found is None:
            return Outcome(write.key, Result.MOVED, "no generation is called so")
        seen = None if found is None else (found[1], found[2])
        place = _Place(*self._locate(write.key), seen)
        if write.kind is Kind.DROP:
            return self._drop(write, place)
        return self._put(write, decode(write.value), place)

    def _drop(self, write: Write, place: _Place) -> Outcome:
        url = self._service.url(object_path(place.bucket, place.name), place.conditions)
        answer, lost = self._guarded("DELETE", url, None)
        if answer.status == 204 or (answer.status == 404 and lost):
            return Outcome(write.key, Result.DONE)
        if answer.status == 404:
            return Outcome(write.key, Result.MOVED, told(answer.status, answer.data))
        return self._refused(write, place, answer, lost=lost)

    def _put(self, write: Write, wanted: Media, place: _Place) -> Outcome:
        if place.seen is not None:
            resource = self._look(place)
            if resource is None:
                return Outcome(write.key, Result.MOVED, "it is gone")
            value = record_of(resource)
            if guard(value) != write.seen:
                return Outcome(write.key, Result.MOVED, "it has changed")
            live = decode(value)
            if same_bytes(wanted.fields, live.fields):
                return self._refit(write, wanted, live, place)
        return self._upload(write, wanted, place)

    def _refit(self, write: Write, wanted: Media, live: Media, place: _Place) -> Outcome:
        """The bytes are right already: change what is told of them."""
        path = object_path(place.bucket, place.name)
        if not patchable(wanted, live):
            answer, lost = self._rewrite(wanted, place, path)
            return self._judged(write, place, answer, lost=lost)
        patch = patch_of(wanted, live, self._now())
        if not patch:
            return Outcome(write.key, Result.DONE)
        query = dict(place.conditions)
        if "retention" in patch and "retention" in live.fields:
            query["overrideUnlockedRetention"] = "true"
        answer, lost = self._guarded("PATCH", self._service.url(path, query), json.dumps(patch).encode())
        return self._judged(write, place, answer, lost=lost)

    def _rewrite(self, wanted: Media, place: _Place, path: str) -> tuple[Answer, bool]:
        """Have the service make the object anew from its own bytes, in as many steps as it wants."""
        here = path.removeprefix("/storage/v1")
        seen, _ = place.seen or ("0", "0")
        query: dict[str, str | int] = {**place.conditions, "ifSourceGenerationMatch": seen}
        body = json.dumps(draft_of(wanted, self._now())).encode()
        lost = False
        while True:
            answer, lost_now = self._guarded(
                "POST", self._service.url(f"{path}/rewriteTo{here}", query), body
            )
            lost = lost or lost_now
            if answer.status != 200 or answer.json.get("done"):
                return answer, lost
            query["rewriteToken"] = str(answer.json.get("rewriteToken"))

    def _upload(self, write: Write, wanted: Media, place: _Place) -> Outcome:
        body = write.body or (lambda: iter(()))
        if write.body is None and wanted.size:
            raise Internal("writing a stored file: its bytes were not given")
        draft = draft_of(wanted, self._now())
        draft |= {name: wanted.fields[name] for name in ("crc32c", "md5Hash") if name in wanted.fields}

        def url(kind: str) -> str:
            query: dict[str, str | int] = {"uploadType": kind, "name": place.name, **place.conditions}
            return self._service.url(f"/upload/storage/v1/b/{place.bucket}/o", query)

        with self._budget.taking(_HELD_TWICE * min(wanted.size, PIECE)):
            answer, lost = upload(self._service, Upload(url, wanted, draft, body, _DOING))
        if answer.status in (200, 201) and answer.json.get("crc32c") != wanted.fields["crc32c"]:
            raise Corrupt(f"{_DOING}: Cloud Storage says that it has other bytes than were sent")
        if answer.status == 404:
            raise NotFound(f"{_DOING}: bucket {place.bucket} does not exist", hint="create the bucket first")
        return self._judged(write, place, answer, lost=lost)

    def _judged(self, write: Write, place: _Place, answer: Answer, *, lost: bool) -> Outcome:
        if answer.status in (200, 201):
            return Outcome(write.key, Result.DONE)
        return self._refused(write, place, answer, lost=lost)

    def _refused(self, write: Write, place: _Place, answer: Answer, *, lost: bool) -> Outcome:
        """What a refusal means: somebody was faster, we ourselves were, something holds the file, or it cannot be."""
        why = told(answer.status, answer.data)
        if answer.status in (404, 412):
            live = self._look(place) if lost else None
            ours = write.kind is Kind.PUT and live is not None and equal(record_of(live), write.value)
            gone = write.kind is Kind.DROP and lost and live is None
            return Outcome(write.key, *((Result.DONE, "") if ours or gone else (Result.MOVED, why)))
        if answer.status == 403:
            held = _held(self._look(place) or {}, self._now())
            if held:
                return Outcome(write.key, Result.FAILED, held)
        if answer.status == 400:
            return Outcome(write.key, Result.FAILED, f"the service refused it ({why})")
        raise error_of(answer.status, answer.data, _DOING)

    def _guarded(self, method: str, url: str, body: bytes | None) -> tuple[Answer, bool]:
        """The answer of a guarded request, and whether the answer to an earlier attempt was lost."""
        lost = False

        def attempt() -> Answer:
            nonlocal lost
            try:
                return self._service.send(method, url, _DOING, body, {"Content-Type": "application/json"})
            except Unavailable:
                lost = True
                raise

        return self._service.again(attempt), lost

    def _look(self, place: _Place) -> Mapping[str, Any] | None:
        return look(self._service, place.bucket, place.name)

    def _now(self) -> str:
        return spelled(canonical.instant_text(self._service.clock.now()))


def look(service: Service, bucket: str, name: str) -> Mapping[str, Any] | None:
    """The object as the service tells it now; None when there is none, or no such bucket."""
    url = service.url(object_path(bucket, name), {"projection": "noAcl", "fields": FIELDS})
    doing = "looking at a stored file"
    answer = service.again(lambda: service.send("GET", url, doing))
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise error_of(answer.status, answer.data, doing)
    return answer.json


def _held(resource: Mapping[str, Any], now: str) -> str:
    """What keeps an object from being changed or deleted; empty when nothing does."""
    reasons = list(_reasons(resource, now))
    return f"held {' and '.join(reasons)}" if reasons else ""


def _reasons(resource: Mapping[str, Any], now: str) -> Iterator[str]:
    until = resource.get("retentionExpirationTime") or (resource.get("retention") or {}).get(
        "retainUntilTime"
    )
    if until and moment(spelled(str(until))) > moment(now):
        yield f"until {until} by its retention"
    if resource.get("temporaryHold"):
        yield "by a temporary hold"
    if resource.get("eventBasedHold"):
        yield "by an event-based hold"
