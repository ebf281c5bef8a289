"""A function as the router sees it: what it listens to, and how its events are retried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulators.events.patterns import compile_pattern
from functions.table import DocumentTrigger, FunctionSpec, TopicTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.events.changes import Change


@dataclass(frozen=True)
class Backoff:
    """Seconds before the second attempt, doubling up to the maximum."""

    minimum_s: float
    maximum_s: float

    def pause(self, failures: int) -> float:
        return min(self.maximum_s, self.minimum_s * 2.0 ** min(failures - 1, 64))


@dataclass(frozen=True)
class TopicSubscriber:
    name: str
    topic: str
    retry: bool


@dataclass(frozen=True)
class DocumentSubscriber:
    name: str
    event: str
    database: str
    matches: Callable[[str], bool]
    attempts: int
    backoff: Backoff
    workers: int

    def wants(self, change: Change) -> bool:
        return (
            self.event in {"written", change.kind}
            and self.database == change.database
            and self.matches(change.path)
        )


def topic_subscribers(table: tuple[FunctionSpec, ...]) -> dict[str, TopicSubscriber]:
    """The functions that listen to a topic, by name."""
    return {
        spec.name: TopicSubscriber(spec.name, spec.trigger.topic, spec.retry)
        for spec in table
        if isinstance(spec.trigger, TopicTrigger)
    }


def document_subscribers(table: tuple[FunctionSpec, ...]) -> tuple[DocumentSubscriber, ...]:
    """The functions that listen to documents. One whose retry is off gets one attempt."""
    return tuple(
        DocumentSubscriber(
            spec.name,
            spec.trigger.event,
            spec.trigger.database,
            compile_pattern(spec.trigger.document),
            spec.max_attempts if spec.retry else 1,
            Backoff(spec.min_backoff_s, spec.max_backoff_s),
            spec.workers,
        )
        for spec in table
        if isinstance(spec.trigger, DocumentTrigger)
    )
