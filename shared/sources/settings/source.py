"""The configuration of an app and its project as an ordered map from path to record: plan, read, look up, apply.

But for documents there is no past to read: parts carry their instant, and say nothing else about it. A service that is
not enabled, or that no emulator serves, is no error: the plan tells it as absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from shared.clock import Clock
from shared.errors import BadInput, Incomplete
from shared.format import key
from shared.format.setting import guard, is_document, key_of
from shared.sources.contract import Batch, Kind, Method, Outcome, Part, Plan, Result, Scope, Source, Write
from shared.sources.settings.apis import AUTH, FIRESTORE, REMOTE_CONFIG, RULES
from shared.sources.settings.auth import AuthSection
from shared.sources.settings.documents import PATH, Documents, is_document_key
from shared.sources.settings.indexes import FieldsSection, IndexesSection
from shared.sources.settings.remote_config import RemoteConfigSection
from shared.sources.settings.rules import RulesSection
from shared.sources.settings.sections import Section
from shared.sources.settings.service import Api, Endpoints, Patience, Service
from shared.sources.settings.verdict import NotThere, Verdict, by_hand

_BATCH: Final = 256
_DEFAULT: Final = "(default)"


class SettingsSource:
    """The settings of a project and one database of it, through what `open_http` gives.

    `buckets` are those whose rules are settings, by the names that the records know them by; `elsewhere` tells under
    which names they are found, and `tenants` under which ids Authentication's are. `documents` is a source of the
    database's documents, and `collections` are the paths in it that are settings. `need_hashes` makes a backup fail
    that could not hold the password hash parameters.
    """

    def __init__(
        self,
        http: Any,
        project: str,
        database: str = _DEFAULT,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        endpoints: Endpoints | None = None,
        buckets: Sequence[str] = (),
        elsewhere: Mapping[str, str] | None = None,
        tenants: Mapping[str, str] | None = None,
        documents: Source | None = None,
        collections: Sequence[str] = (),
        need_hashes: bool = False,
        patience: Patience | None = None,
    ) -> None:
        where = endpoints or Endpoints()

        def service(api: Api, url: str) -> Service:
            return Service(
                http,
                replace(api, url=url),
                token=where.token,
                clock=clock,
                jitter=jitter,
                patience=patience or Patience(),
            )

        rules, firestore = service(RULES, where.rules), service(FIRESTORE, where.firestore)
        release = "cloud.firestore" if database == _DEFAULT else f"cloud.firestore/{database}"
        files = {name: (elsewhere or {}).get(name, name) for name in sorted(set(buckets))}
        stored = {
            key_of("storage", "rules", name): f"firebase.storage/{found}" for name, found in files.items()
        }
        self._clock = clock
        self._documents = Documents(documents, collections) if documents and collections else None
        self._sections: tuple[Section, ...] = (
            AuthSection(service(AUTH, where.auth), project, need_hashes=need_hashes, tenants=tenants or {}),
            FieldsSection(firestore, project, database),
            IndexesSection(firestore, project, database),
            RulesSection(rules, project, "firestore/rules", {key_of("firestore", "rules"): release}),
            RemoteConfigSection(service(REMOTE_CONFIG, where.remote_config), project),
            RulesSection(rules, project, "storage/rules", stored),
        )

    def instant(self) -> datetime:
        """Documents can be read at it; of everything else there is only the present."""
        return self._documents.instant() if self._documents else self._clock.now()

    def now(self) -> datetime:
        return self._documents.now() if self._documents else self._clock.now()

    def plan(self, scope: Scope, at: datetime, cuts: Sequence[bytes] = ()) -> Plan:
        """A part for each kind of settings that a scope meets, or several for documents, with exact counts.

        Everything but documents is read for it. Prefixes are paths; what is excluded is excluded by first segments.
        """
        del cuts
        parts: list[Part] = []
        expected = 0
        absent: dict[str, str] = {}
        excluded = dict.fromkeys(scope.exclude, 0)
        for path, plan in self._plans(scope, at).items():
            try:
                found = plan()
            except NotThere as reason:
                absent[path] = reason.reason
                continue
            first = path.partition("/")[0]
            if first in excluded:
                excluded[first] += found.expected or 0
            else:
                parts += found.parts
                expected += found.expected or 0
        numbered = tuple(replace(part, number=number) for number, part in enumerate(parts))
        return Plan(at, numbered, expected if numbered else None, excluded, absent)

    def read(self, part: Part, after: bytes = b"") -> Iterator[Batch]:
        """The records of a part behind a key. Incomplete when they are not as many as were planned."""
        if is_document_key(part.start) and self._documents:
            yield from self._documents.read(part, after)
            return
        section = self._section(part.start)
        if section is None or part.method not in (Method.LIST, Method.SORT):
            raise BadInput(
                f"reading part {part.number}: it is not one of these settings, or not read by {part.method}"
            )
        try:
            records = sorted(section.read().items())
        except NotThere:
            records = []
        records = [one for one in records if part.start <= one[0] < part.end]
        if part.expected not in (None, len(records)):
            raise Incomplete(
                f"reading part {part.number}: {len(records)} settings where {part.expected} were planned: they changed",
                hint="nothing was committed; start the backup again",
            )
        rest = [one for one in records if one[0] > after]
        for first in range(0, len(rest), _BATCH):
            some = rest[first : first + _BATCH]
            yield [name for name, _ in some], [value for _, value in some]

    def lookup(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The records under these keys as they are now, in the order asked for; None for one that is not there."""
        asked = list(dict.fromkeys(keys))
        stored = [name for name in asked if is_document_key(name) and self._documents]
        found = {name: self._look(name) for name in asked if name not in stored}
        if self._documents and stored:
            found |= dict(zip(stored, self._documents.lookup(stored), strict=True))
        return [found[name] for name in keys]

    def decode(self, event: object) -> bytes:
        """The key of what an event is about: a document of the collections, or the Remote Config template."""
        if "remoteconfig" in str(getattr(event, "type", "")) or _is_template(event):
            return key_of("remote-config", "template")
        name = self._documents.decode(event) if self._documents else b""
        if self._documents is None or not self._documents.holds(name):
            raise BadInput("reading an event: it is about nothing that is a setting here")
        return name

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome per write, in order. Each is guarded by what is there right before it."""
        if len({write.key for write in writes}) != len(writes):
            raise BadInput("writing settings: one of them is named twice")
        stored = [write for write in writes if self._documents and _is_stored(write)]
        outcomes = dict(self._documents.apply(stored)) if self._documents and stored else {}
        for write in writes:
            if write.key not in outcomes:
                verdict = self._apply(write)
                outcomes[write.key] = Outcome(write.key, verdict.result, verdict.reason)
        return [outcomes[write.key] for write in writes]

    def _plans(self, scope: Scope, at: datetime) -> dict[str, Callable[[], Plan]]:
        """By path, in key order, what plans the settings below it."""
        ranges = _ranges(scope.prefixes)
        plans = {section.path: partial(_plan, section, ranges, at) for section in self._sections}
        if self._documents:
            plans[PATH] = partial(self._documents.plan, scope.prefixes, at)
        return dict(sorted(plans.items(), key=lambda one: key.key_of_path(one[0])))

    def _section(self, name: bytes) -> Section | None:
        found = (one for one in self._sections if _holds(one, name))
        return next(found, None)

    def _look(self, name: bytes) -> bytes | None:
        section = self._section(name)
        try:
            return section.look(name) if section else None
        except NotThere:
            return None

    def _apply(self, write: Write) -> Verdict:
        section = self._section(write.key)
        new = write.seen is None and write.kind is Kind.PUT and not is_document(write.value)
        try:
            if section and section.makes_once and new:
                return section.put(write.key, write.value, None)
            live = section.look(write.key) if section else self.lookup([write.key])[0]
            seen = None if live is None else guard(live)
            if seen != write.seen:
                return Verdict(Result.MOVED, "it is not what was seen")
            if section is None or (write.kind is Kind.PUT and is_document(write.value)):
                return Verdict(Result.FAILED, "nothing that is a setting here has this name and form")
            if write.kind is Kind.PUT:
                return section.put(write.key, write.value, live)
            return section.drop(write.key, live) if live is not None else Verdict(Result.DONE)
        except NotThere as reason:
            return by_hand(
                f"{reason.reason}: set it up, then restore again, or take it from the files written out"
            )


def _holds(section: Section, name: bytes) -> bool:
    start, end = key.prefix_range(section.path)
    return start <= name < end


def _is_stored(write: Write) -> bool:
    return is_document_key(write.key) and (write.kind is Kind.DROP or is_document(write.value))


def _is_template(event: object) -> bool:
    return isinstance(event, Mapping) and "remoteconfig" in str(event.get("type", ""))


def _ranges(prefixes: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """The ranges of a scope in key order, without those inside another."""
    out: list[tuple[bytes, bytes]] = []
    for span in sorted(key.prefix_range(path) for path in set(prefixes)):
        if not out or span[1] > out[-1][1]:
            out.append(span)
    return out if prefixes else [(b"", b"\xff")]


def _plan(section: Section, ranges: Sequence[tuple[bytes, bytes]], at: datetime) -> Plan:
    """What of the ranges lies in the section, counted. It is asked for only when there is something."""
    start, end = key.prefix_range(section.path)
    spans = [(max(start, low), min(end, high)) for low, high in ranges if low < end and high > start]
    names = list(section.read()) if spans else []
    counts = [sum(low <= name < high for name in names) for low, high in spans]
    parts = (
        Part(0, low, high, Method.LIST, count, at) for (low, high), count in zip(spans, counts, strict=True)
    )
    return Plan(at, tuple(parts), sum(counts))
