"""A message as push delivery writes it: wrapped in JSON, or bare with its metadata in headers.

Source: cloud.google.com/pubsub/docs/push and /payload-unwrapping. Push authentication is not imitated: no
token is sent, whatever the subscription's `oidc_token` says.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulators.pubsub.queue import Lease

Headers = list[tuple[bytes, bytes]]
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What HTTP itself uses; an attribute of such a name would break the request.
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "user-agent"})


def letter(lease: Lease, config: Any) -> tuple[bytes, Headers]:
    """The body and the headers of a push request."""
    if config.push_config.HasField("no_wrapper"):
        metadata = config.push_config.no_wrapper.write_metadata
        return bytes(lease.delivery.message.data), _bare(lease, config) if metadata else _typed({})
    return _wrap(lease, config), _typed({"content-type": "application/json"})


def _wrap(lease: Lease, config: Any) -> bytes:
    """`deliveryAttempt` is there when a dead letter policy is."""
    message = lease.delivery.message
    published = message.publish_time.ToJsonString()
    inner: dict[str, Any] = {}
    if message.attributes:
        inner["attributes"] = dict(message.attributes)
    if message.data:
        inner["data"] = base64.b64encode(message.data).decode("ascii")
    inner["messageId"] = inner["message_id"] = message.message_id
    inner["publishTime"] = inner["publish_time"] = published
    if message.ordering_key:
        inner["orderingKey"] = message.ordering_key
    outer: dict[str, Any] = {"message": inner, "subscription": config.name}
    if config.dead_letter_policy.dead_letter_topic:
        outer["deliveryAttempt"] = lease.delivery.attempt
    return json.dumps(outer, ensure_ascii=False, separators=(",", ":")).encode()


def _bare(lease: Lease, config: Any) -> Headers:
    """Attributes become headers of their own name, where HTTP can carry them; one may name the content type."""
    message = lease.delivery.message
    headers = {key.lower(): value for key, value in message.attributes.items() if _fits(key, value)}
    headers["x-goog-pubsub-subscription-name"] = config.name
    headers["x-goog-pubsub-message-id"] = message.message_id
    headers["x-goog-pubsub-publish-time"] = message.publish_time.ToJsonString()
    if message.ordering_key and _fits("x", message.ordering_key):
        headers["x-goog-pubsub-ordering-key"] = message.ordering_key
    if config.dead_letter_policy.dead_letter_topic:
        headers["x-goog-pubsub-delivery-attempt"] = str(lease.delivery.attempt)
    return _typed(headers)


def _fits(key: str, value: str) -> bool:
    printable = value == value.strip() and all(" " <= character != "\x7f" for character in value)
    return bool(_NAME.fullmatch(key)) and key.lower() not in _RESERVED and printable


def _typed(headers: dict[str, str]) -> Headers:
    headers.setdefault("content-type", "application/octet-stream")
    return [(key.encode("ascii"), value.encode()) for key, value in headers.items()]
