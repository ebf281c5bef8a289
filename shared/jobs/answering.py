"""Tells a request what became of it, on its own document. Backups that nobody asked for so are told nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import TypeAdapter, ValidationError

from shared.errors import FirekeepError
from shared.jobs.documents import told
from shared.jobs.ports import Ports
from shared.models.answers import RequestAnswer
from shared.models.fields import Id


def answer_request(
    ports: Ports,
    request_id: str,
    status: Literal["accepted", "refused", "done", "failed"],
    error: FirekeepError | None = None,
) -> None:
    """Told twice, or out of order, the first end stays."""
    reason = told([str(error)]) if error is not None else None
    answer = RequestAnswer(
        status=status,
        reason=reason[0] if reason else None,
        backup_id=request_id if is_id(request_id) else None,
        answered_at=ports.clock.now(),
    )
    ports.answers.answer_request(request_id, answer)


def is_id(name: str) -> bool:
    """Whether a document of this name can be asked to become a backup."""
    try:
        TypeAdapter(Id).validate_python(name)
    except ValidationError:
        return False
    return True
