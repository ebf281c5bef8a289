"""The ports: what the monitor remembers, under a lease, and what is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from shared.models.health import BackupStatistics, Health, RecoveryStatistics, WatchState

Statistics = BackupStatistics | RecoveryStatistics


class WatchStore(Protocol):
    """One state for the whole installation. Who looks takes the lease first, so that one look follows another."""

    def claim(self, owner: str, now: datetime, until: datetime) -> WatchState:
        """Take the lease until then, and read the state. Busy while another holds it."""

    def save(self, owner: str, state: WatchState, until: datetime | None) -> None:
        """Write the state and keep the lease until then; None gives it back. Busy when the lease is lost."""

    def state(self) -> WatchState:
        """As it stands, without the lease."""

    def health(self) -> Health | None:
        """As it was told last; None when it never was. BadInput when it is not valid."""

    def save_health(self, health: Health) -> None:
        """All of it but `proven`, which drills write."""

    def statistics(self, since: datetime) -> Iterator[Statistics]:
        """Those of what ended since then, the oldest first. BadInput for a document that is none of ours."""

    def known(self, ids: Iterable[str]) -> set[str]:
        """Which of these have statistics."""

    def save_statistics(self, statistics: Iterable[Statistics]) -> None: ...


class Metrics(Protocol):
    def job(self, kind: str, outcome: str, seconds: float, facts: Mapping[str, Any]) -> None:
        """One run of a job. `facts` are its report's: `items` and `bytes` are looked at."""

    def recovery_point(self, age_s: float) -> None:
        """How old the newest state is that can be restored, in seconds."""
