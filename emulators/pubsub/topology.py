"""Topics and subscriptions to start with, from JSON in the REST API's spelling.

`{"topics": [Topic], "subscriptions": [Subscription], "pushWindows": {SUBSCRIPTION: messages at once}}`
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from emulators.pubsub import wire
from shared.errors import BadInput

if TYPE_CHECKING:
    from emulators.pubsub.broker import Broker


@dataclass(frozen=True)
class Topology:
    topics: tuple[Any, ...] = ()
    subscriptions: tuple[Any, ...] = ()
    push_windows: dict[str, int] = field(default_factory=dict)

    def create(self, broker: Broker) -> None:
        for topic in self.topics:
            broker.create_topic(topic)
        for subscription in self.subscriptions:
            broker.create_subscription(subscription)


def parse_topology(text: str) -> Topology:
    """Raises BadInput for what is not JSON, not of this shape, or names an unknown field."""
    try:
        raw = json.loads(text)
        return Topology(
            tuple(json_format.ParseDict(topic, wire.Topic()) for topic in raw.get("topics", [])),
            tuple(
                json_format.ParseDict(entry, wire.Subscription()) for entry in raw.get("subscriptions", [])
            ),
            {str(name): int(window) for name, window in raw.get("pushWindows", {}).items()},
        )
    except (ValueError, AttributeError, TypeError, json_format.ParseError) as problem:
        raise BadInput(f"reading the Pub/Sub topology: {problem}") from problem
