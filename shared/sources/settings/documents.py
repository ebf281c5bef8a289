"""Firestore collections that hold settings: another source's records, under `firestore/documents`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared.format import key
from shared.format.setting import decode_document, encode_document
from shared.sources.contract import Batch, Kind, Outcome, Part, Plan, Result, Scope, Source, Write

PATH: Final = "firestore/documents"
_PREFIX: Final = key.key_of_path(PATH) + b"\x00"


def is_document_key(name: bytes) -> bool:
    return name.startswith(_PREFIX)


class Documents:
    """`collections` are paths of collections or documents: they and everything below them are settings."""

    def __init__(self, source: Source, collections: Sequence[str]) -> None:
        self._source = source
        self._collections = sorted(set(map(key.checked_path, collections)))

    def instant(self) -> datetime:
        return self._source.instant()

    def now(self) -> datetime:
        return self._source.now()

    def plan(self, prefixes: Sequence[str], at: datetime) -> Plan:
        """What the source plans for the prefixes (shown names; none for everything), as parts of ours."""
        within = self._within(prefixes)
        if not within:
            return Plan(at, (), 0)
        plan = self._source.plan(Scope(within), at)
        return replace(plan, parts=tuple(map(_outer, plan.parts)))

    def read(self, part: Part, after: bytes) -> Iterator[Batch]:
        inner = replace(part, start=_inner(part.start), end=_inner(part.end))
        for keys, values in self._source.read(inner, _inner(after) if after else b""):
            yield [_PREFIX + one for one in keys], list(map(encode_document, values))

    def lookup(self, keys: Sequence[bytes]) -> list[bytes | None]:
        found = self._source.lookup([_inner(one) for one in keys])
        return [None if value is None else encode_document(value) for value in found]

    def decode(self, event: object) -> bytes:
        return _PREFIX + self._source.decode(event)

    def holds(self, name: bytes) -> bool:
        """Whether a key is of a document in one of the collections."""
        inner = _inner(name)
        spans = map(key.prefix_range, self._collections)
        return any(start <= inner < end for start, end in spans) and key.is_document(inner)

    def apply(self, writes: Sequence[Write]) -> Mapping[bytes, Outcome]:
        """By key. A document outside of the collections is FAILED, and the source is not asked."""
        strange = [write for write in writes if not self.holds(write.key)]
        mine = [_inner_write(write) for write in writes if self.holds(write.key)]
        outcomes = {
            _PREFIX + outcome.key: replace(outcome, key=_PREFIX + outcome.key)
            for outcome in self._source.apply(mine)
        }
        reason = "its collection is not among those that are settings here"
        return outcomes | {write.key: Outcome(write.key, Result.FAILED, reason) for write in strange}

    def _within(self, prefixes: Sequence[str]) -> tuple[str, ...]:
        asked = [_relative(prefix) for prefix in prefixes] if prefixes else [""]
        found: set[str] = set()
        for path in asked:
            if path is None:
                continue
            found |= {one for one in self._collections if not path or _inside(one, path)}
            found |= {path for one in self._collections if _inside(path, one)}
        return tuple(sorted(found))


def _relative(prefix: str) -> str | None:
    """What a shown name is below ours; empty for all of it, None for something else."""
    if _inside(PATH, prefix):
        return ""
    return prefix.removeprefix(f"{PATH}/") if _inside(prefix, PATH) else None


def _inside(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}/")


def _inner(name: bytes) -> bytes:
    return name[len(_PREFIX) :]


def _outer(part: Part) -> Part:
    return replace(part, start=_PREFIX + part.start, end=_PREFIX + part.end)


def _inner_write(write: Write) -> Write:
    value = write.value if write.kind is Kind.DROP else decode_document(write.value)
    return replace(write, key=_inner(write.key), value=value)
