"""Bring the catalog back from the repository: what Firestore holds is never the only copy of it."""

from __future__ import annotations

from shared.errors import NotFound
from shared.jobs.commit import backup_of
from shared.jobs.ports import Ports, Report


def rebuild_catalog(ports: Ports) -> Report:
    """Save the `Backup` of every snapshot that the catalog does not show as completed. Says which.

    What the catalog knows better (that a snapshot was verified) stays as it is.
    """
    repository = ports.repository()
    found: list[str] = []
    for snapshot in repository.snapshots():
        backup = backup_of(repository.manifest(snapshot))
        try:
            known = ports.catalog.backup(snapshot).status == "completed"
        except NotFound:
            known = False
        if not known:
            ports.catalog.save_backup(backup)
            found.append(snapshot)
    return Report("rebuild", "rebuilt", {"rebuilt": found})
