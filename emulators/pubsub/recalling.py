"""What a shelf has, taken into a broker that is empty: the reverse of `emulators.pubsub.keeping`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from emulators.pubsub import wire
from emulators.pubsub.keeping import ACKNOWLEDGED, attempts_of, numbers_of, split
from emulators.pubsub.queue import Delivery
from emulators.pubsub.snapshot import Snapshot
from emulators.pubsub.stored import Stored
from emulators.pubsub.topic import Topic
from shared.errors import BadInput

if TYPE_CHECKING:
    from emulators.pubsub.broker import Broker
    from emulators.pubsub.subscription import Subscription
    from emulators.shelf import Shelf


def recall(broker: Broker) -> None:
    """Raises BadInput for a state that does not fit together."""
    shelf = broker.keeper.shelf
    if shelf is None:
        return
    try:
        _Recall(broker, shelf).everything()
    except (KeyError, ValueError, DecodeError, struct.error) as problem:
        raise BadInput(
            f"reading {shelf.path}: it is damaged ({type(problem).__name__})",
            hint="choose another directory",
        ) from problem


class _Recall:
    def __init__(self, broker: Broker, shelf: Shelf) -> None:
        self._broker = broker
        self._shelf = shelf
        self._topics: dict[int, Topic] = {}
        self._messages = {numbers_of(key)[0]: _stored(key, value) for key, value in shelf.items("message")}

    def everything(self) -> None:
        self._read_topics()
        subscriptions = self._read_subscriptions()
        snapshots = self._read_snapshots()
        for stored in self._messages.values():
            self._broker.keeper.watch(stored)
        for subscription in subscriptions.values():
            self._broker.add_subscription(subscription)
        for snapshot in snapshots.values():
            self._broker.snapshots[snapshot.config.name] = snapshot
            snapshot.source.snapshots[snapshot.config.name] = snapshot
        last = max((numbers_of(value)[0] for _, value in self._shelf.items("number")), default=0)
        self._broker.next_number(last + 1)

    def _read_topics(self) -> None:
        for key, value in self._shelf.items("topic"):
            config, policy = split(value)
            (number,) = numbers_of(key)
            topic = Topic(wire.Topic.FromString(config), number, self._broker.keeper)
            topic.policy = wire.Policy.FromString(policy)
            self._topics[number] = self._broker.topics[topic.config.name] = topic
        for key, _ in self._shelf.items("logged"):
            number, message = numbers_of(key)
            self._topics[number].log.append(self._messages[message])

    def _read_subscriptions(self) -> dict[int, Subscription]:
        found = {}
        for key, value in self._shelf.items("subscription"):
            source, config, policy = split(value)
            (number,) = numbers_of(key)
            found[number] = self._broker.recall_subscription(
                wire.Subscription.FromString(config), self._source(source), number
            )
            found[number].policy = wire.Policy.FromString(policy)
        # By subscription, and in the order of publishing within it.
        for key, value in self._shelf.items("delivery"):
            number, message = numbers_of(key)
            stored = self._messages[message]
            delivery = None if value == ACKNOWLEDGED else Delivery(stored, *attempts_of(value))
            found[number].queue.recall(stored, delivery)
        return found

    def _read_snapshots(self) -> dict[int, Snapshot]:
        found = {}
        for key, value in self._shelf.items("snapshot"):
            source, config, policy = split(value)
            (number,) = numbers_of(key)
            found[number] = Snapshot(wire.Snapshot.FromString(config), self._source(source), [], number)
            found[number].policy = wire.Policy.FromString(policy)
        for key, _ in self._shelf.items("held"):
            number, message = numbers_of(key)
            found[number].messages.append(self._messages[message])
        return found

    def _source(self, key: bytes) -> Topic:
        """The topic of a number: one that was deleted lives on for those that came from it."""
        (number,) = numbers_of(key)
        return self._topics.setdefault(number, Topic(wire.Topic(), number, self._broker.keeper))


def _stored(key: bytes, value: bytes) -> Stored:
    message = wire.PubsubMessage.FromString(value)
    milliseconds = message.publish_time.seconds * 1000 + message.publish_time.nanos // 1_000_000
    return Stored(message, len(value), numbers_of(key)[0], milliseconds)
