"""Every function of the system: trigger, topic, memory, timeout, concurrency, retry, identity.

The local functions host, the deployment and the documentation are derived from this table or checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DEAD_LETTERS: Final = "backup-dead"


@dataclass(frozen=True)
class TopicTrigger:
    """A Pub/Sub topic, delivered as a CloudEvent by push."""

    topic: str

    @property
    def dead_letter_topic(self) -> str:
        """One for all of the system's topics, as a message names its job. Empty for itself: a dead letter is tried
        until it expires."""
        if self.topic == DEAD_LETTERS:
            return ""
        return DEAD_LETTERS if self.topic.startswith("backup-") else f"{self.topic}-dead"


ContentType = Literal["application/protobuf", "application/json"]


@dataclass(frozen=True)
class DocumentTrigger:
    """A Firestore document event. `document` is a pattern such as `backupRequests/{id}`.

    `auth_context` asks for who made the change, `content_type` for how the event's data is written.
    """

    event: Literal["created", "updated", "deleted", "written"]
    document: str
    database: str = "(default)"
    auth_context: bool = False
    content_type: ContentType = "application/protobuf"

    @property
    def type(self) -> str:
        suffix = ".withAuthContext" if self.auth_context else ""
        return f"google.cloud.firestore.document.v1.{self.event}{suffix}"


@dataclass(frozen=True)
class ObjectTrigger:
    """A Cloud Storage object event, of every object of a bucket."""

    event: Literal["finalized", "deleted", "archived", "metadataUpdated"]
    bucket: str
    content_type: ContentType = "application/json"

    @property
    def type(self) -> str:
        return f"google.cloud.storage.object.v1.{self.event}"


@dataclass(frozen=True)
class HttpTrigger:
    """An HTTPS request: the function's answer is the caller's, and nothing is retried.

    `public` lets everybody call: the function itself then checks who that is, as callables do.
    """

    public: bool = False


Trigger = TopicTrigger | DocumentTrigger | ObjectTrigger | HttpTrigger


@dataclass(frozen=True)
class FunctionSpec:
    """One function: `name` is also the target in main.py and the path on the local host."""

    name: str
    trigger: Trigger
    service_account: str
    memory_mib: int = 512
    timeout_s: int = 540
    workers: int = 1
    """Instances at most; each handles one event at a time."""
    retry: bool = True
    max_attempts: int = 10
    min_backoff_s: float = 10
    max_backoff_s: float = 600
    schedule: str = ""
    """When Cloud Scheduler publishes `{}` to the topic, as a cron line in UTC; empty for never."""


FUNCTIONS: tuple[FunctionSpec, ...] = (
    FunctionSpec("snapshot", TopicTrigger("backup-snapshot"), "firekeep-snapshot"),
    FunctionSpec("part", TopicTrigger("backup-part"), "firekeep-snapshot", memory_mib=1024, workers=8),
    FunctionSpec("verify", TopicTrigger("backup-verify"), "firekeep-verify"),
    FunctionSpec("rotate", TopicTrigger("backup-rotate"), "firekeep-rotate", memory_mib=1024),
    FunctionSpec("restore", TopicTrigger("backup-restore"), "firekeep-restore", memory_mib=1024),
    FunctionSpec(
        "monitor", TopicTrigger("backup-monitor"), "firekeep-monitor", timeout_s=540, schedule="*/30 * * * *"
    ),
    FunctionSpec(
        "sweep", TopicTrigger("backup-sweep"), "firekeep-sweep", timeout_s=300, schedule="*/5 * * * *"
    ),
    FunctionSpec("dead", TopicTrigger(DEAD_LETTERS), "firekeep-sweep", timeout_s=60),
    FunctionSpec("tick", TopicTrigger("backup-tick"), "firekeep-tick", timeout_s=120, schedule="*/5 * * * *"),
    FunctionSpec("api", HttpTrigger(public=True), "firekeep-api", timeout_s=60, workers=4, retry=False),
    FunctionSpec("request", DocumentTrigger("created", "backupRequests/{id}"), "firekeep-request"),
    FunctionSpec("config", DocumentTrigger("written", "backupConfig/{id}"), "firekeep-verify"),
)
