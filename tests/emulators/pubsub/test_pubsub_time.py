"""What days do to a broker, on a clock that the test turns: retention, snapshots' lives, unused subscriptions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from emulators.pubsub import wire
from emulators.pubsub.broker import Broker
from emulators.pubsub.queue import Holder
from emulators.pubsub.refusal import Refused
from emulators.pubsub.replay import Replay
from emulators.pubsub.streaming import streaming_pull
from emulators.pubsub.subscriber import Subscriber
from emulators.pubsub.subscription import Subscription

TOPIC = "projects/demo-firekeep/topics/topic"
DAY = 86400.0


class World:
    """A broker, its clock, and short ways to use them."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.changes: list[str] = []
        self.broker = Broker(lambda subscription: self.changes.append(subscription.name), lambda: self.now)
        self.replay = Replay(self.broker)
        self.broker.create_topic(wire.Topic(name=TOPIC))

    def subscription(self, name: str, **settings: Any) -> Subscription:
        config = wire.Subscription(
            name=f"projects/demo-firekeep/subscriptions/{name}", topic=TOPIC, **settings
        )
        return self.broker.create_subscription(config)

    def publish(self, *bodies: bytes) -> None:
        messages = [wire.PubsubMessage(data=body) for body in bodies]
        self.broker.publish(wire.PublishRequest(topic=TOPIC, messages=messages))

    def take(self, subscription: Subscription, acknowledge: bool = True) -> list[bytes]:
        leases = subscription.take(Holder(), 1000, 10**9)
        if acknowledge:
            subscription.acknowledge([lease.ack_id for lease in leases])
        return [lease.delivery.message.data for lease in leases]

    def seek(self, subscription: Subscription, **target: Any) -> None:
        self.replay.seek(wire.SeekRequest(subscription=subscription.name, **target))

    def snapshot(self, subscription: Subscription) -> Any:
        return self.replay.create_snapshot(wire.CreateSnapshotRequest(subscription=subscription.name))


def in_loop(test: Callable[[World], None]) -> None:
    async def run() -> None:
        test(World())

    asyncio.run(run())


def test_nothing_outlives_the_retention_and_sweeping_frees_it() -> None:
    def check(world: World) -> None:
        plain = world.subscription("plain", message_retention_duration={"seconds": 600})
        ordered = world.subscription(
            "ordered", message_retention_duration={"seconds": 600}, enable_message_ordering=True
        )
        messages = [wire.PubsubMessage(data=b"x", ordering_key="k") for _ in range(3)]
        world.broker.publish(wire.PublishRequest(topic=TOPIC, messages=messages))
        held = ordered.take(Holder(), 1, 100)
        world.now += 599
        world.broker.sweep()
        assert (plain.queue.backlog(), ordered.queue.backlog()) == (3, 3)
        world.now += 1
        world.broker.sweep()
        assert (plain.queue.backlog(), ordered.queue.backlog()) == (0, 1)
        ordered.acknowledge([lease.ack_id for lease in held])
        world.publish(b"fresh")
        assert world.take(plain) == world.take(ordered) == [b"fresh"]

    in_loop(check)


def test_a_pause_that_outlasts_the_retention_ends_in_nothing() -> None:
    def check(world: World) -> None:
        subscription = world.subscription(
            "paused",
            message_retention_duration={"seconds": 600},
            enable_message_ordering=True,
            retry_policy={"minimum_backoff": {"seconds": 600}, "maximum_backoff": {"seconds": 600}},
        )
        messages = [wire.PubsubMessage(data=body, ordering_key="k") for body in (b"old", b"behind")]
        world.broker.publish(wire.PublishRequest(topic=TOPIC, messages=messages[:1]))
        (lease,) = subscription.take(Holder(), 1, 100)
        world.now += 300
        world.broker.publish(wire.PublishRequest(topic=TOPIC, messages=messages[1:]))
        subscription.modify([lease.ack_id], 0)
        world.now += 301
        world.broker.sweep()
        assert world.take(subscription) == [b"behind"]

    in_loop(check)


def test_acknowledged_messages_are_retained_no_longer_than_others() -> None:
    def check(world: World) -> None:
        subscription = world.subscription(
            "keeps", message_retention_duration={"seconds": 600}, retain_acked_messages=True
        )
        world.publish(b"a")
        world.take(subscription)
        world.now += 599
        world.seek(subscription, time={"seconds": 0})
        assert world.take(subscription) == [b"a"]
        world.now += 1
        assert subscription.queue.acknowledged(world.now) == []
        world.broker.sweep()
        assert not subscription.queue._acked
        world.seek(subscription, time={"seconds": 0})
        assert world.take(subscription) == []

    in_loop(check)


def test_a_lease_is_over_when_its_time_is_up_whether_or_not_anyone_looked() -> None:
    def check(world: World) -> None:
        subscription = world.subscription("sub")
        world.publish(b"a", b"b")
        first, second = (lease.ack_id for lease in subscription.take(Holder(), 2, 100))
        world.now += 9.999
        assert subscription.acknowledge([first]) == []
        world.now += 0.002  # a fraction of a second has no exact place in a float
        assert subscription.acknowledge([second]) == [second]
        (again,) = (lease.ack_id for lease in subscription.take(Holder(), 2, 100))
        world.now += 10.001
        assert subscription.modify([again], 10) == [again]
        assert world.take(subscription) == [b"b"]

    in_loop(check)


