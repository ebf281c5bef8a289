"""Progress documents in Firestore."""

from __future__ import annotations

from typing import Any

from shared.models.collections import JOBS, PARTS, PROGRESS
from shared.models.progress import ProgressDocument
from shared.state.calls import listed, mapped


class FirestoreBoard:
    """`backupProgress/{job}`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read_by_parts(self, job: str) -> tuple[int, int]:
        """Records and bytes that the parts of a job have read, as they last told."""
        parts = self._client.collection(JOBS).document(job).collection(PARTS)
        with mapped(f"adding up the parts of job {job}"):
            query = parts.sum("data.liveItems", alias="items").sum("data.liveBytes", alias="bytes")
            found = {one.alias: one.value for results in query.get() for one in results}
        return int(found.get("items") or 0), int(found.get("bytes") or 0)

    def show(self, job: str, progress: ProgressDocument) -> None:
        with mapped(f"telling the progress of job {job}"):
            self._client.collection(PROGRESS).document(job).set(progress.to_document())

    def shown(self, job: str) -> ProgressDocument | None:
        with mapped(f"loading the progress of job {job}"):
            snapshot = self._client.collection(PROGRESS).document(job).get()
        return ProgressDocument.from_document(snapshot.to_dict()) if snapshot.exists else None

    def all_shown(self) -> list[str]:
        with mapped("listing what is shown of jobs"):
            return [str(snapshot.id) for snapshot in listed(self._client.collection(PROGRESS).select([]))]

    def take_down(self, job: str) -> None:
        with mapped(f"taking down the progress of job {job}"):
            self._client.collection(PROGRESS).document(job).delete()
