"""A whole system in miniature: an emulator's database, a repository in a folder, the jobs, and a fuse.

The fuse makes the process "die" at the n-th write of any kind: before it or after it. What dies is really gone:
the next delivery gets ports of its own, as a new instance would, and the lease of the dead one has to run out.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared import wiring
from shared.clock import Deadline
from shared.errors import FirekeepError
from shared.jobs.part import run_part
from shared.jobs.ports import Ports, Report
from shared.jobs.restore import run_restore
from shared.jobs.rotate import run_rotate
from shared.jobs.snapshot import start_snapshot
from shared.jobs.verify import run_verify
from shared.models.jobs import (
    EntriesChoice,
    PartRequest,
    RestoreRequest,
    RotateRequest,
    Selection,
    SnapshotRequest,
    VerifyRequest,
)
from shared.repository import Repository
from shared.repository.tuning import Tuning
from shared.settings import Settings
from shared.state.firestore import FirestoreLedger

LEASE = timedelta(seconds=60)


class Crash(BaseException):
    """The process died here. Not an Exception: nothing may catch it and go on."""


class SkipClock:
    """Real time, and as much more as was skipped."""

    def __init__(self) -> None:
        self.skipped = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.skipped

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.skipped += timedelta(seconds=seconds)


@dataclass
class Fuse:
    """Counts the moments before and after each write; blows once, at moment `at`."""

    at: int | None = None
    moments: list[str] = field(default_factory=list)

    @property
    def blown(self) -> bool:
        return self.at is not None and len(self.moments) >= self.at

    def step(self, what: str) -> None:
        if self.blown:
            return
        self.moments.append(what)
        if self.blown:
            raise Crash(what)


class Fused:
    """Any port, with a fuse before and after the named methods."""

    def __init__(self, port: Any, fuse: Fuse, methods: Sequence[str]) -> None:
        self._port = port
        self._fuse = fuse
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._methods:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse.step(f"before {name}")
            result = found(*args, **kwargs)
            self._fuse.step(f"after {name}")
            return result

        return call


def entries(*include: str, exclude: tuple[str, ...] = ()) -> Selection:
    """Documents only, and only these."""
    return Selection(entries=EntriesChoice(include=include, exclude=exclude))


class Queue:
    """Takes the place of Pub/Sub: what is published is delivered by `World.run`."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[str, bytes]] = deque()

    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        self.waiting.extend((topic, message) for message in messages)


class World:
    """One project, one repository, and deliveries that can be killed."""

    def __init__(self, settings: Settings, fuse: Fuse | None = None, limit: timedelta | None = None) -> None:
        self.settings = settings
        self.fuse = fuse or Fuse()
        self.limit = limit
        self.clock = SkipClock()
        self.queue = Queue()
        self.heartbeat_s = 3600.0
        self.crashes = 0
        self.reports: list[Report] = []
        self.errors: list[FirekeepError] = []
        self.on_crash: Callable[[], None] = lambda: None

    def ports(self) -> Ports:
        """Ports of a new instance, with the fuse in front of every write."""
        fuse = self.fuse
        base = wiring.build_ports(self.settings, publisher=self.queue)
        ledger = FirestoreLedger(base.catalog._client, self.clock, LEASE)  # type: ignore[attr-defined]
        provider = Fused(wiring.provider(self.settings), fuse, ("put", "delete"))
        rings = wiring.keyrings(self.settings)
        opened: list[Repository] = []

        def repository() -> Repository:
            for repository in opened:
                repository.refresh()
            if not opened:
                opened.append(
                    Repository.open(provider, rings, secrets.token_bytes, Tuning(pack_bytes=16 << 10))
                )  # type: ignore[arg-type]
            return opened[0]

        return replace(
            base,
            ledger=Fused(
                ledger, fuse, ("create", "set_parts", "claim", "renew", "release", "finish", "fail")
            ),
            catalog=Fused(
                base.catalog, fuse, ("save_backup", "save_recovery", "drop_backup", "save_rotation_state")
            ),
            publisher=Fused(self.queue, fuse, ("publish",)),
            sources={name: Fused(source, fuse, ("apply",)) for name, source in base.sources.items()},
            repository=repository,
            salvage=lambda: wiring.open_repository(self.settings, salvage=True),
            clock=self.clock,
            heartbeat_s=self.heartbeat_s,
            checkpoint_bytes=4_000,
        )

    def run(self, topic: str, message: bytes, twice: bool = False) -> list[Report]:
        """Deliver this and everything that follows, again and again until each is acknowledged."""
        self.queue.publish(topic, [message] * (2 if twice else 1))
        deliveries = 0
        while self.queue.waiting:
            deliveries += 1
            assert deliveries < 500, "messages are delivered for ever"
            topic, message = self.queue.waiting.popleft()
            try:
                self.reports.append(self._deliver(topic, message))
            except Crash:
                self.crashes += 1
                self.clock.sleep(LEASE.total_seconds() + 1)
                self.on_crash()
                self.queue.publish(topic, [message])
            except FirekeepError as error:
                self.errors.append(error)
                if error.retryable:
                    self.clock.sleep(10)
                    self.queue.publish(topic, [message])
        return self.reports

    def _deliver(self, topic: str, message: bytes) -> Report:
        ports = self.ports()
        deadline = Deadline(self.clock, self.limit)
        if topic == "backup-snapshot":
            return start_snapshot(ports, SnapshotRequest.from_message(message))
        if topic == "backup-part":
            return run_part(ports, PartRequest.from_message(message), deadline)
        if topic == "backup-rotate":
            return run_rotate(ports, RotateRequest.from_message(message), deadline)
        if topic == "backup-verify":
            return run_verify(ports, VerifyRequest.from_message(message), deadline)
        return run_restore(ports, RestoreRequest.from_message(message), deadline)

    def snapshot(self, backup_id: str, **fields: Any) -> list[Report]:
        return self.run("backup-snapshot", SnapshotRequest(backup_id=backup_id, **fields).to_message())

    def rotate(self, rotate_id: str, **fields: Any) -> list[Report]:
        return self.run("backup-rotate", RotateRequest(rotate_id=rotate_id, **fields).to_message())

    def restore(self, recovery_id: str, backup_id: str, **fields: Any) -> list[Report]:
        request = RestoreRequest(recovery_id=recovery_id, backup_id=backup_id, **fields)
        return self.run("backup-restore", request.to_message())

    def repository(self) -> Repository:
        return wiring.open_repository(self.settings)

    @staticmethod
    def settings_for(address: str, project: str, folder: Path, key: Path) -> Settings:
        return Settings(
            project=project,
            contents=("entries",),
            repository=str(folder),
            key_file=key,
            firestore_emulator=address,
            ramp=False,
            page_size=7,
        )
