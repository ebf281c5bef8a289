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
from emulators.pubsub.keeping import Keeper, gone, number_key, snapshot_row, subscription_row, topic_row
from emulators.pubsub.limits import check_publish
from emulators.pubsub.names import check_name
from emulators.pubsub.refusal import Refused, exists, failed_precondition, not_found
from emulators.pubsub.stored import Stored
from emulators.pubsub.subscription import Subscription
from emulators.pubsub.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
        keeper: Keeper | None = None,
    ) -> None:
        self.keeper = keeper or Keeper()
        self.clock = clock or steady_clock()
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._on_change = on_change
        self._subscribe = subscribe
        # Consumers remember ids to drop duplicates, so a restarted emulator must not use them again.
        self._numbers = itertools.count(int(self.clock() * 1e6))

    def next_number(self, at_least: int = 0) -> int:
        """A number that was never given before, and is not below `at_least`."""
        number = next(self._numbers)
        if number < at_least:
            self._numbers = itertools.count(at_least + 1)
            number = at_least
        self.keeper.note("number", b"", number_key(number))
        return number

    def create_topic(self, config: Any) -> Topic:
        kept = check_topic(config)
        if kept.name in self.topics:
            raise exists(kept.name)
        topic = Topic(kept, self.next_number(), self.keeper)
        self.keeper.write([topic_row(topic)])
        self.topics[kept.name] = topic
        return topic

    def topic(self, name: str) -> Topic:
        return _found(self.topics, name)

    def update_topic(self, config: Any, mask: Any) -> Topic:
        check_changes(list(mask.paths), TOPIC_UPDATES)
        topic = self.topic(config.name)
        changed = wire.Topic()
        changed.CopyFrom(topic.config)
        mask.MergeMessage(config, changed, True, True)
        kept = check_topic(changed)
        listeners = [(each, check_subscription(each.config, kept)) for each in topic.subscriptions.values()]
        rows = [subscription_row(subscription, config) for subscription, config in listeners]
        self.keeper.write([topic_row(topic, kept), *rows])
        topic.config = kept
        for subscription, changed_too in listeners:
            subscription.reconfigure(changed_too)
        return topic

    def delete_topic(self, name: str) -> None:
        """Its subscriptions and snapshots stay, with what they hold, under a topic that no longer exists."""
        topic = self.topic(name)
        listeners = [(each, _orphaned(each.config)) for each in topic.subscriptions.values()]
        snapshots = [(each, _orphaned(each.config)) for each in topic.snapshots.values()]
        self.keeper.write(
            [
                *gone("topic", topic.number, "logged", topic.log),
                *(subscription_row(subscription, config) for subscription, config in listeners),
                *(snapshot_row(snapshot, config) for snapshot, config in snapshots),
            ]
        )
        del self.topics[name]
        topic.log.clear()
        for subscription, config in listeners:
            subscription.config = config
        for snapshot, config in snapshots:
            snapshot.config = config

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
        subscription.number = self.next_number()
        self.keeper.write([subscription_row(subscription)])
        self.add_subscription(subscription)
        return subscription

    def add_subscription(self, subscription: Subscription) -> None:
        """Takes in a subscription that is kept already; one without a topic receives nothing."""
        self.keeper.follow(subscription)
        self.subscriptions[subscription.name] = subscription
        if not subscription.config.detached:
            subscription.source.subscriptions[subscription.name] = subscription
        self._on_change(subscription)

    def recall_subscription(self, config: Any, source: Topic, number: int) -> Subscription:
        """A subscription as it was kept, not yet taken in."""
        subscription = self._subscribe(config, source, self.clock, self._bury)
        subscription.number = number
        return subscription

    def subscription(self, name: str) -> Subscription:
        return _found(self.subscriptions, name)

    def update_subscription(self, config: Any, mask: Any) -> Subscription:
        check_changes(list(mask.paths), SUBSCRIPTION_UPDATES)
        subscription = self.attached(config.name)
        changed = wire.Subscription()
        changed.CopyFrom(subscription.config)
        mask.MergeMessage(config, changed, True, True)
        self.reconfigure(subscription, check_subscription(changed, subscription.source.config))
        return subscription

    def reconfigure(self, subscription: Subscription, config: Any) -> None:
        """`config` has been checked."""
        self.keeper.write([subscription_row(subscription, config)])
        subscription.reconfigure(config)
        self._on_change(subscription)

    def delete_subscription(self, name: str) -> None:
        subscription = self.subscription(name)
        messages = [*subscription.queue.unacknowledged(), *subscription.queue.retained()]
        self.keeper.write(gone("subscription", subscription.number, "delivery", messages))
        del self.subscriptions[name]
        subscription.source.subscriptions.pop(name, None)
        subscription.queue.note = None
        subscription.delete()
        self._on_change(subscription)

    def detach_subscription(self, name: str) -> None:
        """It stays, empty, and never receives anything again."""
        subscription = self.subscription(name)
        detached = wire.Subscription()
        detached.CopyFrom(subscription.config)
        detached.detached = True
        self.keeper.write([subscription_row(subscription, detached)])
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
        return self._fan_out(topic, request.messages)

    def invent_name(self, sibling: str, kind: str) -> str:
        """A name for a resource its maker has not named, in the project of `sibling`."""
        return f"{'/'.join(sibling.split('/')[:2])}/{kind}/{kind[:3]}-{self.next_number()}"

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

    def add_snapshot(self, snapshot: Snapshot) -> None:
        held = [("held", number_key(snapshot.number, each.number), b"") for each in snapshot.messages]
        self.keeper.write([snapshot_row(snapshot), *held])
        self.snapshots[snapshot.config.name] = snapshot
        snapshot.source.snapshots[snapshot.config.name] = snapshot

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        self.keeper.write(gone("snapshot", snapshot.number, "held", snapshot.messages))
        del self.snapshots[snapshot.config.name]
        del snapshot.source.snapshots[snapshot.config.name]

    def set_policy(self, resource: Topic | Subscription | Snapshot, policy: Any) -> None:
        """Sets who may do what with a resource: nobody looks at it but those who ask for it."""
        match resource:
            case Topic():
                row = topic_row(resource, policy=policy)
            case Subscription():
                row = subscription_row(resource, policy=policy)
            case _:
                row = snapshot_row(resource, policy=policy)
        self.keeper.write([row])
        resource.policy = policy

    def _fan_out(self, topic: Topic, messages: Iterable[Any]) -> list[str]:
        stored = [self._stamped(message) for message in messages]
        self.keeper.publish(stored)
        for each in stored:
            topic.publish(each)
        return [str(each.number) for each in stored]

    def _stamped(self, message: Any) -> Stored:
        number = self.next_number()
        message.message_id = str(number)
        # Milliseconds, as the service writes them: some consumers cannot read nanoseconds.
        milliseconds = int(self.clock() * 1000)
        message.publish_time.seconds = milliseconds // 1000
        message.publish_time.nanos = milliseconds % 1000 * 1_000_000
        return Stored(message, message.ByteSize(), number, milliseconds)

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
        try:
            self._fan_out(topic, [letter])
        except Refused:
            # There is no room for it: it stays where it is.
            return False
        return True


def _orphaned(config: Any) -> Any:
    """The configuration of what has outlived its topic."""
    changed = type(config)()
    changed.CopyFrom(config)
    changed.topic = DELETED_TOPIC
    return changed


def _found(resources: dict[str, T], name: str) -> T:
    found = resources.get(name)
    if found is None:
        raise not_found(name)
    return found
