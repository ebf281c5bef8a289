"""What a seed does to each service: rates of a bad day, spread by the seed.

Left out is what clients cannot be expected to survive: events lost for ever, statuses that a client library hands to
the application where the service's own would have been tried again, and answers lost to calls that Google's libraries
repeat although a repetition means something else.
"""

from __future__ import annotations

from dataclasses import replace

from emulators.chaos.draw import draw
from emulators.chaos.plan import Fault

_READS = "GetDocument|BatchGetDocuments|RunQuery|RunAggregationQuery|ListDocuments|ListCollectionIds|PartitionQuery"
_WRITES = "Commit|BatchWrite|BeginTransaction|Rollback|CreateDocument|UpdateDocument|DeleteDocument"
_UPLOADS = "POST /upload/*|PUT /upload/*|POST /resumable/upload/*|PUT /resumable/upload/*"

_FIRESTORE = (
    Fault("firestore", "slow", chance=0.02, seconds=0.3),
    Fault("firestore", "slow", chance=0.003, seconds=2.0),
    Fault("firestore", "fail", _READS, chance=0.02),
    Fault("firestore", "fail", _READS, chance=0.005, status="DEADLINE_EXCEEDED"),
    Fault("firestore", "fail", _READS, chance=0.005, status="INTERNAL"),
    Fault("firestore", "fail", _WRITES, chance=0.02),
    Fault("firestore", "fail", "Commit|BatchWrite", chance=0.01, status="RESOURCE_EXHAUSTED"),
    Fault("firestore", "lost", "Commit|BatchWrite", chance=0.02),
    Fault("firestore", "cut", "RunQuery", chance=0.03, after=1),
    Fault("firestore", "cut", "RunQuery", chance=0.03, after=25),
    Fault("firestore", "cut", "Listen", chance=0.2, after=5),
)
_PUBSUB = (
    Fault("pubsub", "slow", chance=0.02, seconds=0.3),
    Fault("pubsub", "fail", "Publisher/*|Subscriber/*", chance=0.02),
    Fault("pubsub", "fail", "Publisher/Publish", chance=0.01, status="DEADLINE_EXCEEDED"),
    Fault("pubsub", "lost", "Publisher/Publish", chance=0.02),
    Fault("pubsub", "lost", "Subscriber/Acknowledge", chance=0.02),
    Fault("pubsub", "cut", "Subscriber/StreamingPull", chance=0.2, after=3),
    Fault("pubsub", "duplicate", chance=0.06),
    Fault("pubsub", "delay", chance=0.04, seconds=1.0),
    Fault("pubsub", "reorder", chance=0.05, seconds=0.5),
    Fault("pubsub", "loss", chance=0.04),
)
_STORAGE = (
    Fault("storage", "slow", chance=0.02, seconds=0.3),
    Fault("storage", "fail", chance=0.015),
    Fault("storage", "fail", chance=0.01, status="RESOURCE_EXHAUSTED"),
    Fault("storage", "fail", chance=0.005, status="INTERNAL"),
    Fault("storage", "fail", chance=0.003, status="DEADLINE_EXCEEDED"),
    Fault("storage", "lost", _UPLOADS, chance=0.015),
    Fault("storage", "cut", "GET *", chance=0.01, after=10_000),
)
_AUTH = (
    Fault("auth", "slow", chance=0.02, seconds=0.3),
    Fault("auth", "fail", chance=0.02),
    Fault("auth", "fail", chance=0.005, status="INTERNAL"),
)
_EVENTS = (
    Fault("events", "duplicate", chance=0.06),
    Fault("events", "delay", chance=0.04, seconds=1.0),
    Fault("events", "reorder", chance=0.05, seconds=0.5),
)


def mixture(seed: str) -> tuple[Fault, ...]:
    """Every fault above, between half and one and a half times as likely."""
    faults = (*_FIRESTORE, *_PUBSUB, *_STORAGE, *_AUTH, *_EVENTS)
    return tuple(
        replace(fault, chance=round(fault.chance * (0.5 + draw(seed, "rate", place)), 6))
        for place, fault in enumerate(faults)
    )
