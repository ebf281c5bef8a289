"""Calls of gRPC from bytes to bytes, and the same to the server that does nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import grpc

from bench.report import Row, per_second, times

IN_FLIGHT = 4
BARE = "a server that does nothing"

Metadata = tuple[tuple[str, str], ...]


def unary(channel: grpc.Channel, path: str) -> Any:
    return channel.unary_unary(path, request_serializer=None, response_deserializer=None)


def stream(channel: grpc.Channel, path: str) -> Any:
    return channel.unary_stream(path, request_serializer=None, response_deserializer=None)


def asked(size: int, count: int = 1) -> Metadata:
    """What the server that does nothing is to answer: so many messages of so many bytes."""
    return (("size", str(size)), ("count", str(count)))


def send(call: Any, requests: Iterable[bytes], metadata: Metadata) -> None:
    """All of them, a few under way at once."""
    waiting: deque[Any] = deque()
    for request in requests:
        waiting.append(call.future(request, metadata=metadata, timeout=60))
        if len(waiting) >= IN_FLIGHT:
            waiting.popleft().result()
    for answer in waiting:
        answer.result()


def against(measure: str, number: int, taken: float, bare: float) -> Row:
    """A rate next to that of the server that does nothing, from the seconds of both."""
    return Row(
        measure, per_second(number / taken), f"{BARE}: {per_second(number / bare)}", times(bare / taken)
    )
