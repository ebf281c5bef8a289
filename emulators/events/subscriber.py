"""A function as the router sees it: what it listens to, in which form it wants it, and how it is retried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulators.patterns import compile_pattern
from functions.table import DocumentTrigger, FunctionSpec, ObjectTrigger, TopicTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.events.changes import Change
    from emulators.events.objects import ObjectChange


@dataclass(frozen=True)
class Backoff:
    """Seconds before the second attempt, doubling up to the maximum."""

    minimum_s: float
    maximum_s: float

    def pause(self, failures: int) -> float:
        return min(self.maximum_s, self.minimum_s * 2.0 ** min(failures - 1, 64))


@dataclass(frozen=True)
class Attempts:
    """How often an event is tried at most, how far apart, and how many at once."""

    most: int
    backoff: Backoff
    workers: int

    @classmethod
    def of(cls, spec: FunctionSpec) -> Attempts:
        """One whose retry is off gets one attempt."""
        backoff = Backoff(spec.min_backoff_s, spec.max_backoff_s)
        return cls(spec.max_attempts if spec.retry else 1, backoff, spec.workers)


@dataclass(frozen=True)
class TopicSubscriber:
    name: str
    topic: str
    retry: bool


@dataclass(frozen=True)
class DocumentSubscriber:
    name: str
    attempts: Attempts
    trigger: DocumentTrigger
    matches: Callable[[str], bool]

    def wants(self, change: Change) -> bool:
        return (
            self.trigger.event in {"written", change.kind}
            and self.trigger.database == change.database
            and self.matches(change.path)
        )


@dataclass(frozen=True)
class ObjectSubscriber:
    name: str
    attempts: Attempts
    trigger: ObjectTrigger

    def wants(self, change: ObjectChange) -> bool:
        return self.trigger.type == change.type and self.trigger.bucket == change.bucket


Subscriber = DocumentSubscriber | ObjectSubscriber


def topic_subscribers(table: tuple[FunctionSpec, ...]) -> dict[str, TopicSubscriber]:
    """The functions that listen to a topic, by name."""
    return {
        spec.name: TopicSubscriber(spec.name, spec.trigger.topic, spec.retry)
        for spec in table
        if isinstance(spec.trigger, TopicTrigger)
    }


def document_subscribers(table: tuple[FunctionSpec, ...]) -> tuple[DocumentSubscriber, ...]:
    """The functions that listen to documents. Raises BadInput for a malformed pattern."""
    return tuple(
        DocumentSubscriber(spec.name, Attempts.of(spec), spec.trigger, compile_pattern(spec.trigger.document))
        for spec in table
        if isinstance(spec.trigger, DocumentTrigger)
    )


def object_subscribers(table: tuple[FunctionSpec, ...]) -> tuple[ObjectSubscriber, ...]:
    """The functions that listen to objects."""
    return tuple(
        ObjectSubscriber(spec.name, Attempts.of(spec), spec.trigger)
        for spec in table
        if isinstance(spec.trigger, ObjectTrigger)
    )
