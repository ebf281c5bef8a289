"""Publishes to Google Cloud Pub/Sub, or to the emulator its client library finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from google.api_core import exceptions as google_errors

from shared.errors import Denied, FirekeepError, NotFound, Unavailable

_TIMEOUT_S = 60


class PubSubPublisher:
    """Topics of one project. The client is made at first use: most invocations publish nothing."""

    def __init__(self, project: str, client: Callable[[], Any]) -> None:
        self._project = project
        self._make = client
        self._client: Any = None

    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        if self._client is None:
            self._client = self._make()
        path = f"projects/{self._project}/topics/{topic}"
        try:
            accepted = [self._client.publish(path, message) for message in messages]
            for future in accepted:
                future.result(timeout=_TIMEOUT_S)
        except (google_errors.GoogleAPIError, TimeoutError) as error:
            raise _mapped(topic, error) from error


def _mapped(topic: str, error: Exception) -> FirekeepError:
    doing = f"publishing to topic {topic} failed"
    if isinstance(error, google_errors.NotFound):
        return NotFound(f"{doing}: there is no such topic", hint="deploy, or start the local stack")
    if isinstance(error, google_errors.PermissionDenied | google_errors.Unauthenticated):
        return Denied(f"{doing}: not allowed", hint="grant roles/pubsub.publisher on the topic")
    return Unavailable(f"{doing}: {type(error).__name__}", hint="it is tried again on redelivery")
