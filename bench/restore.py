"""A restore into an empty database, documents per second: against the peer's import and against BulkWriter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from bench import peers
from bench.data import ROOT, Item, flat
from bench.fleet import Fleet, Spent, fleet
from bench.place import PROJECT, Folder, emulator, folder, load
from bench.report import Row, Section, at_least, rounded
from bench.scale import Scale
from emulators.datasets.values import Document
from shared.settings import Settings

_METHOD = """\
The job `restore` as production wires it, in the one process that a restore is, into an emulator just started: every
document is compared, written with a guard, then read again and compared. The ramp is off. *BulkWriter*: that of
google-cloud-firestore with its limit lifted, from Python values that are in memory already; nothing is read again.
*Peer*: the import of the npm package `{peer}`, from values in memory; nothing is read again. Median of {runs}; the
others once."""

_READING = (
    (
        "The emulator checks and stores writes in Python, one at a time, at 35 to 40 µs each. So nobody can write more "
        "than some 27,000 documents a second here, and five times the peer's rate is out of reach whatever a restore "
        "does. A restore also compares before it writes and reads everything again after, which the others do not."
    ),
)
_LIFTED = 1_000_000


def measure(scale: Scale) -> Section:
    items = list(flat(scale.restored))
    with folder() as place, emulator() as database:
        with fleet(database, scale.workers) as workers:
            load(database, items)
            chosen = place.settings(database)
            workers.snapshot(chosen, "taken")
        spent = [_restored(chosen, place) for _ in range(scale.runs)]
        ours = len(items) / median(one.seconds for one in spent)
        cpu_us = median(one.cpu_s for one in spent) / len(items) * 1e6
        why = peers.missing()
        rows = [Row("restore, against a peer", why)] if why else []
        if not why:
            peer = peers.measure(database, "OWN", [f"flat{place}" for place in range(4)])
            rows.append(at_least("restore", ours, "peer's import", peer.written, 5))
    rows += [
        at_least("restore", ours, "BulkWriter", _bulk_rate(items[: scale.restored // 5]), 5),
        Row("restore, processor seconds a million documents", rounded(cpu_us)),
    ]
    return Section("Restore", _METHOD.format(peer=peers.NAME, runs=scale.runs), rows, _READING)


def _restored(chosen: Settings, place: Folder) -> Spent:
    with emulator() as database, fleet(database, 1) as worker:
        worker.warm(database, place)
        return _whole(worker, replace(chosen, firestore_emulator=database.host))


def _whole(worker: Fleet, chosen: Settings) -> Spent:
    return worker.restore(chosen, "taken")


def _bulk_rate(items: Sequence[Item]) -> float:
    """Documents per second of a BulkWriter, in a process of its own."""
    with emulator() as database, fleet(database, 1) as worker:
        return worker.pool.submit(_bulk, items).result()


def _bulk(items: Sequence[Item]) -> float:
    from google.cloud import firestore
    from google.cloud.firestore_v1.bulk_writer import BulkWriterOptions

    client = firestore.Client(project=PROJECT)
    values = [(client.document(path), _decoded(client, fields)) for path, fields in items]
    options = BulkWriterOptions(initial_ops_per_second=_LIFTED, max_ops_per_second=_LIFTED)
    began = time.perf_counter()
    writer = client.bulk_writer(options=options)
    for reference, value in values:
        writer.create(reference, value)
    writer.close()
    seconds = time.perf_counter() - began
    found = client.collection(items[0][0].split("/")[0]).count().get()[0][0].value
    if found != len(items):
        raise RuntimeError(f"BulkWriter wrote {found} of {len(items)} documents")
    return len(items) / seconds


def _decoded(client: Any, fields: bytes) -> dict[str, Any]:
    """Python values as an app has them."""
    from google.cloud.firestore_v1._helpers import decode_dict
    from google.cloud.firestore_v1.types import Document as Wrapped

    raw = Document.FromString(fields)
    raw.name = f"{ROOT}/x/y"
    found: dict[str, Any] = decode_dict(Wrapped(raw).fields, client)
    return found
