"""The calls of google.pubsub.v1.Publisher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.names import check_project
from emulators.pubsub.paging import page

if TYPE_CHECKING:
    from emulators.pubsub.broker import Broker


class Publisher:
    """Plain functions from request to response over a broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def create_topic(self, request: Any) -> Any:
        return self._broker.create_topic(request).config

    def update_topic(self, request: Any) -> Any:
        return self._broker.update_topic(request.topic, request.update_mask).config

    def publish(self, request: Any) -> Any:
        return wire.PublishResponse(message_ids=self._broker.publish(request))

    def get_topic(self, request: Any) -> Any:
        return self._broker.topic(request.topic).config

    def list_topics(self, request: Any) -> Any:
        prefix = check_project(request.project) + "/"
        names = sorted(name for name in self._broker.topics if name.startswith(prefix))
        shown, token = page(names, request.page_size, request.page_token)
        topics = [self._broker.topics[name].config for name in shown]
        return wire.ListTopicsResponse(topics=topics, next_page_token=token)

    def list_topic_subscriptions(self, request: Any) -> Any:
        names = sorted(self._broker.topic(request.topic).subscriptions)
        shown, token = page(names, request.page_size, request.page_token)
        return wire.ListTopicSubscriptionsResponse(subscriptions=shown, next_page_token=token)

    def list_topic_snapshots(self, request: Any) -> Any:
        names = sorted(self._broker.topic(request.topic).snapshots)
        shown, token = page(names, request.page_size, request.page_token)
        return wire.ListTopicSnapshotsResponse(snapshots=shown, next_page_token=token)

    def detach_subscription(self, request: Any) -> Any:
        self._broker.detach_subscription(request.subscription)
        return wire.DetachSubscriptionResponse()

    def delete_topic(self, request: Any) -> Any:
        self._broker.delete_topic(request.topic)
        return wire.Empty()
