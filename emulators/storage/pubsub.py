"""Publishing to the Pub/Sub emulator, at least once: again until it is taken, or the topic is gone."""

from __future__ import annotations

import logging
import threading
from typing import Any

import grpc
from google.pubsub_v1.types import pubsub

from shared.errors import Unavailable

_log = logging.getLogger("emulators.storage")
_SERVICE = "/google.pubsub.v1.Publisher/"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_FINAL = frozenset(
    {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED}
)
_Message: Any = pubsub.PubsubMessage.pb()
_Publish: Any = pubsub.PublishRequest.pb()
_GetTopic: Any = pubsub.GetTopicRequest.pb()


class Publisher:
    """Publishes over one channel to `host`, `HOST:PORT` of a Pub/Sub emulator; each call takes `timeout_s` at most."""

    def __init__(self, host: str, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._channel = grpc.insecure_channel(host)
        self._stopping = threading.Event()
        self._given_up = False
        self._publish = self._call("Publish", _Publish)
        self._get_topic = self._call("GetTopic", _GetTopic)

    def _call(self, method: str, request: Any) -> Any:
        return self._channel.unary_unary(
            _SERVICE + method, request_serializer=request.SerializeToString, response_deserializer=bytes
        )

    def has_topic(self, topic: str) -> bool:
        """Raises Unavailable when nobody says: that a topic is not there must not be made of a slow answer."""
        try:
            self._get_topic(_GetTopic(topic=topic), timeout=self._timeout_s, wait_for_ready=True)
        except grpc.RpcError as problem:
            if problem.code() in _FINAL:
                return False
            raise Unavailable(f"asking Pub/Sub for {topic}: {problem.code().name}") from problem
        return True

    def publish(self, topic: str, data: bytes, attributes: dict[str, str]) -> None:
        """Returns when the message is taken, refused for good, or not taken while the publisher is stopping."""
        request = _Publish(topic=topic, messages=[_Message(data=data, attributes=attributes)])
        pause = _FIRST_PAUSE_S
        while not self._given_up:
            try:
                self._publish(request, timeout=self._timeout_s)
            except grpc.RpcError as problem:
                if problem.code() in _FINAL:
                    _log.warning("a notification to %s was refused: %s", topic, problem.code())
                    return
                self._given_up = self._stopping.wait(pause)
                pause = min(_LONGEST_PAUSE_S, pause * 2)
            else:
                return

    def stop(self) -> None:
        """From now on, the first attempt that fails is the last."""
        self._stopping.set()

    def close(self) -> None:
        self._channel.close()
