"""One subscription's messages: ready, leased, or waiting for a retry. No I/O and no clock of its own.

Promises: a message leaves only by acknowledgement, by retention, by a seek, or by being accepted as a dead letter;
a lease that is not acknowledged in time is delivered again, after the policy's backoff, exactly; messages
with the same ordering key are delivered one after the other, in the order they were published.
"""

from __future__ import annotations

import heapq
import itertools
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from emulators.pubsub.stored import Stored

_SLACK = 1024
# Whoever acknowledges what another process of this emulator has handed out must not meet a lease of this one.
_serials = itertools.count(secrets.randbits(60))


@dataclass(frozen=True)
class QueuePolicy:
    """Times in seconds. `max_attempts` is None without a dead letter policy; `retain_acked` keeps what was
    acknowledged, as long as what was not."""

    ack_deadline_s: float = 10.0
    min_backoff_s: float = 0.0
    max_backoff_s: float = 0.0
    max_attempts: int | None = None
    retention_s: float = 7 * 86400.0
    ordered: bool = False
    retain_acked: bool = False

    def backoff(self, failures: int) -> float:
        """How long to wait after the n-th failed attempt: doubling from the minimum to the maximum."""
        return min(self.max_backoff_s, self.min_backoff_s * 2.0 ** min(failures - 1, 64))


@dataclass(slots=True, eq=False)
class Delivery:
    """A message on its way through one subscription. `attempt` counts deliveries, from 1; whatever the
    retention says, it is kept until `kept_until`."""

    stored: Stored
    attempt: int = 0
    kept_until: float = 0.0

    @property
    def message(self) -> Any:
        return self.stored.message


@dataclass(slots=True, eq=False)
class Holder:
    """What one receiver has in hand, how much it wants at most (0: no limit), and how long it asks for
    before it must acknowledge (0: as the subscription says)."""

    max_messages: int = 0
    max_bytes: int = 0
    ack_deadline_s: float = 0.0
    messages: int = 0
    bytes: int = 0

    def full(self) -> bool:
        return bool(
            (self.max_messages and self.messages >= self.max_messages)
            or (self.max_bytes and self.bytes >= self.max_bytes)
        )


@dataclass(slots=True, eq=False)
class Lease:
    """One delivery handed out until `deadline`."""

    ack_id: str
    delivery: Delivery
    holder: Holder
    deadline: float


