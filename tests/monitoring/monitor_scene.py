"""An installation whose clock is set by hand: backups that are said to have been made, and what people are told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared import wiring
from shared.errors import Unavailable
from shared.format.config import Options
from shared.format.manifest import Manifest
from shared.jobs.documents import new_backup
from shared.jobs.monitor import Watch, run_monitor
from shared.jobs.ports import Ports, Report
from shared.keys.local import create_key_file
from shared.models import BackupConfig, StorageConfig
from shared.models.collections import BACKUP_CONFIG, MAIN, STORAGE
from shared.monitoring.metrics import NoMetrics
from shared.notify.contract import Channel, Notice
from shared.repository.tree import Root, join
from shared.settings import Settings
from shared.state.watching import FirestoreWatch

START = datetime(2025, 3, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class HandClock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Ear:
    """A channel that hears, or is deaf."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[Notice] = []
        self.deaf = False

    def __call__(self, notice: Notice) -> None:
        if self.deaf:
            raise Unavailable(f"notifying {self.name}: it was not accepted")
        self.heard.append(notice)

    @property
    def told(self) -> list[str]:
        return [f"{'+' if one.began else '-'}{one.kind}" for one in self.heard]


class Queue:
    """Takes the place of Pub/Sub."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        self.sent += [(topic, json.loads(message)) for message in messages]


class Scene:
    """`ports` and `watch` are those of an instance; `tick` is one delivery."""

    def __init__(self, folder: Path, address: str, project: str) -> None:
        key = folder / f"{project}.key"
        create_key_file(key, secrets.token_bytes)
        self.settings = Settings(
            project=project,
            contents=("entries",),
            repository=str(folder / project),
            key_file=key,
            firestore_emulator=address,
        )
        wiring.create_repository(self.settings, Options())
        self.clock = HandClock()
        self.queue = Queue()
        self.ears = [Ear("first"), Ear("second")]
        self.channels: Callable[[], Sequence[Channel]] = lambda: self.ears
        self.ports: Ports = replace(
            wiring.build_ports(self.settings, publisher=self.queue), clock=self.clock, heartbeat_s=3600
        )
        self.client: Any = wiring._state_client(self.settings)
        self.store = FirestoreWatch(self.client)
        with self.ports.repository().writer() as writer:
            self._root: Root = join(writer, self.ports.repository().chunking, iter(()), None)
            writer.flush()

    def watch(self, store: Any = None) -> Watch:
        return Watch(self.ports, store or self.store, self.channels, NoMetrics(), timedelta(days=8))

    def tick(self, store: Any = None) -> Report:
        return run_monitor(self.watch(store))

    def configure(self, *, enabled: bool = True, frequency: str = "daily") -> None:
        config = BackupConfig.from_document(
            {
                "automatic": {
                    "enabled": enabled,
                    "schedule": {"frequency": frequency, "time": "03:00", "timezone": "UTC"},
                    "retention": {"days": 30, "maxBackups": 30, "cleanupStrategy": "oldest"},
                    "storage": {"provider": "local", "path": "x", "compression": True, "encryption": True},
                },
                "manual": {
                    "enabled": True,
                    "maxSize": 1,
                    "formats": [],
                    "validation": False,
                    "encryption": True,
                },
                "recovery": {"enabled": True, "maxVersions": 1, "validation": True, "testing": False},
            }
        )
        self.client.collection(BACKUP_CONFIG).document(MAIN).set(config.to_document())

    def switch(self, *, max_size: int = 0, **switches: bool) -> None:
        config = StorageConfig.from_document(
            {
                "provider": "local",
                "settings": {"path": "x", "maxSize": max_size, "compression": True, "encryption": True},
                "rotation": {
                    "enabled": False,
                    "strategy": "time",
                    "maxAge": 0,
                    "maxSize": 0,
                    "maxCount": 0,
                },
                "monitoring": {"enabled": True, "alerts": True, "metrics": True, "logging": True, **switches},
            }
        )
        self.client.collection(BACKUP_CONFIG).document(STORAGE).set(config.to_document())

    def backup(
        self,
        name: str,
        *,
        items: int = 1_000,
        size: int = 10_000_000,
        verified: bool = True,
        contents: Sequence[str] = ("entries",),
        **fields: Any,
    ) -> None:
        """A completed backup of this moment."""
        now = self.clock.now()
        started = new_backup(self.ports, name, "automatic", now)
        done = started.changed(
            status="completed",
            metadata=started.metadata.changed(completed_at=now, size=size, items=items),
            validation=started.validation.changed(verified=verified),
        )
        manifest = Manifest(
            id=name,
            at=now,
            created=now,
            parent=None,
            project=self.settings.project,
            database="(default)",
            roots={content: self._root._replace(count=items) for content in contents},
            statistics={"entriesBytes": size, "storedBytes": size // 10, "seconds": 60.0},
            backup=json.loads(done.to_message()),
            **fields,
        )
        self.ports.repository().commit(manifest)
        self.ports.catalog.save_backup(done)

    def fail(self, name: str, why: str = "incomplete") -> None:
        self.clock.at += timedelta(minutes=1)
        now = self.clock.now()
        backup = new_backup(self.ports, name, "automatic", now)
        self.ports.catalog.save_backup(
            backup.changed(
                status="failed",
                metadata=backup.metadata.changed(completed_at=now),
                validation=backup.validation.changed(errors=(why,)),
            )
        )

    def damage(self, name: str, *errors: str) -> None:
        backup = self.ports.catalog.backup(name)
        found = backup.validation.changed(verified=not errors, errors=errors or None)
        self.ports.catalog.save_backup(backup.changed(validation=found))
