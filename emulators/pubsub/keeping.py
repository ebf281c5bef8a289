"""The state on a shelf: what changes is written before the call that changed it is answered.

On the shelf are, by kind (numbers are eight bytes, those of one emulator never repeat):
    number        → the last number given
    topic         number → configuration, policy
    subscription  number → number of its topic, configuration, policy
    snapshot      number → number of its topic, configuration, policy
    message       number → PubsubMessage; there as long as anything refers to it
    logged        topic, message → nothing: the topic retains it
    held          snapshot, message → nothing
    delivery      subscription, message → outstanding with its attempts, or acknowledged and retained
    owned         → the subscriptions that the topology made, as JSON
Leases are not kept: what was in someone's hands is delivered again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
import weakref
from collections import deque
from typing import TYPE_CHECKING

from emulators.pubsub.refusal import Refused, exhausted
from shared.errors import StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emulators.pubsub.queue import Delivery
    from emulators.pubsub.snapshot import Snapshot
    from emulators.pubsub.stored import Stored
    from emulators.pubsub.subscription import Subscription
    from emulators.pubsub.topic import Topic
    from emulators.shelf import Change, Shelf

log = logging.getLogger(__name__)

ACKNOWLEDGED = b"\x01"
_OUTSTANDING = struct.Struct(">BId")
_SIZE = struct.Struct(">I")


def number_key(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "big") for number in numbers)


def numbers_of(key: bytes) -> list[int]:
    return [int.from_bytes(key[at : at + 8], "big") for at in range(0, len(key), 8)]


def join(*parts: bytes) -> bytes:
    """Several values in one."""
    return b"".join(_SIZE.pack(len(part)) + part for part in parts)


def split(value: bytes) -> list[bytes]:
    """What was joined."""
    parts = []
    at = 0
    while at < len(value):
        start = at + _SIZE.size
        at = start + _SIZE.unpack_from(value, start - _SIZE.size)[0]
        parts.append(value[start:at])
    return parts


def outstanding(delivery: Delivery) -> bytes:
    return _OUTSTANDING.pack(0, delivery.attempt, delivery.kept_until)


def attempts_of(value: bytes) -> tuple[int, float]:
    """Attempt and `kept_until` of an outstanding delivery."""
    _, attempt, kept_until = _OUTSTANDING.unpack(value)
    return attempt, kept_until


def topic_row(topic: Topic, config: object = None, policy: object = None) -> Change:
    """The row of a topic, with another configuration or policy when there is one to be."""
    return (
        "topic",
        number_key(topic.number),
        join(*map(_bytes, (config or topic.config, policy or topic.policy))),
    )


def subscription_row(subscription: Subscription, config: object = None, policy: object = None) -> Change:
    return _sourced(
        "subscription", subscription, config or subscription.config, policy or subscription.policy
    )


def snapshot_row(snapshot: Snapshot, config: object = None, policy: object = None) -> Change:
    return _sourced("snapshot", snapshot, config or snapshot.config, policy or snapshot.policy)


def _sourced(kind: str, resource: Subscription | Snapshot, config: object, policy: object) -> Change:
    parts = (number_key(resource.source.number), _bytes(config), _bytes(policy))
    return kind, number_key(resource.number), join(*parts)


def _bytes(message: object) -> bytes:
    return bytes(message.SerializeToString())  # type: ignore[attr-defined]


def gone(kind: str, number: int, part: str = "", stored: Iterable[Stored] = ()) -> list[Change]:
    """A resource is no more, nor what it referred to."""
    rows: list[Change] = [(part, number_key(number, each.number), None) for each in stored]
    return [(kind, number_key(number), None), *rows]


class Keeper:
    """Without a shelf, nothing is kept and nothing costs. Belongs to the broker's loop."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.shelf = shelf
        self._noted: dict[tuple[str, bytes], bytes | None] = {}
        self._unused: deque[int] = deque()
        self._scheduled = False

    def write(self, changes: Iterable[Change]) -> None:
        """Keeps all of it, and what was noted. RESOURCE_EXHAUSTED when it cannot; what was noted stays so."""
        if self.shelf is None:
            return
        unused = [self._unused.popleft() for _ in range(len(self._unused))]
        self._noted.update((("message", number_key(number)), None) for number in unused)
        rows = [*((kind, key, value) for (kind, key), value in self._noted.items()), *changes]
        if not rows:
            return
        try:
            self.shelf.write(rows)
        except StorageFull as problem:
            log.error("%s", problem)
            raise exhausted(f"The change cannot be kept: {problem}") from problem
        self._noted.clear()

    def note(self, kind: str, key: bytes, value: bytes | None) -> None:
        """How a row is to be, before the loop turns to anything else or when something is written: what is first."""
        if self.shelf is None:
            return
        self._noted[kind, key] = value
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_later)

    def flush(self) -> None:
        """Writes what was noted. RESOURCE_EXHAUSTED when it cannot; it will be tried again."""
        if self._noted or self._unused:
            self.write(())

    def settle(self) -> None:
        """As `flush`, but nobody waits for the answer: a failure is logged."""
        try:
            self.flush()
        except Refused as refusal:
            log.warning("to be tried again: %s", refusal.message)

    def _flush_later(self) -> None:
        self._scheduled = False
        self.settle()

    # The topology's

    def owned(self) -> set[str]:
        """The subscriptions that the topology of an earlier run made."""
        rows = dict(self.shelf.items("owned")) if self.shelf is not None else {}
        return set(json.loads(rows.get(b"", b"[]")))

    def own(self, names: Iterable[str]) -> None:
        """These are the topology's."""
        self.write([("owned", b"", json.dumps(sorted(names)).encode())])

    # Messages

    def publish(self, messages: list[Stored]) -> None:
        """Keeps messages before anyone gets them, and until nothing refers to them."""
        if self.shelf is None:
            return
        self.write([("message", number_key(each.number), _bytes(each.message)) for each in messages])
        for each in messages:
            self.watch(each)

    def watch(self, stored: Stored) -> None:
        """The message goes from the shelf once nothing in memory refers to it."""
        weakref.finalize(stored, self._unused.append, stored.number).atexit = False

    def follow(self, subscription: Subscription) -> None:
        """Keeps what becomes of each message of a subscription."""
        if self.shelf is None:
            return

        def note(stored: Stored, delivery: Delivery | None, acknowledged: bool) -> None:
            value = outstanding(delivery) if delivery else ACKNOWLEDGED if acknowledged else None
            self.note("delivery", number_key(subscription.number, stored.number), value)

        subscription.queue.note = note

    def retain(self, topic: Topic, stored: Stored, retained: bool) -> None:
        """Whether a topic retains a message."""
        self.note("logged", number_key(topic.number, stored.number), b"" if retained else None)

    def hold(self, snapshot: Snapshot, stored: Stored) -> None:
        """A snapshot holds a message."""
        self.note("held", number_key(snapshot.number, stored.number), b"")
