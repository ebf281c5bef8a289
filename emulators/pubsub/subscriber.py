"""The calls of google.pubsub.v1.Subscriber, but for the stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from google.protobuf import field_mask_pb2

from emulators.pubsub import wire
from emulators.pubsub.names import check_project
from emulators.pubsub.paging import page
from emulators.pubsub.queue import Holder
from emulators.pubsub.refusal import bad_ack_ids, failed_precondition, invalid, not_found

if TYPE_CHECKING:
    from emulators.pubsub.broker import Broker
    from emulators.pubsub.queue import Lease
    from emulators.pubsub.subscription import Subscription

_PULL_WAIT_S = 30.0
# Clients of an emulator leave gRPC's limit of 4 MiB for what they receive in place.
_PULL_BYTES = 3_500_000


class Subscriber:
    """Functions from request to response over a broker; only `pull` waits."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def create_subscription(self, request: Any) -> Any:
        return self._broker.create_subscription(request).config

    def get_subscription(self, request: Any) -> Any:
        return self._broker.subscription(request.subscription).config

    def update_subscription(self, request: Any) -> Any:
        return self._broker.update_subscription(request.subscription, request.update_mask).config

    def list_subscriptions(self, request: Any) -> Any:
        prefix = check_project(request.project) + "/"
        names = sorted(name for name in self._broker.subscriptions if name.startswith(prefix))
        shown, token = page(names, request.page_size, request.page_token)
        configs = [self._broker.subscriptions[name].config for name in shown]
        return wire.ListSubscriptionsResponse(subscriptions=configs, next_page_token=token)

    def delete_subscription(self, request: Any) -> Any:
        self._broker.delete_subscription(request.subscription)
        return wire.Empty()

    def modify_push_config(self, request: Any) -> Any:
        change = wire.Subscription(name=request.subscription, push_config=request.push_config)
        self._broker.update_subscription(change, field_mask_pb2.FieldMask(paths=["push_config"]))
        return wire.Empty()

    def acknowledge(self, request: Any) -> Any:
        subscription = self._broker.subscription(request.subscription)
        check_ack_ids(request.ack_ids, subscription)
        _confirm(subscription, subscription.acknowledge(list(request.ack_ids)))
        return wire.Empty()

    def modify_ack_deadline(self, request: Any) -> Any:
        subscription = self._broker.subscription(request.subscription)
        check_ack_ids(request.ack_ids, subscription)
        seconds = check_deadline(request.ack_deadline_seconds)
        _confirm(subscription, subscription.modify(list(request.ack_ids), seconds))
        return wire.Empty()

    async def pull(self, request: Any, context: Any) -> Any:
        """Waits for a first message until shortly before the caller gives up, then answers with none."""
        subscription = self._broker.subscription(request.subscription)
        if request.max_messages <= 0:
            raise invalid("The max_messages must be positive.")
        end = asyncio.get_running_loop().time() + _patience(request, context)
        holder = Holder()
        while not subscription.deleted:
            check_pullable(subscription)
            subscription.touch()
            leases = subscription.take(holder, request.max_messages, _PULL_BYTES)
            left = end - asyncio.get_running_loop().time()
            if leases or left <= 0:
                return wire.PullResponse(received_messages=received(subscription, leases))
            await subscription.changed(left)
        return wire.PullResponse()


def _patience(request: Any, context: Any) -> float:
    """Seconds a pull may wait: its answer must still reach a caller who gives up at the deadline."""
    if request.return_immediately:
        return 0.0
    left = context.time_remaining()
    return _PULL_WAIT_S if left is None else min(_PULL_WAIT_S, max(0.0, left * 0.9 - 0.1))


def check_pullable(subscription: Subscription) -> None:
    """Refuses a subscription that is gone, detached, or pushes."""
    if subscription.deleted:
        raise not_found(subscription.name)
    if subscription.config.detached:
        raise failed_precondition("The subscription is detached from its topic.")
    if subscription.config.push_config.push_endpoint:
        raise failed_precondition("Subscription is a push subscription: it cannot be pulled from.")


def _confirm(subscription: Subscription, failed: list[str]) -> None:
    """Only an exactly-once subscription says which ids had run out; others take them as they come."""
    if failed and subscription.config.enable_exactly_once_delivery:
        raise bad_ack_ids(failed)


def received(subscription: Subscription, leases: list[Lease]) -> list[Any]:
    """Leases as the client sees them; the attempt is shown when a dead letter policy counts it."""
    counted = subscription.queue.policy.max_attempts is not None
    return [
        wire.ReceivedMessage(
            ack_id=lease.ack_id,
            message=lease.delivery.message,
            delivery_attempt=lease.delivery.attempt if counted else 0,
        )
        for lease in leases
    ]


def check_ack_ids(ack_ids: Any, subscription: Subscription) -> None:
    """Refuses what no lease of ours was ever called; a lease that has run out is not an error."""
    if not ack_ids:
        raise invalid("No ack ids specified.")
    if subscription.config.enable_exactly_once_delivery:
        return
    if not all(ack_id.isdecimal() for ack_id in ack_ids):
        raise invalid("You have passed an invalid ack ID to the service.")


def check_deadline(seconds: int) -> float:
    if not 0 <= seconds <= 600:
        raise invalid(f"Invalid ack deadline: {seconds} given, but it must be between 0 and 600.")
    return float(seconds)