@dataclass(slots=True)
class SubscriptionQueue:
    """`bury` is offered a delivery that has used up its attempts; it answers whether it took it.

    `note` is told how it is with a message whenever that changes: on its way with a delivery, or without one
    acknowledged and retained, or gone.
    """

    policy: QueuePolicy
    bury: Callable[[Delivery], bool]
    note: Callable[[Stored, Delivery | None, bool], None] | None = None
    _ready: deque[Delivery] = field(default_factory=deque)
    _waiting: list[tuple[float, int, Delivery]] = field(default_factory=list)
    _leases: dict[str, Lease] = field(default_factory=dict)
    _deadlines: list[tuple[float, str]] = field(default_factory=list)
    _behind: dict[str, deque[Delivery]] = field(default_factory=dict)
    _acked: dict[Stored, None] = field(default_factory=dict)

    def add(self, stored: Stored) -> None:
        self._enter(Delivery(stored))

    def postpone(self, stored: Stored, at: float) -> None:
        """Adds a message that is not ready before `at`."""
        delivery = Delivery(stored)
        self._tell(stored, delivery)
        heapq.heappush(self._waiting, (at, next(_serials), delivery))

    def hasten(self, stored: Stored) -> None:
        """Has the next `advance` make a message ready that waits."""
        self._waiting = [(0.0 if each[2].stored is stored else each[0], *each[1:]) for each in self._waiting]
        heapq.heapify(self._waiting)

    def recall(self, stored: Stored, delivery: Delivery | None) -> None:
        """Takes in a message that was kept, in the order of publishing; without a delivery an acknowledged one."""
        if delivery is None:
            self._acked[stored] = None
        else:
            self._enter(delivery)

    def _tell(self, stored: Stored, delivery: Delivery | None = None) -> None:
        if self.note is not None:
            self.note(stored, delivery, stored in self._acked)

    def _enter(self, delivery: Delivery) -> None:
        self._tell(delivery.stored, delivery)
        key = delivery.message.ordering_key
        if not (self.policy.ordered and key):
            self._ready.append(delivery)
        elif key in self._behind:
            self._behind[key].append(delivery)
        else:
            self._behind[key] = deque()
            self._ready.append(delivery)

    def take(self, holder: Holder, now: float, most: int, most_bytes: int) -> list[Lease]:
        """Leases up to `most` ready messages of together `most_bytes`, or one, within the holder's limits."""
        taken: list[Lease] = []
        while self._ready and len(taken) < most and not holder.full():
            if taken and self._ready[0].stored.size > most_bytes:
                break
            delivery = self._ready.popleft()
            if self._expired(delivery, now):
                self._settled(delivery)
                self._tell(delivery.stored)
                continue
            most_bytes -= delivery.stored.size
            taken.append(self._lease(delivery, holder, now))
        return taken

    def acknowledge(self, ack_id: str) -> bool:
        """False when the lease is unknown or has run out: the message is, or will be, delivered again."""
        lease = self._end(ack_id)
        if lease is None:
            return False
        if self.policy.retain_acked:
            self._acked[lease.delivery.stored] = None
        self._settled(lease.delivery)
        self._tell(lease.delivery.stored)
        return True

    def modify(self, ack_id: str, seconds: float, now: float) -> bool:
        """Moves a lease's deadline to `seconds` from now; 0 gives the message back at once."""
        lease = self._leases.get(ack_id)
        if lease is None:
            return False
        if seconds <= 0:
            self._failed(ack_id, now)
        else:
            lease.deadline = now + seconds
            self._watch(lease)
        return True

    def advance(self, now: float) -> None:
        """Ends leases whose time is up and makes messages ready whose backoff is over."""
        while self._deadlines and self._deadlines[0][0] <= now:
            at, ack_id = heapq.heappop(self._deadlines)
            lease = self._leases.get(ack_id)
            if lease is not None and lease.deadline == at:
                self._failed(ack_id, now)
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heapq.heappop(self._waiting)[2])

    def next_wake(self) -> float | None:
        """When `advance` next has something to do, or None."""
        heads = [heap[0][0] for heap in (self._deadlines, self._waiting) if heap]
        return min(heads, default=None)

    def has_ready(self) -> bool:
        return bool(self._ready)

    def backlog(self) -> int:
        """Messages not yet acknowledged."""
        behind = sum(len(waiting) for waiting in self._behind.values())
        return len(self._ready) + len(self._waiting) + len(self._leases) + behind

    def seek(self, wanted: Iterable[Stored], kept_until: float = 0.0) -> None:
        """Makes exactly `wanted`, given in the order of publishing, unacknowledged. Every lease ends and every
        pause is over; what stays keeps its attempts. `kept_until` lets it outlive the retention."""
        before = {delivery.stored: delivery for delivery in self._deliveries()}
        touched = {**self._acked, **dict.fromkeys(before)}
        acknowledged = dict(touched) if self.policy.retain_acked else {}
        for ack_id in list(self._leases):
            self._end(ack_id)
        self._ready.clear()
        self._waiting.clear()
        self._behind.clear()
        self._deadlines.clear()
        for stored in wanted:
            acknowledged.pop(stored, None)
            touched.pop(stored, None)
            delivery = before.get(stored) or Delivery(stored)
            delivery.kept_until = max(delivery.kept_until, kept_until)
            self._enter(delivery)
        self._acked = acknowledged
        for stored in touched:
            self._tell(stored)

    def unacknowledged(self) -> list[Stored]:
        """In the order of publishing."""
        return sorted((each.stored for each in self._deliveries()), key=lambda stored: stored.number)

    def acknowledged(self, now: float) -> list[Stored]:
        """What was acknowledged and is retained, in no order."""
        if not self.policy.retain_acked:
            return []
        return [stored for stored in self._acked if stored.at + self.policy.retention_s > now]

    def retained(self) -> list[Stored]:
        """What was acknowledged and is not forgotten yet, in no order."""
        return list(self._acked)

    def forget(self, now: float) -> None:
        """Drops what is past the retention and not in anyone's hands; nothing may ever come to take it."""
        before, self._acked = self._acked, dict.fromkeys(self.acknowledged(now))
        for stored in before.keys() - self._acked.keys():
            self._tell(stored)
        hidden = []
        for key, behind in self._behind.items():
            hidden += [each for each in behind if self._expired(each, now)]
            self._behind[key] = deque(each for each in behind if not self._expired(each, now))
        late = [entry for entry in self._waiting if self._expired(entry[2], now)]
        if late:
            self._waiting = [entry for entry in self._waiting if not self._expired(entry[2], now)]
            heapq.heapify(self._waiting)
        gone = [each for each in self._ready if self._expired(each, now)]
        if gone:
            self._ready = deque(each for each in self._ready if not self._expired(each, now))
        for delivery in [*gone, *(entry[2] for entry in late)]:
            self._settled(delivery)
        for delivery in [*gone, *(entry[2] for entry in late), *hidden]:
            self._tell(delivery.stored)

    def _deliveries(self) -> Iterator[Delivery]:
        yield from self._ready
        yield from (entry[2] for entry in self._waiting)
        yield from (lease.delivery for lease in self._leases.values())
        for behind in self._behind.values():
            yield from behind

    def _expired(self, delivery: Delivery, now: float) -> bool:
        return max(delivery.kept_until, delivery.stored.at + self.policy.retention_s) <= now

    def _lease(self, delivery: Delivery, holder: Holder, now: float) -> Lease:
        delivery.attempt += 1
        deadline = now + (holder.ack_deadline_s or self.policy.ack_deadline_s)
        lease = Lease(str(next(_serials)), delivery, holder, deadline)
        self._tell(delivery.stored, delivery)
        self._leases[lease.ack_id] = lease
        holder.messages += 1
        holder.bytes += delivery.stored.size
        self._watch(lease)
        return lease

    def _watch(self, lease: Lease) -> None:
        heapq.heappush(self._deadlines, (lease.deadline, lease.ack_id))
        # Ended leases stay in the heap until their time comes, up to ten minutes; drop them when they prevail.
        if len(self._deadlines) > 2 * len(self._leases) + _SLACK:
            self._deadlines = [(entry.deadline, ack_id) for ack_id, entry in self._leases.items()]
            heapq.heapify(self._deadlines)

    def _end(self, ack_id: str) -> Lease | None:
        lease = self._leases.pop(ack_id, None)
        if lease is not None:
            lease.holder.messages -= 1
            lease.holder.bytes -= lease.delivery.stored.size
        return lease

    def _failed(self, ack_id: str, now: float) -> None:
        lease = self._end(ack_id)
        if lease is None:
            return
        delivery, limit = lease.delivery, self.policy.max_attempts
        if limit is not None and delivery.attempt >= limit and self.bury(delivery):
            self._settled(delivery)
            self._tell(delivery.stored)
            return
        pause = self.policy.backoff(delivery.attempt)
        if pause > 0:
            heapq.heappush(self._waiting, (now + pause, next(_serials), delivery))
        else:
            self._ready.append(delivery)

    def _settled(self, delivery: Delivery) -> None:
        key = delivery.message.ordering_key
        if not (self.policy.ordered and key):
            return
        behind = self._behind[key]
        if behind:
            self._ready.append(behind.popleft())
        else:
            del self._behind[key]
