"""Documents of a JSON Lines file into a database: only what differs is written, guarded, and read again.

All of the file is read and checked before the first write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Final

from shared.errors import BadInput
from shared.exporting.parsing import Line, read_lines
from shared.format.key import path_of, segments_of
from shared.format.record import equal, update_time
from shared.format.references import absolutise, relativise
from shared.jobs.ports import Place
from shared.jobs.tally import Tally
from shared.sources.contract import Kind, Outcome, Result, Scope, Source, Write

_BATCH: Final = 400
_BATCH_BYTES: Final = 8 << 20

Seen = Callable[[int, int], None]
"""Told now and then: documents so far, and bytes."""


@dataclass(frozen=True)
class Checked:
    """A file in which every line is right. `digests` are of its keys: 16 bytes for each document."""

    path: Path
    roots: tuple[str, ...]
    """The root collections of its documents."""
    digests: frozenset[bytes]

    @property
    def total(self) -> int:
        return len(self.digests)


@dataclass(frozen=True)
class Import:
    """What to bring where. `own` are root collections of ours, which no file may name."""

    file: Checked
    source: Source
    place: Place
    own: tuple[str, ...]
    exact: bool = False
    dry_run: bool = False


def check_file(path: Path, own: Sequence[str], seen: Seen) -> Checked:
    """Read it all. BadInput names the first line that is wrong, or names a document again."""
    digests: set[bytes] = set()
    roots: set[str] = set()
    size = 0
    for line in read_lines(path):
        root = segments_of(line.key)[0].decode()
        if root in own:
            raise BadInput(f"reading {path}: line {line.number}: {root} belongs to the backup system itself")
        before = len(digests)
        digests.add(_digest(line.key))
        if len(digests) == before:
            raise BadInput(
                f"reading {path}: line {line.number}: the document was there before, in another line"
            )
        roots.add(root)
        size += len(line.value)
        if len(digests) % _BATCH == 0:
            seen(len(digests), size)
    return Checked(path, tuple(sorted(roots)), frozenset(digests))


def run_import(job: Import, tally: Tally, seen: Seen) -> None:
    """Bring the documents, and with `exact` delete others in the same root collections. The tally tells what became
    of each; with `dry_run`, what would."""
    for lines in _batches(read_lines(job.file.path)):
        wanted = {line.key: _own(line.value, job.place.project) for line in lines}
        _write(job, list(_needed(job, wanted, tally)), tally)
        seen(tally.unchanged + tally.written + tally.conflicts + tally.refused, tally.size)
    if job.exact and job.file.roots:
        for drops in _grouped(_others(job)):
            _write(job, drops, tally)


def _own(value: bytes, project: str) -> bytes:
    """References to `project` in the form that live records have, whichever one the file has."""
    return relativise(absolutise(value, project), project)


def _needed(job: Import, wanted: dict[bytes, bytes], tally: Tally) -> Iterator[Write]:
    keys = list(wanted)
    for key, live in zip(keys, job.source.lookup(keys), strict=True):
        if live is None:
            yield Write(key, Kind.PUT, wanted[key], None)
        elif equal(wanted[key], live):
            tally.unchanged += 1
        else:
            yield Write(key, Kind.PUT, wanted[key], update_time(live))


def _others(job: Import) -> Iterator[Write]:
    """Deletions of what the file does not hold."""
    plan = job.source.plan(Scope(job.file.roots, job.own), job.source.now())
    for part in plan.parts:
        for keys, values in job.source.read(part):
            for key, live in zip(keys, values, strict=True):
                if _digest(key) not in job.file.digests:
                    yield Write(key, Kind.DROP, b"", update_time(live))


def _write(job: Import, writes: list[Write], tally: Tally) -> None:
    """Apply, then look at every one of them again."""
    if job.dry_run or not writes:
        for write in writes:
            tally.done(write)
        return
    outcomes = job.source.apply(writes)
    live = job.source.lookup([write.key for write in writes])
    for write, outcome, now in zip(writes, outcomes, live, strict=True):
        _count(write, outcome, now, tally)


def _count(write: Write, outcome: Outcome, live: bytes | None, tally: Tally) -> None:
    name = path_of(write.key)
    arrived = live is None if write.kind is Kind.DROP else live is not None and equal(write.value, live)
    if outcome.result is Result.FAILED:
        tally.refuse(name, outcome.reason)
    elif arrived:
        tally.done(write)
        tally.checked += 1
    elif outcome.result is Result.MOVED:
        tally.conflict(name)
    else:
        tally.difference(name, "differs")


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == _BATCH or size + len(line.value) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.value)
    if batch:
        yield batch


def _grouped(writes: Iterable[Write]) -> Iterator[list[Write]]:
    left = iter(writes)
    while some := list(islice(left, _BATCH)):
        yield some


def _digest(key: bytes) -> bytes:
    return blake2b(key, digest_size=16).digest()
