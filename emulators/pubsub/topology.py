"""Topics and subscriptions to start with, from JSON in the REST API's spelling.

`{"topics": [Topic], "subscriptions": [Subscription], "pushWindows": {SUBSCRIPTION: messages at once}}`
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from emulators.pubsub import wire
from emulators.pubsub.config import check_subscription
from shared.errors import BadInput

if TYPE_CHECKING:
    from emulators.pubsub.broker import Broker

# What cannot change while a subscription lives.
_FIXED = ("topic", "filter", "enable_message_ordering")


@dataclass(frozen=True)
class Topology:
    topics: tuple[Any, ...] = ()
    subscriptions: tuple[Any, ...] = ()
    push_windows: dict[str, int] = field(default_factory=dict)

    def create(self, broker: Broker) -> None:
        """Makes what is not there and changes what is there otherwise; what an earlier one made and this one does
        not name goes, but for topics: others may use them."""
        for topic in self.topics:
            if topic.name not in broker.topics:
                broker.create_topic(topic)
        wanted = {subscription.name for subscription in self.subscriptions}
        for name in sorted(broker.keeper.owned() - wanted):
            if name in broker.subscriptions:
                broker.delete_subscription(name)
        for subscription in self.subscriptions:
            _settle(broker, subscription)
        broker.keeper.own(wanted)


def _settle(broker: Broker, wanted: Any) -> None:
    existing = broker.subscriptions.get(wanted.name)
    if existing is not None:
        kept = check_subscription(wanted, broker.topic(wanted.topic).config)
        if not existing.config.detached and all(
            getattr(kept, name) == getattr(existing.config, name) for name in _FIXED
        ):
            broker.reconfigure(existing, kept)
            return
        broker.delete_subscription(wanted.name)
    broker.create_subscription(wanted)


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
