"""Every function of the system: trigger, topic, memory, timeout, concurrency, retry, identity.

The local functions host, the deployment and the documentation are derived from this table or checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TopicTrigger:
    """A Pub/Sub topic, delivered as a CloudEvent by push."""

    topic: str

    @property
    def dead_letter_topic(self) -> str:
        return f"{self.topic}-dead"


@dataclass(frozen=True)
class DocumentTrigger:
    """A Firestore document event. `document` is a pattern such as `backupRequests/{id}`."""

    event: Literal["created", "updated", "deleted", "written"]
    document: str
    database: str = "(default)"


@dataclass(frozen=True)
class FunctionSpec:
    """One function: `name` is also the target in main.py and the path on the local host."""

    name: str
    trigger: TopicTrigger | DocumentTrigger
    service_account: str
    memory_mib: int = 512
    timeout_s: int = 540
    workers: int = 1
    """Instances at most; each handles one event at a time."""
    retry: bool = True
    max_attempts: int = 10
    min_backoff_s: float = 10
    max_backoff_s: float = 600


FUNCTIONS: tuple[FunctionSpec, ...] = (
    FunctionSpec("snapshot", TopicTrigger("backup-snapshot"), "firekeep-snapshot"),
    FunctionSpec("part", TopicTrigger("backup-part"), "firekeep-snapshot", memory_mib=1024, workers=8),
    FunctionSpec("verify", TopicTrigger("backup-verify"), "firekeep-verify"),
    FunctionSpec("restore", TopicTrigger("backup-restore"), "firekeep-restore", memory_mib=1024),
    FunctionSpec("request", DocumentTrigger("created", "backupRequests/{id}"), "firekeep-request"),
)
