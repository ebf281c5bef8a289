"""Worker processes that do the system's jobs, as the functions host's workers do.

Each process takes one message at a time and runs the job that the function of that topic runs, over the ports
that production wires. Between them only the queue is another: what Pub/Sub would carry goes through this process.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Barrier
from typing import Any, ParamSpec, TypeVar

from bench.data import flat, nested
from bench.place import Folder, load
from emulators.datasets.load import Database
from emulators.parent import die_with_parent
from shared import wiring
from shared.clock import Deadline, SystemClock
from shared.jobs.part import run_part
from shared.jobs.ports import Ports
from shared.jobs.restore import run_restore
from shared.jobs.snapshot import start_snapshot
from shared.models.jobs import PartRequest, RestoreRequest, SnapshotRequest
from shared.publishing.inline import InlinePublisher
from shared.settings import Settings

SNAPSHOT, PART, RESTORE = "backup-snapshot", "backup-part", "backup-restore"
_WARM = 4_000

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Spent:
    """What some work took: by the clock, and on the workers' processors together."""

    seconds: float
    cpu_s: float


class Fleet:
    """Made by `fleet`."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int) -> None:
        self.pool = pool
        self.workers = workers

    def snapshot(self, chosen: Settings, backup_id: str) -> Spent:
        """Take a backup, from the request to the commit."""
        return self.run(chosen, SNAPSHOT, SnapshotRequest(backup_id=backup_id).to_message())

    def restore(self, chosen: Settings, backup_id: str) -> Spent:
        """Restore everything in place, from the request to the comparison of what was written."""
        request = RestoreRequest(recovery_id=f"restore-{time.time_ns()}", backup_id=backup_id)
        return self.run(chosen, RESTORE, request.to_message())

    def run(self, chosen: Settings, topic: str, message: bytes) -> Spent:
        """Have this message handled, and all that follow from it."""
        queue, cpu_s = InlinePublisher(), []

        def handler(topic: str) -> Callable[[bytes], None]:
            def handle(message: bytes) -> None:
                published, spent = self.pool.submit(_work, chosen, topic, message).result()
                cpu_s.append(spent)
                for other, messages in published:
                    queue.publish(other, messages)

            return handle

        queue.publish(topic, [message])
        began = time.perf_counter()
        queue.drain({one: handler(one) for one in (SNAPSHOT, PART, RESTORE)}, self.workers)
        return Spent(time.perf_counter() - began, sum(cpu_s))

    def each(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> list[T]:
        """Call `work` once in every worker."""
        pending = [self.pool.submit(_together, work, args, kwargs) for _ in range(self.workers)]
        return [one.result() for one in pending]

    def warm(self, database: Database, folder: Folder) -> None:
        """Let every worker back up a small database of another project, so that all code is loaded and used."""
        other = Database(database.host, "demo-warm-up")
        load(other, flat(_WARM, 1))
        load(other, nested(_WARM))
        for worker in range(self.workers):
            chosen = folder.settings(other)
            self.each(_snapshot_alone, chosen, f"warm-{worker}")


@contextmanager
def fleet(database: Database, workers: int) -> Iterator[Fleet]:
    """`workers` processes whose client libraries find this database."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(workers)
    with ProcessPoolExecutor(workers, context, _begin, (os.getpid(), database.host, barrier)) as pool:
        made = Fleet(pool, workers)
        made.each(os.getpid)  # starts them now, from this thread: they live as long as it does
        yield made


_barrier: Barrier


def _begin(parent: int, host: str, barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603  # what a pool's initializer leaves for its workers
    die_with_parent(parent)
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    _barrier = barrier


def _together(work: Callable[..., T], args: Any, kwargs: Any) -> T:
    _barrier.wait(60)
    return work(*args, **kwargs)


class _Outbox:
    """Keeps what a job publishes."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, list[bytes]]] = []

    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        self.sent.append((topic, list(messages)))

    def taken(self) -> list[tuple[str, list[bytes]]]:
        sent, self.sent = self.sent, []
        return sent


@cache
def _instance(chosen: Settings) -> tuple[Ports, _Outbox]:
    """Ports live as long as an instance, as in production."""
    outbox = _Outbox()
    return wiring.build_ports(chosen, outbox), outbox


def _work(chosen: Settings, topic: str, message: bytes) -> tuple[list[tuple[str, list[bytes]]], float]:
    """Do one job; what it published, and the seconds of processor it took."""
    began = time.process_time()
    ports, outbox = _instance(chosen)
    deadline = Deadline(SystemClock(), None)
    if topic == SNAPSHOT:
        start_snapshot(ports, SnapshotRequest.from_message(message))
    elif topic == PART:
        run_part(ports, PartRequest.from_message(message), deadline)
    else:
        run_restore(ports, RestoreRequest.from_message(message), deadline)
    return outbox.taken(), time.process_time() - began


def _snapshot_alone(chosen: Settings, backup_id: str) -> None:
    """A whole backup in this process. All workers are asked for the same one: each still does its share."""
    waiting = [(SNAPSHOT, [SnapshotRequest(backup_id=f"{backup_id}-{os.getpid()}").to_message()])]
    while waiting:
        topic, messages = waiting.pop()
        for message in messages:
            waiting += _work(chosen, topic, message)[0]
