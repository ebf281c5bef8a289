"""A first backup, documents per second: against the peer, and against the bare read of the same documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from bench import peers
from bench.bare import record, replay
from bench.data import Item, flat, nested
from bench.fleet import Fleet, fleet
from bench.hosted import hosted_snapshot
from bench.place import Folder, emulator, folder, load
from bench.report import Row, Section, at_least, per_second, rounded, times
from bench.scale import Scale
from emulators.datasets.load import Database

_METHOD = """\
The jobs `snapshot` and `part` as production wires them, in {workers} worker processes that have done it before,
from the request to the commit, each time into a new, encrypted repository on disk. *Bare read*: the calls that the
source made for the parts, recorded and made again by the same workers, the answers thrown away. *Peer*: the npm
package `{peer}`, one process, into memory; *told it is flat*: with `includeSubcollections: false`, where it asks no
document for subcollections. *Through the functions*: the same backup over Pub/Sub and the functions host, nothing
loaded before. Medians of {runs}; the peer and the functions once. *Flat*: {flat:,} documents in five collections;
the peer as it comes reads one of them, of {small:,}. *Nested*: {nested:,} documents four levels deep, in one
subcollection for about every ten."""


@dataclass(frozen=True)
class Scene:
    """A loaded database, workers that are warm, and room for repositories."""

    database: Database
    folder: Folder
    workers: Fleet
    documents: int


@dataclass(frozen=True)
class Rates:
    """Documents per second; microseconds of the workers' processors for each document."""

    ours: float
    bare: float
    cpu_us: float
    bare_cpu_us: float


def measure(scale: Scale) -> Section:
    why = peers.missing()
    with _scene(scale, flat(scale.peer, 1, "small"), flat(scale.flat)) as scene:
        rows, remarks = _flat(scene, scale, why)
    with _scene(scale, nested(scale.nested)) as scene:
        more_rows, more_remarks = _nested(scene, scale, why)
    method = _METHOD.format(
        workers=scale.workers,
        peer=peers.NAME,
        runs=scale.runs,
        flat=scale.flat + scale.peer,
        small=scale.peer,
        nested=scale.nested,
    )
    return Section("Snapshot", method, rows + more_rows, remarks + more_remarks)


@contextmanager
def _scene(scale: Scale, *items: Iterable[Item]) -> Iterator[Scene]:
    with emulator() as database, folder() as place, fleet(database, scale.workers) as workers:
        workers.warm(database, place)
        yield Scene(database, place, workers, sum(load(database, some) for some in items))


Told = tuple[list[Row], list[str]]
"""Rows, and remarks on them."""


def _flat(scene: Scene, scale: Scale, why: str) -> Told:
    rates = _rates(scene, scale.runs)
    rows = _common("flat", scene, rates)
    remarks = [
        (
            f"Flat collections come in pages of 300, which costs the workers {rounded(rates.bare_cpu_us)} µs of "
            "processor a document to receive. The other "
            f"{rounded(rates.cpu_us - rates.bare_cpu_us)} µs are taking pages apart, "
            "proving their order, pointing references, cutting and hashing leaves, zstd (1.5 µs), sealing and "
            "writing. The emulator's share of the same cores comes on top, so the ratio to the bare read is about that "
            "of the processor time of workers and emulator together."
        ),
    ]
    if why:
        return [*rows, Row("flat, against a peer", why)], remarks
    peer = peers.measure(scene.database, "WHOLE", ["small0"])
    told = peers.measure(scene.database, "OWN", [f"flat{place}" for place in range(4)])
    ratio = rates.ours / told.read
    against = [
        at_least("flat", rates.ours, "peer", peer.read, 20),
        Row(
            "flat",
            per_second(rates.ours),
            f"peer told it is flat: {per_second(told.read)}",
            times(ratio),
        ),
    ]
    remarks.append(
        "As it comes, the peer asks every document for subcollections, a call each. Told not to, which is right only "
        f"where there are none, it reads by one query; against that we are {times(ratio)} as fast, "
        f"{'and still beyond' if ratio >= 20 else 'short of'} the 20 that is aimed for.",
    )
    return against + rows, remarks


def _nested(scene: Scene, scale: Scale, why: str) -> Told:
    rates = _rates(scene, scale.runs)
    rows = _common("nested", scene, rates)
    remarks = [
        (
            "Nested: ten documents to a subcollection are too few for pages, so they come by streams, one message "
            "each. That costs the client and the emulator some 40 µs each, whatever is done with it, and the emulator "
            "sends one at a time: it sets the pace."
        ),
    ]
    if why:
        return [*rows, Row("nested, against a peer", why)], remarks
    peer = peers.measure(scene.database, "WHOLE", ["tenants"])
    return [at_least("nested", rates.ours, "peer", peer.read, 4), *rows], remarks


def _common(name: str, scene: Scene, rates: Rates) -> list[Row]:
    hosted = scene.documents / hosted_snapshot(scene.database, scene.folder)
    return [
        at_least(name, rates.ours, "bare read", rates.bare, 0.6),
        Row(
            f"{name}, processor seconds a million documents",
            rounded(rates.cpu_us),
            f"bare read: {rounded(rates.bare_cpu_us)}",
        ),
        Row(f"{name}, through the functions, cold", per_second(hosted)),
    ]


def _rates(scene: Scene, runs: int) -> Rates:
    traces = record(scene.database)
    documents = sum(trace.documents for trace in traces)
    ours, bare = [], []
    for run in range(runs):
        bare.append(replay(scene.workers, scene.database, traces))
        ours.append(scene.workers.snapshot(scene.folder.settings(scene.database), f"first-{run}"))
    return Rates(
        documents / median(one.seconds for one in ours),
        documents / median(one.seconds for one in bare),
        median(one.cpu_s for one in ours) / documents * 1e6,
        median(one.cpu_s for one in bare) / documents * 1e6,
    )
