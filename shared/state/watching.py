"""What the monitor remembers in Firestore: `backupHealth/alerts` under a lease, `backupHealth/main`, statistics.

Each write of the state names the version that it replaces. So two lookers cannot both tell the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from google.cloud import firestore
from pydantic.alias_generators import to_camel

from shared.errors import Busy
from shared.models.collections import ALERTS, HEALTH, MAIN, STATISTICS
from shared.models.health import BackupStatistics, Health, RecoveryStatistics, WatchState
from shared.state.calls import listed, mapped, write_if

Statistics = BackupStatistics | RecoveryStatistics
_AT_ONCE = 300
"""Documents in one request."""


class FirestoreWatch:
    """The port `WatchStore`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def claim(self, owner: str, now: datetime, until: datetime) -> WatchState:
        with mapped("taking the monitor's lease"):
            found = self._alerts().get()
            document: dict[str, Any] = (found.to_dict() or {}) if found.exists else {}
            lease = document.get("lease") or {}
            if lease.get("until", now) > now and lease.get("owner") != owner:
                raise Busy("another monitor is at work", hint="it is tried again on redelivery")
            state = WatchState.from_document(document.get("state") or {})
            self._write(owner, state, until, found.update_time if found.exists else None)
        return state

    def save(self, owner: str, state: WatchState, until: datetime | None) -> None:
        with mapped("writing down what was told"):
            found = self._alerts().get()
            if _owner(found) != owner:
                raise _lost()
            self._write(owner, state, until, found.update_time)

    def state(self) -> WatchState:
        with mapped("reading what was told"):
            found = self._alerts().get()
        return WatchState.from_document((found.to_dict() or {}).get("state") or {} if found.exists else {})

    def health(self) -> Health | None:
        with mapped("reading the health document"):
            found = self._client.collection(HEALTH).document(MAIN).get()
        return Health.from_document(found.to_dict()) if found.exists else None

    def save_health(self, health: Health) -> None:
        with mapped("writing the health document"):
            told = health.to_document()
            fields = [to_camel(name) for name in Health.model_fields if name != "proven"]
            document = {name: told.get(name, firestore.DELETE_FIELD) for name in fields}
            self._client.collection(HEALTH).document(MAIN).set(document, merge=fields)

    def statistics(self, since: datetime) -> Iterator[Statistics]:
        with mapped("reading the statistics"):
            newer = firestore.FieldFilter("endedAt", ">=", since)
            found = listed(self._client.collection(STATISTICS).where(filter=newer).order_by("endedAt"))
        return (_statistics(one.to_dict()) for one in found)

    def known(self, ids: Iterable[str]) -> set[str]:
        with mapped("looking for statistics"):
            references = [self._client.collection(STATISTICS).document(one) for one in ids]
            pages = (references[start : start + _AT_ONCE] for start in range(0, len(references), _AT_ONCE))
            found = [one for page in pages for one in self._client.get_all(page, field_paths=["endedAt"])]
        return {str(one.id) for one in found if one.exists}

    def save_statistics(self, statistics: Iterable[Statistics]) -> None:
        with mapped("writing statistics"):
            for one in statistics:
                self._client.collection(STATISTICS).document(one.id).set(one.to_document())

    def _alerts(self) -> Any:
        return self._client.collection(HEALTH).document(ALERTS)

    def _write(self, owner: str, state: WatchState, until: datetime | None, version: Any) -> None:
        lease = {"owner": owner, "until": until} if until else {}
        document = {"state": state.to_document(), "lease": lease}
        if write_if(self._alerts(), document, version) is not None:
            return
        # Refused: by somebody else's write, or by our own whose answer was lost.
        if (self._alerts().get().to_dict() or {}) != document:
            raise _lost()


def _owner(found: Any) -> str:
    document: dict[str, Any] = (found.to_dict() or {}) if found.exists else {}
    return str((document.get("lease") or {}).get("owner", ""))


def _lost() -> Busy:
    return Busy("the monitor's lease was lost to another one", hint="it is tried again on redelivery")


def _statistics(document: Mapping[str, Any]) -> Statistics:
    kind = RecoveryStatistics if document.get("kind") == "recovery" else BackupStatistics
    return kind.from_document(document)
