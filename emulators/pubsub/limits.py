"""What a publish request may hold: the service's documented limits, refused with its codes."""

from __future__ import annotations

from typing import Any

from emulators.pubsub.refusal import invalid

REQUEST_BYTES = 10_000_000
REQUEST_MESSAGES = 1000
ATTRIBUTES = 100
KEY_BYTES = 256
VALUE_BYTES = 1024
ORDERING_KEY_BYTES = 1024


def check_publish(request: Any) -> None:
    """Refuses a whole request when any message in it breaks a limit: publishing is all or nothing."""
    if not request.messages:
        raise invalid("The publish request does not contain any messages.")
    _at_most("message_count", len(request.messages), REQUEST_MESSAGES)
    _at_most("request_size", request.ByteSize(), REQUEST_BYTES)
    for message in request.messages:
        _check_message(message)


def _check_message(message: Any) -> None:
    if not message.data and not message.attributes:
        raise invalid(
            "One or more messages in the publish request is empty. Each message must contain either "
            "non-empty data, or at least one attribute."
        )
    _at_most("message_size", message.ByteSize(), REQUEST_BYTES)
    _at_most("attributes", len(message.attributes), ATTRIBUTES)
    _at_most("ordering_key", len(message.ordering_key.encode()), ORDERING_KEY_BYTES)
    for key, value in message.attributes.items():
        if not key or key.startswith("goog"):
            raise invalid("An attribute key is empty or starts with the reserved prefix goog.")
        _at_most("attribute_key", len(key.encode()), KEY_BYTES)
        _at_most("attribute_value", len(value.encode()), VALUE_BYTES)


def _at_most(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise invalid(
            f"The value for {what} is too large. You passed {size} in the request, "
            f"but the maximum value is {limit}."
        )
