"""Where pushes and changes come in, and CloudEvents in binary mode go out to the functions.

`POST /events/pubsub/NAME`  a push for the function of that name: its answer is the push's answer;
`POST /events/dead`         a push from a dead letter topic: one warning in the log, naming the function;
`POST /events/firestore`    a Firestore change, of type `…document.v1.written`, kept until every function that
                            listens for it has taken it: 202, or 204 when there is none, or 503 for "later";
`POST /events/storage`      an object's change, of type `google.cloud.storage.object.v1.…`, in the same way.

An event over 512 KB, in the form its function wants it, is dropped with a warning, which is what the platform does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from emulators.chaos.events import HostileDeliveries
from emulators.events.changes import read_change
from emulators.events.delivery import Deliveries
from emulators.events.documents import document_event
from emulators.events.objects import object_event, read_object
from emulators.events.subscriber import document_subscribers, object_subscribers, topic_subscribers
from emulators.host.messages import Request, Response, never_gone, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emulators.chaos import Chaos
    from emulators.events.subscriber import Subscriber, TopicSubscriber
    from functions.table import FunctionSpec

    Invoke = Callable[[str, Request, Callable[[], bool]], Awaitable[Response]]
    Log = Callable[[str, str], None]

PREFIX = "/events/"
SUBSCRIPTION_PREFIX = "function-"
"""A function's subscription is called this and the function's name: so a dead letter names its function."""
EVENT_MOST = 512 * 1024
PUBSUB_TYPE = "google.cloud.pubsub.topic.v1.messagePublished"


class Router:
    """Routes to the functions of `table` in `project`; `log(name, line)` gets warnings; `chaos` says what goes wrong.

    One event loop."""

    def __init__(
        self,
        table: tuple[FunctionSpec, ...],
        project: str,
        invoke: Invoke,
        log: Log,
        chaos: Chaos | None = None,
    ) -> None:
        self._topics = topic_subscribers(table)
        self._documents = document_subscribers(table)
        self._objects = object_subscribers(table)
        self._project = project
        self._invoke = invoke
        self._log = log
        kept: tuple[Subscriber, ...] = (*self._documents, *self._objects)
        deliveries = Deliveries(kept, lambda name, request: invoke(name, request, never_gone), log)
        self._deliveries = deliveries if chaos is None else HostileDeliveries(chaos, deliveries)

    async def stop(self) -> None:
        await self._deliveries.stop()

    async def answer(self, request: Request, gone: Callable[[], bool]) -> Response:
        """Answers a request whose path starts with PREFIX."""
        kind, _, name = request.path.removeprefix(PREFIX).partition("/")
        if kind == "firestore":
            return self._firestore(request)
        if kind == "storage":
            return self._storage(request)
        subscriber = self._topics.get(name)
        if kind != "dead" and (kind != "pubsub" or subscriber is None):
            return text(404, "there is no such function, or it listens to no topic")
        try:
            push = json.loads(request.body)
            push["message"]["messageId"], push["message"]["publishTime"], push["subscription"]
        except (ValueError, TypeError, KeyError):
            return text(400, "the body is not a Pub/Sub push")
        if subscriber is None:
            return self._dead(push)
        return await self._push(subscriber, push, request.body, gone)

    async def _push(
        self, subscriber: TopicSubscriber, push: dict[str, Any], body: bytes, gone: Callable[[], bool]
    ) -> Response:
        message_id = push["message"]["messageId"]
        if len(body) > EVENT_MOST:
            self._log(
                subscriber.name, f"WARNING message {message_id} dropped: {len(body)} bytes exceed 512 KB"
            )
            return Response(204)
        event = pubsub_event(push, f"projects/{self._project}/topics/{subscriber.topic}", body)
        response = await self._invoke(subscriber.name, event, gone)
        if response.ok or subscriber.retry:
            return Response(204) if response.ok else text(response.status, "the function failed")
        self._log(
            subscriber.name, f"WARNING message {message_id} dropped: the function failed and its retry is off"
        )
        return Response(204)

    def _dead(self, push: dict[str, Any]) -> Response:
        attributes = push["message"].get("attributes", {})
        attempts = attributes.get("CloudPubSubDeadLetterSourceDeliveryCount", "?")
        source = attributes.get("CloudPubSubDeadLetterSourceSubscription", "?")
        message_id = push["message"]["messageId"]
        self._log(
            source.removeprefix(SUBSCRIPTION_PREFIX),
            f"WARNING dead letter: message {message_id} given up after {attempts} attempts",
        )
        return Response(204)

    def _firestore(self, request: Request) -> Response:
        try:
            change = read_change(request.body)
        except ValueError as problem:
            return text(400, f"the body is not a Firestore event: {problem}")
        takers = [taker for taker in self._documents if taker.wants(change)]
        return self._hand_out({taker.name: document_event(request, taker.trigger) for taker in takers})

    def _storage(self, request: Request) -> Response:
        try:
            change = read_object(request)
            takers = [taker for taker in self._objects if taker.wants(change)]
            events = {taker.name: object_event(request, taker.trigger) for taker in takers}
        except ValueError as problem:
            return text(400, f"the body is not a Cloud Storage event: {problem}")
        return self._hand_out(events)

    def _hand_out(self, events: dict[str, Request]) -> Response:
        """Keeps events, by their functions' names, for delivery."""
        fitting = {name: event for name, event in events.items() if len(event.body) <= EVENT_MOST}
        if fitting and not self._deliveries.offer(fitting):
            return text(503, "too many events are waiting")
        for name, event in events.items():
            if name not in fitting:
                line = f"WARNING event {event.header('ce-id')} dropped: {len(event.body)} bytes exceed 512 KB"
                self._log(name, line)
        return Response(202 if fitting else 204)


def pubsub_event(push: dict[str, Any], topic: str, body: bytes) -> Request:
    """The CloudEvent of a push: Eventarc leaves the body as it is and adds the attributes."""
    message = push["message"]
    headers = (
        ("ce-specversion", "1.0"),
        ("ce-id", str(message["messageId"])),
        ("ce-source", f"//pubsub.googleapis.com/{topic}"),
        ("ce-type", PUBSUB_TYPE),
        ("ce-time", str(message["publishTime"])),
        ("content-type", "application/json"),
    )
    return Request(headers=headers, body=body)
