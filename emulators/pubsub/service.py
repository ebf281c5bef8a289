"""The gRPC methods: which function answers which call, and how a refusal becomes a status.

A call of google.pubsub.v1 or google.iam.v1 that is not in the table answers UNIMPLEMENTED by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from emulators.pubsub import wire
from emulators.pubsub.iam import Iam
from emulators.pubsub.publisher import Publisher
from emulators.pubsub.refusal import Refused
from emulators.pubsub.replay import Replay
from emulators.pubsub.streaming import streaming_pull
from emulators.pubsub.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from emulators.pubsub.broker import Broker
    from emulators.pubsub.keeping import Keeper

_PACKAGES = ("/google.pubsub.v1.", "/google.iam.v1.")
Call = tuple[Any, "Callable[[Any], Any]"]


class PubSubHandler(grpc.GenericRpcHandler):  # type: ignore[type-arg]
    """Finds the handler of a call by its full name."""

    def __init__(self, broker: Broker) -> None:
        calls = {
            **_publisher_calls(Publisher(broker)),
            **_subscriber_calls(Subscriber(broker)),
            **_replay_calls(Replay(broker)),
            **_iam_calls(Iam(broker)),
        }
        self._methods = {
            name: _unary(request, answer, broker.keeper) for name, (request, answer) in calls.items()
        }
        self._methods["Subscriber/Pull"] = _pull(Subscriber(broker), broker.keeper)
        self._methods["Subscriber/StreamingPull"] = _stream(broker)

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        if not method.startswith(_PACKAGES):
            return None
        name = method.split(".v1.", 1)[1]
        return self._methods.get(name) or _unsupported(name)


def _publisher_calls(publisher: Publisher) -> dict[str, Call]:
    return {
        "Publisher/CreateTopic": (wire.Topic, publisher.create_topic),
        "Publisher/UpdateTopic": (wire.UpdateTopicRequest, publisher.update_topic),
        "Publisher/Publish": (wire.PublishRequest, publisher.publish),
        "Publisher/GetTopic": (wire.GetTopicRequest, publisher.get_topic),
        "Publisher/ListTopics": (wire.ListTopicsRequest, publisher.list_topics),
        "Publisher/ListTopicSubscriptions": (
            wire.ListTopicSubscriptionsRequest,
            publisher.list_topic_subscriptions,
        ),
        "Publisher/ListTopicSnapshots": (wire.ListTopicSnapshotsRequest, publisher.list_topic_snapshots),
        "Publisher/DetachSubscription": (wire.DetachSubscriptionRequest, publisher.detach_subscription),
        "Publisher/DeleteTopic": (wire.DeleteTopicRequest, publisher.delete_topic),
    }


def _subscriber_calls(subscriber: Subscriber) -> dict[str, Call]:
    return {
        "Subscriber/CreateSubscription": (wire.Subscription, subscriber.create_subscription),
        "Subscriber/GetSubscription": (wire.GetSubscriptionRequest, subscriber.get_subscription),
        "Subscriber/UpdateSubscription": (wire.UpdateSubscriptionRequest, subscriber.update_subscription),
        "Subscriber/ListSubscriptions": (wire.ListSubscriptionsRequest, subscriber.list_subscriptions),
        "Subscriber/DeleteSubscription": (wire.DeleteSubscriptionRequest, subscriber.delete_subscription),
        "Subscriber/ModifyPushConfig": (wire.ModifyPushConfigRequest, subscriber.modify_push_config),
        "Subscriber/Acknowledge": (wire.AcknowledgeRequest, subscriber.acknowledge),
        "Subscriber/ModifyAckDeadline": (wire.ModifyAckDeadlineRequest, subscriber.modify_ack_deadline),
    }


def _replay_calls(replay: Replay) -> dict[str, Call]:
    return {
        "Subscriber/Seek": (wire.SeekRequest, replay.seek),
        "Subscriber/CreateSnapshot": (wire.CreateSnapshotRequest, replay.create_snapshot),
        "Subscriber/GetSnapshot": (wire.GetSnapshotRequest, replay.get_snapshot),
        "Subscriber/UpdateSnapshot": (wire.UpdateSnapshotRequest, replay.update_snapshot),
        "Subscriber/ListSnapshots": (wire.ListSnapshotsRequest, replay.list_snapshots),
        "Subscriber/DeleteSnapshot": (wire.DeleteSnapshotRequest, replay.delete_snapshot),
    }


def _iam_calls(iam: Iam) -> dict[str, Call]:
    return {
        "IAMPolicy/GetIamPolicy": (wire.GetIamPolicyRequest, iam.get_iam_policy),
        "IAMPolicy/SetIamPolicy": (wire.SetIamPolicyRequest, iam.set_iam_policy),
        "IAMPolicy/TestIamPermissions": (wire.TestIamPermissionsRequest, iam.test_iam_permissions),
    }


def _serialize(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _unary(request: Any, answer: Callable[[Any], Any], keeper: Keeper) -> Any:
    async def call(message: Any, context: Any) -> Any:
        try:
            response = answer(message)
            keeper.flush()
            return response
        except Refused as refusal:
            await context.abort(refusal.code, refusal.message, refusal.trailers)

    return grpc.unary_unary_rpc_method_handler(call, request.FromString, _serialize)


def _pull(subscriber: Subscriber, keeper: Keeper) -> Any:
    async def call(message: Any, context: Any) -> Any:
        try:
            response = await subscriber.pull(message, context)
            keeper.settle()
            return response
        except Refused as refusal:
            await context.abort(refusal.code, refusal.message, refusal.trailers)

    return grpc.unary_unary_rpc_method_handler(call, wire.PullRequest.FromString, _serialize)


def _stream(broker: Broker) -> Any:
    async def call(requests: AsyncIterator[Any], context: Any) -> None:
        try:
            await streaming_pull(broker, aiter(requests), context)
        except Refused as refusal:
            await context.abort(refusal.code, refusal.message, refusal.trailers)

    return grpc.stream_stream_rpc_method_handler(call, wire.StreamingPullRequest.FromString, _serialize)


def _unsupported(name: str) -> Any:
    async def call(_: bytes, context: Any) -> None:
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED, f"{name.replace('/', '.')} is not supported by this emulator."
        )

    return grpc.unary_unary_rpc_method_handler(call)
