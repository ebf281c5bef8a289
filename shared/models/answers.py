"""What functions answer on documents that people write: on a request, and beside a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from shared.models.base import Model
from shared.models.fields import Id, Instant, Name


class RequestAnswer(Model):
    """What became of a `BackupRequest`, in fields of the same document that clients cannot write.

    `refused` before anything was read, `failed` later, both with the `reason`; `done` with the backup's id.
    """

    status: Literal["accepted", "refused", "done", "failed"]
    reason: Name | None = None
    backup_id: Id | None = None
    answered_at: Instant

    @property
    def final(self) -> bool:
        return self.status != "accepted"


_FIELDS = frozenset({"status", "reason", "backupId", "answeredAt"})


def without_answer(document: Mapping[str, Any]) -> dict[str, Any]:
    """A request as it was written. Fields of an answer that bears no time are not ours, and stay."""
    answered = "answeredAt" in document
    return {name: value for name, value in document.items() if not (answered and name in _FIELDS)}


def answer_in(document: Mapping[str, Any]) -> RequestAnswer | None:
    """The answer on a request; None when there is none yet."""
    if "answeredAt" not in document:
        return None
    return RequestAnswer.from_document({name: value for name, value in document.items() if name in _FIELDS})
