"""Where pushes and changes come in, and CloudEvents in binary mode go out to the functions.

`POST /events/pubsub/NAME`  a push for the function of that name: its answer is the push's answer;
`POST /events/dead`         a push from a dead letter topic: one warning in the log, naming the function;
`POST /events/firestore`    a Firestore change, of type `…document.v1.written`, kept until every function that
                            listens for it has taken it: 202, or 204 when there is none, or 503 for "later".

An event over 512 KB is dropped with a warning, which is what the platform does.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulators.chaos.events import HostileDeliveries
from emulators.events.changes import Change, read_change
from emulators.events.delivery import Deliveries
from emulators.events.subscriber import document_subscribers, topic_subscribers
from emulators.host.messages import Request, Response, never_gone, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from emulators.chaos import Chaos
    from emulators.events.subscriber import TopicSubscriber
    from functions.table import FunctionSpec

    Invoke = Callable[[str, Request, Callable[[], bool]], Awaitable[Response]]
    Log = Callable[[str, str], None]

PREFIX = "/events/"
SUBSCRIPTION_PREFIX = "function-"
"""A function's subscription is called this and the function's name: so a dead letter names its function."""
EVENT_MOST = 512 * 1024
PUBSUB_TYPE = "google.cloud.pubsub.topic.v1.messagePublished"
FIRESTORE_TYPE = "google.cloud.firestore.document.v1."


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
        self._project = project
        self._invoke = invoke
        self._log = log
        deliveries = Deliveries(self._documents, lambda name, request: invoke(name, request, never_gone), log)
        self._deliveries = deliveries if chaos is None else HostileDeliveries(chaos, deliveries)

    async def stop(self) -> None:
        await self._deliveries.stop()

    async def answer(self, request: Request, gone: Callable[[], bool]) -> Response:
        """Answers a request whose path starts with PREFIX."""
        kind, _, name = request.path.removeprefix(PREFIX).partition("/")
        if kind == "firestore":
            return self._firestore(request)
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
        takers = [subscriber for subscriber in self._documents if subscriber.wants(change)]
        if not takers:
            return Response(204)
        if len(request.body) > EVENT_MOST:
            for taker in takers:
                event_id = request.header("ce-id")
                self._log(
                    taker.name, f"WARNING event {event_id} dropped: {len(request.body)} bytes exceed 512 KB"
                )
            return Response(204)
        events = {taker.name: firestore_event(request, change, taker.event) for taker in takers}
        return Response(202) if self._deliveries.offer(events) else text(503, "too many events are waiting")


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


def firestore_event(request: Request, change: Change, wanted: str) -> Request:
    """The same event under the type its listener asked for: `written` stays, else the kind of change."""
    kind = "written" if wanted == "written" else change.kind
    kept = tuple(
        (key, value)
        for key, value in request.headers
        if key == "content-type" or (key.startswith("ce-") and key != "ce-type")
    )
    return replace(
        request, method="POST", path="/", query="", headers=(("ce-type", FIRESTORE_TYPE + kind), *kept)
    )
