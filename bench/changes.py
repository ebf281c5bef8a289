"""What little changes cost: a second backup's bytes, and the difference of two backups."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from statistics import median

from bench.data import Documents, Item, flat
from bench.fleet import Fleet, fleet
from bench.place import emulator, folder, load, stored_bytes
from bench.report import Row, Section, mebibytes, per_second, rounded
from bench.scale import Scale
from emulators.datasets.load import Database
from shared import wiring
from shared.contents import ENTRIES
from shared.repository.tree import diff
from shared.settings import Settings

_METHOD = """\
{large} documents in four collections are backed up; {changed} of them, chosen by chance, get other content; a second
backup; {few} more; a third. All through the jobs. *New bytes*: by how much all objects of the repository grew. *Diff*:
from the roots of the second and third backup to the list of changes with both values, in an opened repository; *cold*:
it has read nothing yet (the disk's cache is warm); *warm*: the same again. Median of {runs}."""

_READING = (
    (
        "A leaf in which something changed is stored as a zstd patch of the leaf before; hence new bytes follow the "
        "changes and not the leaves, of which 0.1 % of the documents touch about one in nine."
    ),
    "The second backup still reads every document: that is what its time is. Reading only changes needs the journal.",
    "The difference opens about two leaves for each change, most of them patches, and nothing else.",
)
_FEW = 100
_RUNS = 5


def measure(scale: Scale) -> Section:
    with emulator() as database, folder() as place, fleet(database, scale.workers) as workers:
        workers.warm(database, place)
        paths = _loaded(database, scale.large)
        chosen = place.settings(database)
        empty = stored_bytes(chosen)
        rows, first = _first(workers, chosen, scale.large, empty)
        _change(database, paths, scale.changed, seed=11)
        rows += _second(workers, chosen, first, empty)
        _change(database, paths, _FEW, seed=12)
        workers.snapshot(chosen, "third")
        rows += _diff(chosen, scale.large)
    method = _METHOD.format(large=f"{scale.large:,}", changed=f"{scale.changed:,}", few=_FEW, runs=_RUNS)
    return Section("Small changes", method, rows, _READING)


def _loaded(database: Database, number: int) -> list[str]:
    paths: list[str] = []

    def noted() -> Iterator[Item]:
        for path, fields in flat(number):
            paths.append(path)
            yield path, fields

    load(database, noted())
    return paths


def _change(database: Database, paths: Sequence[str], number: int, seed: int) -> None:
    documents = Documents(seed)
    load(database, ((path, documents.fields()) for path in random.Random(seed).sample(paths, number)))


def _first(workers: Fleet, chosen: Settings, number: int, empty: int) -> tuple[list[Row], int]:
    spent = workers.snapshot(chosen, "first")
    stored = stored_bytes(chosen)
    row = Row(
        f"first backup of {number:,} documents", mebibytes(stored - empty), per_second(number / spent.seconds)
    )
    return [row], stored


def _second(workers: Fleet, chosen: Settings, first: int, empty: int) -> list[Row]:
    spent = workers.snapshot(chosen, "second")
    new = stored_bytes(chosen) - first
    share = new / (first - empty)
    return [
        Row(
            "second backup, 0.1 % changed: new bytes",
            mebibytes(new),
            f"the first: {mebibytes(first - empty)}",
            f"{share:.2%}",
            "1 %",
            share <= 0.01,
        ),
        Row("second backup, 0.1 % changed: time", f"{spent.seconds:.3g} s"),
    ]


def _diff(chosen: Settings, number: int) -> list[Row]:
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(_RUNS):
        repository = wiring.open_repository(chosen)
        a, b = (repository.manifest(name).roots[ENTRIES] for name in ("second", "third"))
        for times in (cold, warm):
            began = time.perf_counter()
            found = sum(1 for _ in diff(repository, a, b))
            times.append((time.perf_counter() - began) * 1000)
            if found != _FEW:
                raise RuntimeError(f"the difference has {found} changes where {_FEW} were made")
    return [
        Row(
            f"diff of two backups of {number:,}, {_FEW} changes, {name}",
            f"{rounded(median(times))} ms",
            aim="100 ms",
            met=median(times) < 100,
        )
        for name, times in (("cold", cold), ("warm", warm))
    ]
