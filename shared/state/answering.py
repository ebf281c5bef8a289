"""What is answered to people in Firestore: on `backupRequests`, and in `backupConfigStatus` about `backupConfig`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from shared.errors import BadInput, Busy
from shared.models.answers import RequestAnswer, answer_in
from shared.models.base import Model
from shared.models.collections import BACKUP_CONFIG, BACKUP_REQUESTS, CONFIG_STATUS
from shared.state.calls import mapped, write_if

_M = TypeVar("_M", bound=Model)
_FIELDS = ("state", "errors", "checkedAt", "version", "lastGood")
_TRIES = 5


class FirestoreAnswers:
    """The port `Answers`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def answer_request(self, request_id: str, answer: RequestAnswer) -> None:
        reference = self._client.collection(BACKUP_REQUESTS).document(request_id)
        with mapped(f"answering the request {request_id}"):
            for _ in range(_TRIES):
                found = reference.get()
                if not found.exists or not _is_news(found.to_dict(), answer):
                    return
                if write_if(reference, answer.to_document(), found.update_time) is not None:
                    return
        raise _busy(f"answering the request {request_id}")

    def judge_config(
        self, name: str, now: datetime, judge: Callable[[Mapping[str, Any]], Sequence[str]]
    ) -> str:
        config = self._client.collection(BACKUP_CONFIG).document(name)
        status = self._client.collection(CONFIG_STATUS).document(name)
        with mapped(f"checking the configuration {name}"):
            found, told = config.get(), status.get()
            if not found.exists:
                status.delete()
                return "gone"
            before = told.to_dict() or {}
            if before.get("version") == _version(found):
                return f"already {before['state']}"
            errors = list(judge(found.to_dict()))
            good = before.get("lastGood") if errors else found.to_dict()
            state = "invalid" if errors else "valid"
            document = {"state": state, "errors": errors, "checkedAt": now, "version": _version(found)}
            document |= {"lastGood": good} if good is not None else {}
            if write_if(status, document, told.update_time if told.exists else None, _FIELDS) is None:
                raise _busy(f"checking the configuration {name}")
        return state


def in_force(client: Any, kind: type[_M], name: str) -> _M | None:
    """The configuration `name`, or the last good one while that which is written there is not valid.

    None when there is none. BadInput when it is not valid, and there is no good one before it.
    """
    found = client.collection(BACKUP_CONFIG).document(name).get()
    if not found.exists:
        return None
    told = client.collection(CONFIG_STATUS).document(name).get().to_dict() or {}
    good = told.get("lastGood")
    if good is not None and told.get("state") == "invalid" and told.get("version") == _version(found):
        return kind.from_document(good)
    try:
        return kind.from_document(found.to_dict())
    except BadInput:
        if good is None:
            raise
        return kind.from_document(good)


def _is_news(document: Mapping[str, Any], answer: RequestAnswer) -> bool:
    """The first answer of the two kinds stays: what was accepted ends once, and is not accepted after its end."""
    before = answer_in(document)
    return before is None or (answer.final and not before.final)


def _version(snapshot: Any) -> str:
    return str(snapshot.update_time.rfc3339())


def _busy(doing: str) -> Busy:
    return Busy(f"{doing} failed: it was changed meanwhile", hint="it is tried again on redelivery")
