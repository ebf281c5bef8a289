"""Seek and snapshots: what a subscription has acknowledged, set back or forward, or kept for later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.config import SNAPSHOT_UPDATES, check_changes
from emulators.pubsub.keeping import snapshot_row
from emulators.pubsub.names import check_name, check_project
from emulators.pubsub.paging import page
from emulators.pubsub.refusal import exists, failed_precondition, invalid, not_found
from emulators.pubsub.snapshot import Snapshot

if TYPE_CHECKING:
    from emulators.pubsub.broker import Broker
    from emulators.pubsub.stored import Stored
    from emulators.pubsub.subscription import Subscription

_LIFE_S = 7 * 86400
_SHORTEST_S = 3600


class Replay:
    """Functions from request to response over a broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def seek(self, request: Any) -> Any:
        """Every lease ends: what is unacknowledged afterwards is delivered from the start, in order."""
        subscription = self._broker.subscription(request.subscription)
        if subscription.config.detached:
            raise failed_precondition("The subscription is detached from its topic.")
        match request.WhichOneof("target"):
            case "time":
                subscription.seek(self._since(subscription, request.time.ToNanoseconds()))
            case "snapshot":
                self._seek_to_snapshot(subscription, self._snapshot(request.snapshot))
            case _:
                raise invalid("A seek request must name a time or a snapshot.")
        return wire.SeekResponse()

    def create_snapshot(self, request: Any) -> Any:
        subscription = self._broker.attached(request.subscription)
        name = request.name or self._broker.invent_name(request.subscription, "snapshots")
        if check_name(name, "snapshots") in self._broker.snapshots:
            raise exists(name)
        messages = subscription.queue.unacknowledged()
        now = self._broker.clock()
        oldest = messages[0].at if messages else now
        expires = oldest + _LIFE_S
        if expires - now < _SHORTEST_S:
            raise failed_precondition(
                "The subscription's backlog is too old: the snapshot would expire in less than an hour."
            )
        config = wire.Snapshot(name=name, topic=subscription.config.topic, labels=request.labels)
        config.expire_time.FromMilliseconds(int(expires * 1000))
        self._broker.add_snapshot(Snapshot(config, subscription.source, messages, self._broker.next_number()))
        return config

    def get_snapshot(self, request: Any) -> Any:
        return self._snapshot(request.snapshot).config

    def update_snapshot(self, request: Any) -> Any:
        check_changes(list(request.update_mask.paths), SNAPSHOT_UPDATES)
        snapshot = self._snapshot(request.snapshot.name)
        changed = wire.Snapshot()
        changed.CopyFrom(snapshot.config)
        request.update_mask.MergeMessage(request.snapshot, changed, True, True)
        self._broker.keeper.write([snapshot_row(snapshot, config=changed)])
        snapshot.config = changed
        return changed

    def list_snapshots(self, request: Any) -> Any:
        prefix = check_project(request.project) + "/"
        names = sorted(name for name in self._broker.snapshots if name.startswith(prefix))
        shown, token = page(names, request.page_size, request.page_token)
        configs = [self._broker.snapshots[name].config for name in shown]
        return wire.ListSnapshotsResponse(snapshots=configs, next_page_token=token)

    def delete_snapshot(self, request: Any) -> Any:
        self._broker.drop_snapshot(self._snapshot(request.snapshot))
        return wire.Empty()

    def _snapshot(self, name: str) -> Snapshot:
        snapshot = self._broker.snapshots.get(name)
        if snapshot is None or snapshot.expires <= self._broker.clock():
            raise not_found(name)
        return snapshot

    def _since(self, subscription: Subscription, nanoseconds: int) -> list[Stored]:
        now = self._broker.clock()
        known = {*subscription.queue.unacknowledged(), *subscription.queue.acknowledged(now)}
        known.update(stored for stored in subscription.source.retained(now) if subscription.matches(stored))
        wanted = [stored for stored in known if stored.published_ms * 1_000_000 >= nanoseconds]
        return sorted(wanted, key=lambda stored: stored.number)

    def _seek_to_snapshot(self, subscription: Subscription, snapshot: Snapshot) -> None:
        if snapshot.source is not subscription.source:
            raise failed_precondition("The snapshot's topic is not the subscription's topic.")
        wanted = [stored for stored in snapshot.messages if subscription.matches(stored)]
        subscription.seek(wanted, snapshot.expires)
