"""A bucket's notification configurations, and the Pub/Sub messages that a change makes for them.

Messages are as in https://cloud.google.com/storage/docs/pubsub-notifications.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulators.storage.answers import json_answer
from emulators.storage.changes import Change
from emulators.storage.messages import Request, Response
from emulators.storage.model import Attributes
from emulators.storage.refusal import invalid, not_found, unsupported
from emulators.storage.service import Service

if TYPE_CHECKING:
    from emulators.storage.pubsub import Publisher

_TOPIC = re.compile(r"(?://pubsub\.googleapis\.com/)?(projects/[^/]+/topics/[^/]+)")
_FORMATS = frozenset({"JSON_API_V1", "NONE"})
_EVENTS = {
    "finalize": "OBJECT_FINALIZE",
    "delete": "OBJECT_DELETE",
    "archive": "OBJECT_ARCHIVE",
    "metadataUpdate": "OBJECT_METADATA_UPDATE",
}
_KEPT = ("event_types", "custom_attributes", "object_name_prefix")
_MOST = 100


def _topic(config: Attributes) -> str:
    found = _TOPIC.fullmatch(str(config.get("topic", "")))
    if found is None:
        raise invalid("A notification's topic is //pubsub.googleapis.com/projects/PROJECT/topics/TOPIC.")
    return found[1]


def insert_notification(service: Service, request: Request, name: str) -> Response:
    wanted = request.json()
    topic = _topic(wanted)
    if service.publisher is None:
        raise unsupported("A notification without a Pub/Sub emulator (start it with --pubsub HOST:PORT)")
    if wanted.get("payload_format") not in _FORMATS:
        raise invalid("Invalid value for payload_format: it is JSON_API_V1 or NONE")
    if not set(wanted.get("event_types") or ()) <= set(_EVENTS.values()):
        raise invalid("Invalid value for event_types")
    if not service.publisher.has_topic(topic):
        raise not_found(f"Cloud Pub/Sub topic {topic} not found.")
    with service.store.lock:
        bucket = service.store.bucket(name)
        if len(bucket.notifications) >= _MOST:
            raise invalid("Too many notification configurations for the bucket.")
        identity = str(max(map(int, bucket.notifications), default=0) + 1)
        config = {
            "kind": "storage#notification",
            "id": identity,
            "topic": f"//pubsub.googleapis.com/{topic}",
            "payload_format": wanted["payload_format"],
            "etag": identity,
            "selfLink": f"{request.base}/storage/v1/b/{name}/notificationConfigs/{identity}",
            **{key: wanted[key] for key in _KEPT if wanted.get(key)},
        }
        service.store.put_bucket(replace(bucket, notifications={**bucket.notifications, identity: config}))
    return json_answer(request, config)


def list_notifications(service: Service, request: Request, name: str) -> Response:
    items = list(service.store.bucket(name).notifications.values())
    return json_answer(request, {"kind": "storage#notifications", **({"items": items} if items else {})})


def get_notification(service: Service, request: Request, name: str, identity: str) -> Response:
    config = service.store.bucket(name).notifications.get(identity)
    if config is None:
        raise not_found(f"Notification configuration {identity} not found.")
    return json_answer(request, config)


def delete_notification(service: Service, _request: Request, name: str, identity: str) -> Response:
    with service.store.lock:
        bucket = service.store.bucket(name)
        if identity not in bucket.notifications:
            raise not_found(f"Notification configuration {identity} not found.")
        others = {key: config for key, config in bucket.notifications.items() if key != identity}
        service.store.put_bucket(replace(bucket, notifications=others))
    return Response(204)


class Notifier:
    """Publishes each change to the topics of the configurations that want it."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def __call__(self, change: Change) -> None:
        for config in change.notifications:
            if _wants(config, change):
                self._publisher.publish(_topic(config), *message(config, change))


def _wants(config: Attributes, change: Change) -> bool:
    events = config.get("event_types")
    prefix = config.get("object_name_prefix", "")
    return (not events or _EVENTS[change.kind] in events) and change.name.startswith(prefix)


def message(config: Attributes, change: Change) -> tuple[bytes, dict[str, str]]:
    """The data and the attributes of the message about a change."""
    attributes: dict[str, Any] = {
        **config.get("custom_attributes", {}),
        "notificationConfig": f"projects/_/buckets/{change.bucket}/notificationConfigs/{config['id']}",
        "eventType": _EVENTS[change.kind],
        "payloadFormat": config["payload_format"],
        "bucketId": change.bucket,
        "objectId": change.name,
        "objectGeneration": str(change.generation),
        "eventTime": change.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    if change.overwrote is not None:
        attributes["overwroteGeneration"] = str(change.overwrote)
    if change.overwritten_by is not None:
        attributes["overwrittenByGeneration"] = str(change.overwritten_by)
    data = b"" if config["payload_format"] == "NONE" else json.dumps(change.resource).encode()
    return data, attributes
