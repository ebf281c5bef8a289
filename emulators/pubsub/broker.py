"""Topics, subscriptions and what connects them: publishing fans out, exhausted deliveries are buried.

`on_change(subscription)` is told of every subscription made, reconfigured, detached or deleted (the push pumps
listen). `subscribe` makes a subscription. What is past its time goes when `sweep` is called.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from emulators.pubsub import wire
from emulators.pubsub.clock import Clock, steady_clock
from emulators.pubsub.config import (
    SUBSCRIPTION_UPDATES,
    TOPIC_UPDATES,
    check_changes,
    check_subscription,
    check_topic,
    expires_after,
)
from emulators.pubsub.limits import check_publish
from emulators.pubsub.names import check_name
from emulators.pubsub.refusal import exists, failed_precondition, not_found
from emulators.pubsub.stored import Stored
from emulators.pubsub.subscription import Subscription
from emulators.pubsub.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.pubsub.queue import Delivery
    from emulators.pubsub.snapshot import Snapshot

T = TypeVar("T")
DELETED_TOPIC = "_deleted-topic_"


class Broker:
    """All state of the emulator. Refuses with `Refused`; belongs to one event loop."""

    def __init__(
        self,
        on_change: Callable[[Subscription], None],
        clock: Clock | None = None,
        subscribe: Callable[..., Subscription] = Subscription,
    ) -> None:
        self.clock = clock or steady_clock()
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._on_change = on_change
        self._subscribe = subscribe
        # Consumers remember ids to drop duplicates, so a restarted emulator must not use them again.
        self._numbers = itertools.count(int(self.clock() * 1e6))

    def create_topic(self, config: Any) -> Topic:
        kept = check_topic(config)
        if kept.name in self.topics:
            raise exists(kept.name)
        self.topics[kept.name] = Topic(kept)
        return self.topics[kept.name]

    def topic(self, name: str) -> Topic:
        return _found(self.topics, name)

    def update_topic(self, config: Any, mask: Any) -> Topic:
        check_changes(list(mask.paths), TOPIC_UPDATES)
        topic = self.topic(config.name)
        changed = wire.Topic()
        changed.CopyFrom(topic.config)
        mask.MergeMessage(config, changed, True, True)
        topic.config = check_topic(changed)
        for subscription in topic.subscriptions.values():
            subscription.reconfigure(check_subscription(subscription.config, topic.config))
        return topic

    def delete_topic(self, name: str) -> None:
        """Its subscriptions and snapshots stay, with what they hold, under a topic that no longer exists."""
        topic = self.topic(name)
        del self.topics[name]
        topic.log.clear()
        for subscription in topic.subscriptions.values():
            subscription.config.topic = DELETED_TOPIC
        for snapshot in topic.snapshots.values():
            snapshot.config.topic = DELETED_TOPIC

    def create_subscription(self, config: Any) -> Subscription:
        if not config.name:
            config.name = self.invent_name(config.topic, "subscriptions")
        check_name(config.topic, "topics")
        topic = self.topics.get(config.topic)
        kept = check_subscription(config, topic.config if topic else wire.Topic())
        if kept.name in self.subscriptions:
            raise exists(kept.name)
        if topic is None:
            raise not_found(config.topic)
        subscription = self._subscribe(kept, topic, self.clock, self._bury)
        self.subscriptions[kept.name] = subscription
        topic.subscriptions[kept.name] = subscription
        self._on_change(subscription)
        return subscription

    def subscription(self, name: str) -> Subscription:
        return _found(self.subscriptions, name)

    def update_subscription(self, config: Any, mask: Any) -> Subscription:
        check_changes(list(mask.paths), SUBSCRIPTION_UPDATES)
        subscription = self.attached(config.name)
        changed = wire.Subscription()
        changed.CopyFrom(subscription.config)
        mask.MergeMessage(config, changed, True, True)
        subscription.reconfigure(check_subscription(changed, subscription.source.config))
        self._on_change(subscription)
        return subscription

    def delete_subscription(self, name: str) -> None:
        subscription = self.subscription(name)
        del self.subscriptions[name]
        subscription.source.subscriptions.pop(name, None)
        subscription.delete()
        self._on_change(subscription)

    def detach_subscription(self, name: str) -> None:
        """It stays, empty, and never receives anything again."""
        subscription = self.subscription(name)
        subscription.source.subscriptions.pop(name, None)
        subscription.detach()
        self._on_change(subscription)

    def attached(self, name: str) -> Subscription:
        """A subscription that still receives from a topic, refused when it does not."""
        subscription = self.subscription(name)
        if subscription.config.detached:
            raise failed_precondition("The subscription is detached from its topic.")
        if subscription.config.topic == DELETED_TOPIC:
            raise failed_precondition("The subscription's topic has been deleted.")
        return subscription

    def publish(self, request: Any) -> list[str]:
        """The ids of the messages, in order, once every subscription of the topic has them."""
        topic = self.topic(request.topic)
        check_publish(request)
        return [self._fan_out(topic, message) for message in request.messages]

    def invent_name(self, sibling: str, kind: str) -> str:
        """A name for a resource its maker has not named, in the project of `sibling`."""
        return f"{'/'.join(sibling.split('/')[:2])}/{kind}/{kind[:3]}-{next(self._numbers)}"

    def sweep(self) -> None:
        """Lets go of messages past their retention, and of snapshots and unused subscriptions past theirs."""
        now = self.clock()
        for snapshot in [each for each in self.snapshots.values() if each.expires <= now]:
            self.drop_snapshot(snapshot)
        for topic in self.topics.values():
            topic.retained(now)
        for subscription in list(self.subscriptions.values()):
            ttl = expires_after(subscription.config)
            if ttl is not None and subscription.used + ttl <= now:
                self.delete_subscription(subscription.name)
            else:
                subscription.queue.forget(now)

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        del self.snapshots[snapshot.config.name]
        del snapshot.source.snapshots[snapshot.config.name]

    def _fan_out(self, topic: Topic, message: Any) -> str:
        number = next(self._numbers)
        message.message_id = str(number)
        # Milliseconds, as the service writes them: some consumers cannot read nanoseconds.
        milliseconds = int(self.clock() * 1000)
        message.publish_time.seconds = milliseconds // 1000
        message.publish_time.nanos = milliseconds % 1000 * 1_000_000
        topic.publish(Stored(message, message.ByteSize(), number, milliseconds))
        return str(number)

    def _bury(self, subscription: Subscription, delivery: Delivery) -> bool:
        topic = self.topics.get(subscription.config.dead_letter_policy.dead_letter_topic)
        if topic is None:
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


def _found(resources: dict[str, T], name: str) -> T:
    found = resources.get(name)
    if found is None:
        raise not_found(name)
    return found
