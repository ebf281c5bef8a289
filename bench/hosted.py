"""A backup through the functions: Pub/Sub, the event router, and functions in worker processes of their own."""

from __future__ import annotations

import time

from bench.place import TREE, Folder, environment
from emulators.datasets.load import Database
from emulators.stack import Stack, StackOptions
from shared import wiring
from shared.errors import NotFound, Unavailable
from shared.models.jobs import SnapshotRequest
from shared.settings import Settings
from shared.state.contract import Ledger, TaskId, TaskState

_POLL_S = 0.02
_LIMIT_S = 300


def hosted_snapshot(database: Database, folder: Folder) -> float:
    """Seconds from publishing the request until the backup is completed; no function has run before."""
    chosen = folder.settings(database)
    options = StackOptions(
        source=TREE / "main.py",
        project=database.project,
        firestore_address=database.host,
        env={
            "FIREKEEP_PROJECT": chosen.project,
            "FIREKEEP_REPOSITORY": chosen.repository,
            "FIREKEEP_KEY_FILE": str(chosen.key_file),
        },
        log=lambda _name, _line: None,
    )
    with Stack(options) as stack, environment(stack.env):
        return _timed(chosen)


def _timed(chosen: Settings) -> float:
    ports = wiring.build_ports(chosen)
    request = SnapshotRequest(backup_id=f"hosted-{time.time_ns()}")
    began = time.perf_counter()
    ports.publisher.publish("backup-snapshot", [request.to_message()])
    while not _done(ports.ledger, TaskId(request.backup_id)):
        if time.perf_counter() - began > _LIMIT_S:
            raise Unavailable(f"the functions did not finish a backup in {_LIMIT_S} s")
        time.sleep(_POLL_S)
    return time.perf_counter() - began


def _done(ledger: Ledger, task: TaskId) -> bool:
    try:
        state = ledger.load(task).state
    except NotFound:
        return False
    if state is TaskState.FAILED:
        raise Unavailable(f"backup {task} failed")
    return state is TaskState.DONE
