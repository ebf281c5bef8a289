"""Function processes killed with SIGKILL in the middle of their work, by the real host, over the real wire."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, pubsub_v1

from cli.commands.dev import MAIN
from cli.demo.reader import compare
from emulators.datasets.load import Database, Loaded, commit_writes, load_world
from emulators.datasets.wire import deletion
from emulators.stack import Stack, StackOptions
from functions.table import FUNCTIONS
from shared import wiring
from shared.format.config import Options
from shared.jobs.commit import ENTRIES
from shared.keys.local import create_key_file
from shared.settings import Settings

PROJECT = "demo-firekeep"
KILLS = 4


class Site:
    """A stack with a repository, and data in its database."""

    def __init__(self, stack: Stack, settings: Settings, loaded: Loaded) -> None:
        self.stack = stack
        self.settings = settings
        self.loaded = loaded
        self.database = Database(stack.env["FIRESTORE_EMULATOR_HOST"], PROJECT)
        self.client = firestore.Client(project=PROJECT, credentials=AnonymousCredentials())

    def publish(self, topic: str, **request: Any) -> None:
        publisher = pubsub_v1.PublisherClient()
        publisher.publish(f"projects/{PROJECT}/topics/{topic}", json.dumps(request).encode()).result(30)
        publisher.stop()

    def wait(self, path: str, *ends: str) -> dict[str, Any]:
        """The document once its status is one of `ends`."""
        limit = time.monotonic() + 90
        while time.monotonic() < limit:
            found = self.client.document(path).get().to_dict() or {}
            if found.get("status") in ends:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{path} did not end: {found}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    key = tmp_path / "key"
    create_key_file(key, os.urandom)
    env = {
        "FIREKEEP_PROJECT": PROJECT,
        "FIREKEEP_REPOSITORY": str(tmp_path / "repository"),
        "FIREKEEP_KEY_FILE": str(key),
        "FIREKEEP_LEASE_SECONDS": "1",
        "FIREKEEP_CHECKPOINT_MIB": "1",
    }
    table = tuple(replace(spec, workers=2, max_attempts=100) for spec in FUNCTIONS)
    options = StackOptions(source=MAIN, env=env, table=table, backoff_s=(0.1, 0.5), log=lambda *_: None)
    with Stack(options) as stack:
        for name in ("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"):
            monkeypatch.setenv(name, stack.env[name])
        settings = Settings.from_env({**env, **stack.env})
        wiring.create_repository(settings, Options())
        loaded = load_world(Database(stack.env["FIRESTORE_EMULATOR_HOST"], PROJECT), 4)
        yield Site(stack, settings, loaded)


@contextlib.contextmanager
def killing(workers: Callable[[], list[int]]) -> Iterator[list[int]]:
    """While the block runs, kill what `workers` lists, KILLS times, each a little later after its start."""
    stop = threading.Event()
    killed: list[int] = []

    def run() -> None:
        while len(killed) < KILLS and not stop.wait(0.05 + 0.1 * len(killed)):
            for pid in workers()[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def test_a_snapshot_whose_workers_are_killed_is_the_snapshot_it_would_have_been(site: Site) -> None:
    with killing(lambda: site.stack.workers("part") + site.stack.workers("snapshot")) as killed:
        site.publish("backup-snapshot", backupId="b1", type="manual")
        backup = site.wait("backups/b1", "completed", "failed")
    assert killed, "nothing was killed: the test proves nothing"
    assert backup["status"] == "completed", backup["validation"]
    assert backup["metadata"]["items"] == len(site.loaded)
    repository = wiring.open_repository(site.settings)
    assert list(repository.snapshots()) == ["b1"]
    undisturbed = repository.manifest("b1").at
    site.publish("backup-snapshot", backupId="b2", type="manual", at=undisturbed.isoformat())
    assert site.wait("backups/b2", "completed", "failed")["status"] == "completed"
    repository = wiring.open_repository(site.settings)
    assert repository.manifest("b1").roots[ENTRIES] == repository.manifest("b2").roots[ENTRIES]


def test_a_restore_whose_worker_is_killed_still_restores_everything(site: Site) -> None:
    site.publish("backup-snapshot", backupId="b1", type="manual")
    assert site.wait("backups/b1", "completed", "failed")["status"] == "completed"
    commit_writes(site.database, (deletion(f"{site.database.root}/{path}") for path in site.loaded))
    with killing(lambda: site.stack.workers("restore")) as killed:
        site.publish("backup-restore", recoveryId="r1", backupId="b1", exact=True)
        recovery = site.wait("recoveries/r1", "completed", "failed")
    assert killed, "nothing was killed: the test proves nothing"
    assert recovery["status"] == "completed", recovery["validation"]
    assert compare(site.loaded, site.database).identical


def test_a_tick_of_the_scheduler_makes_an_automatic_backup(site: Site) -> None:
    publisher = pubsub_v1.PublisherClient()
    publisher.publish(f"projects/{PROJECT}/topics/backup-snapshot", b"{}").result(30)
    publisher.stop()
    limit = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < limit:
        found = [snapshot.to_dict() for snapshot in site.client.collection("backups").stream()]
        time.sleep(0.1)
    assert found[0]["type"] == "automatic"
    assert site.wait(f"backups/{found[0]['id']}", "completed", "failed")["status"] == "completed"


def test_ticks_start_what_is_due_and_a_bad_configuration_is_answered(site: Site) -> None:
    now = datetime.now(UTC)
    schedule = {"frequency": "daily", "time": f"{now:%H:%M}", "timezone": "UTC"}
    site.client.document("backupSchedules/now").set({"name": "now", "schedule": schedule, "backup": {}})
    site.client.document("backupScheduleState/now").set(
        {"since": now - timedelta(hours=2), "outcome": "new", "reason": "first seen", "decidedAt": now}
    )
    site.client.document("backupConfig/main").set({"manual": 5})
    for _ in range(2):
        site.publish("backup-tick")
    backup = site.wait(f"backups/now-{now:%Y%m%dT%H%M}00Z", "completed", "failed")
    assert (backup["status"], backup["type"]) == ("completed", "automatic")
    told = site.client.document("backupConfigStatus/main").get().to_dict()
    assert told["state"] == "invalid"
    assert {line.split(":")[0] for line in told["errors"]} == {"manual", "automatic", "recovery"}


def test_our_own_documents_trigger_nothing_and_are_in_no_backup(site: Site) -> None:
    """A backup writes to `backups`, `backupJobs` and below; only a created request may start a function."""
    site.client.document("backupRequests/asked").set(
        {"requestedBy": "tester", "requestedAt": firestore.SERVER_TIMESTAMP}
    )
    assert site.wait("backups/asked", "completed", "failed")["status"] == "completed"
    assert site.wait("backupRequests/asked", "done")["backupId"] == "asked"
    time.sleep(1)
    assert [snapshot.id for snapshot in site.client.collection("backups").stream()] == ["asked"]
    manifest = wiring.open_repository(site.settings).manifest("asked")
    assert manifest.roots[ENTRIES].count == len(site.loaded)
    assert manifest.excluded["backupRequests"] == 1
