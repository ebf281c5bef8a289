"""Peak memory of the process that reads a part, at two sizes: it must not depend on the size."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from bench.data import flat
from bench.fleet import fleet
from bench.place import Folder, emulator, folder, load
from bench.report import Row, Section, mebibytes, times
from bench.scale import Scale

_METHOD = """\
A new process is the only worker, and backs up one collection of {small} documents, then a new one {large}: one part
each, read, cut, compressed, encrypted and stored. The peak is of resident memory, the interpreter and all libraries
included, as the operating system tells it at the end."""

_READING = (
    (
        "Libraries take about 75 MiB. The rest is a page or two, one open leaf, the leaves that wait to be sealed, and "
        "up to seven times a pack of 4 MiB: one being filled, and at most three being stored with their blobs."
    ),
    (
        "What grows with a part is the list of its leaves and where they are, about 15 bytes a document. A part has a "
        "million documents at most."
    ),
)
_LIMIT = 256 << 20
_SAME = 1.15


def measure(scale: Scale) -> Section:
    sizes = (scale.small, scale.large)
    with folder() as place:
        small, large = (_peak(place, number) for number in sizes)
    rows = [
        Row(f"peak memory of a worker, a part of {sizes[0]:,} documents", mebibytes(small)),
        Row(
            f"peak memory of a worker, a part of {sizes[1]:,} documents",
            mebibytes(large),
            "the smaller part",
            times(large / small),
            f"the same, below {mebibytes(_LIMIT)}",
            large < _LIMIT and large / small <= _SAME,
        ),
    ]
    method = _METHOD.format(small=f"{sizes[0]:,}", large=f"{sizes[1]:,}")
    return Section("Memory", method, rows, _READING)


def _peak(place: Folder, number: int) -> int:
    with emulator() as database, fleet(database, 1) as worker:
        load(database, flat(number, 1))
        worker.snapshot(place.settings(database), "only")
        return worker.pool.submit(peak_memory).result()


def peak_memory() -> int:
    """Bytes of resident memory that this process has had at most.

    Linux hands a process's peak in `getrusage` on to the programs it starts, so there it is asked for by name.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10
