"""StreamingPull: messages out as they become ready, within the stream's limits; acknowledgements in."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.queue import Holder
from emulators.pubsub.refusal import invalid, not_found
from emulators.pubsub.subscriber import check_deadline, pullable, received

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from emulators.pubsub.broker import Broker
    from emulators.pubsub.subscription import Subscription

_MESSAGES_AT_ONCE = 1000
_BYTES_AT_ONCE = 2_000_000
_HEARTBEAT_S = 15.0


async def streaming_pull(broker: Broker, requests: AsyncIterator[Any], context: Any) -> None:
    """Serves one stream until the client ends it or the subscription is deleted."""
    first = await anext(requests, None)
    if first is None:
        return
    subscription = pullable(broker, first.subscription)
    holder = _holder(first)
    reader = asyncio.create_task(_consume(subscription, holder, first, requests))
    reader.add_done_callback(lambda _: subscription.wake())
    try:
        await context.write(_greeting(subscription))
        await _send(subscription, holder, reader, context)
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


async def _send(subscription: Subscription, holder: Holder, reader: asyncio.Task[None], context: Any) -> None:
    while not reader.done():
        if subscription.deleted:
            raise not_found(subscription.name)
        leases = subscription.take(holder, _MESSAGES_AT_ONCE, _BYTES_AT_ONCE)
        if leases:
            messages = received(subscription, leases)
            await context.write(wire.StreamingPullResponse(received_messages=messages))
        else:
            await subscription.changed(_HEARTBEAT_S)


async def _consume(
    subscription: Subscription, holder: Holder, first: Any, requests: AsyncIterator[Any]
) -> None:
    _apply(subscription, holder, first)
    async for request in requests:
        if request.subscription or request.client_id or request.protocol_version:
            raise invalid(
                "The subscription, client_id and protocol_version can only be set on the first request."
            )
        _apply(subscription, holder, request)


def _apply(subscription: Subscription, holder: Holder, request: Any) -> None:
    if request.stream_ack_deadline_seconds:
        holder.ack_deadline_s = _stream_deadline(request.stream_ack_deadline_seconds)
    if request.ack_ids:
        subscription.acknowledge(list(request.ack_ids))
    if len(request.modify_deadline_seconds) != len(request.modify_deadline_ack_ids):
        raise invalid("modify_deadline_seconds and modify_deadline_ack_ids must be of the same length.")
    for ack_id, seconds in zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True):
        subscription.modify([ack_id], check_deadline(seconds))


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


def _greeting(subscription: Subscription) -> Any:
    """The stream's first answer: what kind of subscription this is. Later empty ones are heartbeats."""
    response = wire.StreamingPullResponse()
    response.subscription_properties.message_ordering_enabled = subscription.config.enable_message_ordering
    return response
