"""From the function table to topics, dead letter topics and push subscriptions, as the Pub/Sub emulator reads them.

Each function that listens to a topic has a push subscription `function-NAME`; what it gives up goes to the
topic's dead letter topic, where it can be pulled from a subscription of the same name, and is logged.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from emulators.events.router import PREFIX, SUBSCRIPTION_PREFIX
from functions.table import TopicTrigger

if TYPE_CHECKING:
    from functions.table import FunctionSpec

_DEAD_WINDOW = 8


def topology(table: tuple[FunctionSpec, ...], project: str, url: str) -> dict[str, Any]:
    """`url` is where the router listens. See `emulators.pubsub.topology` for the shape."""
    listeners = [(spec, spec.trigger) for spec in table if isinstance(spec.trigger, TopicTrigger)]
    topics = sorted({trigger.topic for _, trigger in listeners})
    dead = sorted({trigger.dead_letter_topic for _, trigger in listeners} - {""})
    subscriptions = [_function(spec, trigger, project, url) for spec, trigger in listeners]
    for topic in dead:
        subscriptions.append(_subscription(project, topic, topic))
        log = _subscription(project, f"{topic}-log", topic)
        subscriptions.append(log | {"pushConfig": {"pushEndpoint": f"{url}{PREFIX}dead"}})
    windows = {
        _name(project, "subscriptions", SUBSCRIPTION_PREFIX + spec.name): spec.workers
        for spec, _ in listeners
    }
    windows |= {_name(project, "subscriptions", f"{topic}-log"): _DEAD_WINDOW for topic in dead}
    return {
        "topics": [{"name": _name(project, "topics", topic)} for topic in sorted({*topics, *dead})],
        "subscriptions": subscriptions,
        # No more on their way than there are workers: waiting for a turn would use up the deadline.
        "pushWindows": windows,
    }


def _function(spec: FunctionSpec, trigger: TopicTrigger, project: str, url: str) -> dict[str, Any]:
    letters = {
        "deadLetterTopic": _name(project, "topics", trigger.dead_letter_topic),
        "maxDeliveryAttempts": spec.max_attempts,
    }
    return _subscription(project, SUBSCRIPTION_PREFIX + spec.name, trigger.topic) | {
        "ackDeadlineSeconds": max(10, min(600, math.ceil(spec.timeout_s) + 60)),
        "pushConfig": {"pushEndpoint": f"{url}{PREFIX}pubsub/{spec.name}"},
        "retryPolicy": {
            "minimumBackoff": f"{spec.min_backoff_s:.6f}s",
            "maximumBackoff": f"{spec.max_backoff_s:.6f}s",
        },
        **({"deadLetterPolicy": letters} if trigger.dead_letter_topic else {}),
    }


def _subscription(project: str, short: str, topic: str) -> dict[str, Any]:
    return {"name": _name(project, "subscriptions", short), "topic": _name(project, "topics", topic)}


def _name(project: str, kind: str, short: str) -> str:
    return f"projects/{project}/{kind}/{short}"