def test_a_topics_retention_outweighs_a_shorter_one_of_its_subscription() -> None:
    def check(world: World) -> None:
        change = wire.Topic(name=TOPIC, message_retention_duration={"seconds": 3600})
        world.broker.update_topic(change, _mask("message_retention_duration"))
        subscription = world.subscription("short", message_retention_duration={"seconds": 600})
        world.publish(b"a")
        world.now += 3599
        world.broker.sweep()
        assert world.take(subscription) == [b"a"]
        world.seek(subscription, time={"seconds": 0})
        assert world.take(subscription) == [b"a"]
        world.now += 1
        world.broker.sweep()
        assert not world.broker.topic(TOPIC).log
        world.seek(subscription, time={"seconds": 0})
        assert world.take(subscription) == []

    in_loop(check)


def test_what_a_topic_retained_goes_with_it() -> None:
    def check(world: World) -> None:
        change = wire.Topic(name=TOPIC, message_retention_duration={"seconds": 3600})
        world.broker.update_topic(change, _mask("message_retention_duration"))
        subscription = world.subscription("sub")
        world.publish(b"acknowledged")
        world.take(subscription)
        world.publish(b"backlog")
        world.broker.delete_topic(TOPIC)
        world.seek(subscription, time={"seconds": 0})
        assert world.take(subscription) == [b"backlog"]

    in_loop(check)


def test_a_snapshot_lives_seven_days_from_its_oldest_message_and_at_least_an_hour() -> None:
    def check(world: World) -> None:
        subscription = world.subscription("sub")
        world.publish(b"old")
        published = world.now
        world.now += 6 * DAY
        snapshot = world.snapshot(subscription)
        assert snapshot.expire_time.seconds == published + 7 * DAY
        world.now = published + 7 * DAY - 3601
        world.snapshot(subscription)
        world.now += 2
        with pytest.raises(Refused, match="less than an hour"):
            world.snapshot(subscription)
        world.now = published + 7 * DAY
        with pytest.raises(Refused, match="not found"):
            world.seek(subscription, snapshot=snapshot.name)
        world.broker.sweep()
        assert not world.broker.snapshots
        assert not world.broker.topic(TOPIC).snapshots

    in_loop(check)


def test_what_a_snapshot_holds_outlives_the_retention() -> None:
    def check(world: World) -> None:
        subscription = world.subscription("sub", message_retention_duration={"seconds": 600})
        world.publish(b"a")
        snapshot = world.snapshot(subscription)
        world.now += DAY
        world.seek(subscription, snapshot=snapshot.name)
        world.broker.sweep()
        assert world.take(subscription) == [b"a"]

    in_loop(check)


def test_a_subscription_nobody_uses_is_deleted_and_one_in_use_is_not() -> None:
    def check(world: World) -> None:
        idle = world.subscription("idle")
        used = world.subscription("used", expiration_policy={"ttl": {"seconds": int(DAY)}})
        never = world.subscription("never", expiration_policy={})
        for _ in range(30):
            world.now += DAY - 1
            world.broker.sweep()
            used.touch()
        assert idle.name in world.broker.subscriptions
        world.now += 2 * DAY
        world.broker.sweep()
        assert list(world.broker.subscriptions) == [never.name]
        assert idle.deleted
        assert used.deleted
        assert list(world.broker.topic(TOPIC).subscriptions) == [never.name]
        assert world.changes[-2:] == [idle.name, used.name]

    in_loop(check)


def test_waiting_for_messages_counts_as_use_though_none_come() -> None:
    async def run() -> None:
        world = World()
        pulled, streamed, idle = (
            world.subscription(name, expiration_policy={"ttl": {"seconds": int(DAY)}})
            for name in ("pulled", "streamed", "idle")
        )
        world.now += DAY - 1
        request = wire.PullRequest(subscription=pulled.name, max_messages=1, return_immediately=True)
        await Subscriber(world.broker).pull(request, Context())
        await streaming_pull(world.broker, opened(streamed.name), Context())
        world.now += 1
        world.broker.sweep()
        assert list(world.broker.subscriptions) == [pulled.name, streamed.name]
        assert idle.deleted

    asyncio.run(run())


class Context:
    """A call whose caller waits for ever and reads nothing."""

    def time_remaining(self) -> None:
        return None

    async def write(self, _: Any) -> None:
        await asyncio.sleep(0)


async def opened(subscription: str) -> AsyncIterator[Any]:
    yield wire.StreamingPullRequest(subscription=subscription, stream_ack_deadline_seconds=10)
    await asyncio.sleep(0.05)


def test_acknowledging_counts_as_use() -> None:
    def check(world: World) -> None:
        subscription = world.subscription("used", expiration_policy={"ttl": {"seconds": int(DAY)}})
        world.publish(b"a")
        world.now += DAY - 1
        assert world.take(subscription) == [b"a"]
        world.now += DAY - 1
        world.broker.sweep()
        assert not subscription.deleted

    in_loop(check)


def _mask(*paths: str) -> Any:
    return wire.UpdateTopicRequest(update_mask={"paths": paths}).update_mask
