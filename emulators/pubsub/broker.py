"""Topics, subscriptions and what connects them: publishing fans out, exhausted deliveries are buried.

`on_change(subscription)` is told of every subscription made, reconfigured or deleted (the push pumps listen).
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.config import (
    SUBSCRIPTION_UPDATES,
    TOPIC_UPDATES,
    check_changes,
    check_subscription,
    check_topic,
)
from emulators.pubsub.limits import check_publish
from emulators.pubsub.refusal import exists, failed_precondition, not_found
from emulators.pubsub.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.pubsub.queue import Delivery

DELETED_TOPIC = "_deleted-topic_"


class Broker:
    """All state of the emulator. Refuses with `Refused`; belongs to one event loop."""

    def __init__(self, on_change: Callable[[Subscription], None]) -> None:
        self.topics: dict[str, Any] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._by_topic: dict[str, dict[str, Subscription]] = {}
        self._on_change = on_change
        # Consumers remember ids to drop duplicates, so a restarted emulator must not use them again.
        self._ids = itertools.count(time.time_ns() // 1000)

    def create_topic(self, config: Any) -> Any:
        kept = check_topic(config)
        if kept.name in self.topics:
            raise exists(kept.name)
        self.topics[kept.name] = kept
        self._by_topic[kept.name] = {}
        return kept

    def topic(self, name: str) -> Any:
        if name not in self.topics:
            raise not_found(name)
        return self.topics[name]

    def update_topic(self, config: Any, mask: Any) -> Any:
        check_changes(list(mask.paths), TOPIC_UPDATES)
        changed = wire.Topic()
        changed.CopyFrom(self.topic(config.name))
        mask.MergeMessage(config, changed, True, True)
        self.topics[config.name] = check_topic(changed)
        return self.topics[config.name]

    def delete_topic(self, name: str) -> None:
        """The topic's subscriptions stay, with what they hold, under a topic that no longer exists."""
        self.topic(name)
        del self.topics[name]
        for subscription in self._by_topic.pop(name).values():
            subscription.config.topic = DELETED_TOPIC

    def create_subscription(self, config: Any) -> Subscription:
        kept = check_subscription(config)
        if kept.name in self.subscriptions:
            raise exists(kept.name)
        self.topic(kept.topic)
        subscription = Subscription(kept, self._bury)
        self.subscriptions[kept.name] = subscription
        self._by_topic[kept.topic][kept.name] = subscription
        self._on_change(subscription)
        return subscription

    def subscription(self, name: str) -> Subscription:
        found = self.subscriptions.get(name)
        if found is None:
            raise not_found(name)
        return found

    def update_subscription(self, config: Any, mask: Any) -> Subscription:
        check_changes(list(mask.paths), SUBSCRIPTION_UPDATES)
        subscription = self.subscription(config.name)
        if subscription.config.topic == DELETED_TOPIC:
            raise failed_precondition("The subscription's topic has been deleted.")
        changed = wire.Subscription()
        changed.CopyFrom(subscription.config)
        mask.MergeMessage(config, changed, True, True)
        subscription.reconfigure(check_subscription(changed))
        self._on_change(subscription)
        return subscription

    def delete_subscription(self, name: str) -> None:
        subscription = self.subscription(name)
        del self.subscriptions[name]
        self._by_topic.get(subscription.config.topic, {}).pop(name, None)
        subscription.delete()
        self._on_change(subscription)

    def subscriptions_of(self, topic: str) -> list[str]:
        self.topic(topic)
        return sorted(self._by_topic[topic])

    def publish(self, request: Any) -> list[str]:
        """The ids of the messages, in order, once every subscription of the topic has them."""
        self.topic(request.topic)
        check_publish(request)
        return [self._fan_out(request.topic, message) for message in request.messages]

    def _fan_out(self, topic: str, message: Any) -> str:
        message.message_id = str(next(self._ids))
        # Milliseconds, as the service writes them: some consumers cannot read nanoseconds.
        milliseconds = time.time_ns() // 1_000_000
        message.publish_time.seconds = milliseconds // 1000
        message.publish_time.nanos = milliseconds % 1000 * 1_000_000
        size = message.ByteSize()
        for subscription in self._by_topic[topic].values():
            subscription.add(message, size)
        return str(message.message_id)

    def _bury(self, subscription: Subscription, delivery: Delivery) -> bool:
        topic = subscription.config.dead_letter_policy.dead_letter_topic
        if topic not in self.topics:
            return False
        letter = wire.PubsubMessage()
        letter.CopyFrom(delivery.message)
        _, project, _, short = subscription.name.split("/")
        letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(delivery.attempt)
        letter.attributes["CloudPubSubDeadLetterSourceSubscription"] = short
        letter.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = project
        letter.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"] = (
            delivery.message.publish_time.ToJsonString()
        )
        self._fan_out(topic, letter)
        return True
