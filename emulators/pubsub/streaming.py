"""StreamingPull: messages out as they become ready, within the stream's limits; acknowledgements in."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.queue import Holder
from emulators.pubsub.refusal import invalid
from emulators.pubsub.subscriber import check_deadline, check_pullable, received

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from emulators.pubsub.broker import Broker
    from emulators.pubsub.keeping import Keeper
    from emulators.pubsub.subscription import Subscription

_MESSAGES_AT_ONCE = 1000
_BYTES_AT_ONCE = 2_000_000
_HEARTBEAT_S = 15.0


async def streaming_pull(broker: Broker, requests: AsyncIterator[Any], context: Any) -> None:
    """Serves one stream until the client ends it or the subscription can no longer be pulled from."""
    first = await anext(requests, None)
    if first is None:
        return
    subscription = broker.subscription(first.subscription)
    check_pullable(subscription)
    stream = _Stream(subscription, _holder(first), broker.keeper)
    reader = asyncio.create_task(stream.consume(first, requests))
    reader.add_done_callback(lambda _: subscription.wake())
    try:
        # The first answer says what kind of subscription this is. Later empty ones are heartbeats.
        await context.write(stream.response())
        await stream.send(reader, context)
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


class _Stream:
    """One stream: its holder, and the confirmations that an exactly-once subscription owes."""

    def __init__(self, subscription: Subscription, holder: Holder, keeper: Keeper) -> None:
        self._keeper = keeper
        self._subscription = subscription
        self._holder = holder
        self._owed: list[Any] = []

    def response(self, **content: Any) -> Any:
        """Every answer says what kind of subscription this is: clients take silence for a change of it."""
        config = self._subscription.config
        properties = wire.StreamingPullResponse.SubscriptionProperties(
            exactly_once_delivery_enabled=config.enable_exactly_once_delivery,
            message_ordering_enabled=config.enable_message_ordering,
        )
        return wire.StreamingPullResponse(subscription_properties=properties, **content)

    async def send(self, reader: asyncio.Task[None], context: Any) -> None:
        subscription = self._subscription
        while not reader.done():
            check_pullable(subscription)
            subscription.touch()
            if self._owed:
                self._keeper.flush()
            while self._owed:
                await context.write(self._owed.pop(0))
            leases = subscription.take(self._holder, _MESSAGES_AT_ONCE, _BYTES_AT_ONCE)
            if leases:
                self._keeper.settle()
                await context.write(self.response(received_messages=received(subscription, leases)))
            elif not await subscription.changed(_HEARTBEAT_S):
                await context.write(self.response())

    async def consume(self, first: Any, requests: AsyncIterator[Any]) -> None:
        self._apply(first)
        async for request in requests:
            if request.subscription or request.client_id or request.protocol_version:
                raise invalid(
                    "The subscription, client_id and protocol_version can only be set on the first request."
                )
            self._apply(request)

    def _apply(self, request: Any) -> None:
        if request.stream_ack_deadline_seconds:
            self._holder.ack_deadline_s = _stream_deadline(request.stream_ack_deadline_seconds)
        if request.ack_ids:
            failed = self._subscription.acknowledge(list(request.ack_ids))
            self._owe("acknowledge_confirmation", request.ack_ids, failed)
        if len(request.modify_deadline_seconds) != len(request.modify_deadline_ack_ids):
            raise invalid("modify_deadline_seconds and modify_deadline_ack_ids must be of the same length.")
        changes = zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True)
        failed = []
        for ack_id, seconds in changes:
            failed += self._subscription.modify([ack_id], check_deadline(seconds))
        self._owe("modify_ack_deadline_confirmation", request.modify_deadline_ack_ids, failed)

    def _owe(self, kind: str, ack_ids: Any, failed: list[str]) -> None:
        if not (ack_ids and self._subscription.config.enable_exactly_once_delivery):
            return
        done = [ack_id for ack_id in ack_ids if ack_id not in failed]
        self._owed.append(self.response(**{kind: {"ack_ids": done, "invalid_ack_ids": failed}}))


def _holder(first: Any) -> Holder:
    if not first.stream_ack_deadline_seconds:
        raise invalid("The stream_ack_deadline_seconds must be set on the first request.")
    return Holder(
        max_messages=max(0, first.max_outstanding_messages),
        max_bytes=max(0, first.max_outstanding_bytes),
        ack_deadline_s=_stream_deadline(first.stream_ack_deadline_seconds),
    )


def _stream_deadline(seconds: int) -> float:
    if not 10 <= seconds <= 600:
        raise invalid(f"Invalid stream ack deadline: {seconds} given, but it must be between 10 and 600.")
    return float(seconds)
