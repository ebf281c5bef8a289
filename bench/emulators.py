"""The emulators themselves: how soon they serve, and what they carry, next to servers that do nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from bench.loads import auth, firestore, pubsub, storage
from bench.loads.calls import IN_FLIGHT
from bench.loads.timing import seconds
from bench.place import served
from bench.report import Row, Section
from bench.scale import Scale

_METHOD = """\
Each emulator in a process of its own, its clients in this one or, where it says so, in several; both share the
{cores} cores. *A server that does nothing*: it takes the same requests and answers as many bytes, without looking, so
the ratio is what is left of the transport's own rate. Firestore: documents of about 550 bytes; raw: requests put
together from bytes and answers not taken apart, {flight} under way at once. Start: in a new interpreter, until the
line that says where it serves; the whole stack is Firestore, Pub/Sub, Cloud Storage, Auth, the event router and the
functions host. Medians of 3; what writes, once. Measured with a load average of {load:.1f} when it began."""
_READING = (
    (
        "Firestore checks and stores every write in Python, one at a time, at some 40 µs of processor: far more than "
        "its transport. What is read are the bytes that were kept: a document of a page costs the emulator 5 µs, one "
        "of a stream 36 µs, because it is a message of its own."
    ),
    (
        "Small objects through Google's client: its own work is about 1 ms of processor a request, the emulator's 0.2 "
        "to 0.3 ms, so two cores together allow some 1,500 a second however many processes ask. Through obstore it is "
        "0.2 and 0.1 ms."
    ),
    (
        "Large objects are hashed on both sides, CRC32C and MD5 by the emulator; MD5 alone allows some 600 MiB/s."
    ),
    "A pushed message is a request of its own, to a web server in Python that shares the same cores.",
)
_MODULES = {
    "Firestore": "emulators.firestore",
    "Pub/Sub": "emulators.pubsub",
    "Cloud Storage": "emulators.storage",
    "Auth": "emulators.auth",
    "the whole stack": "bench.loads.stack",
}
_SOON_S = 1.0
_LOADS: tuple[Callable[[Scale], list[Row]], ...] = (firestore.rows, storage.rows, pubsub.rows, auth.rows)


def measure(scale: Scale) -> Section:
    load = os.getloadavg()[0]
    rows = list(_started())
    for rows_of in _LOADS:
        rows += rows_of(scale)
    return Section(
        "The emulators", _METHOD.format(cores=os.cpu_count(), flight=IN_FLIGHT, load=load), rows, _READING
    )


def _started() -> Iterator[Row]:
    for name, module in _MODULES.items():
        taken = _start(module)
        yield Row(f"start of {name}", f"{taken:.2f} s", aim=f"{_SOON_S:.0f} s", met=taken < _SOON_S)


def _start(module: str) -> float:
    """Seconds until it serves; ending it is not counted."""
    with ExitStack() as started:
        return seconds(lambda: started.enter_context(served(module)), 3)
