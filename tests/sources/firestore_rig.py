"""A started emulator, sources on it, and a proxy between them that can misbehave at the wire."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc

from shared.errors import FirekeepError
from shared.format.key import key_of_path
from shared.sources.contract import Batch, Kind, Part, Plan, Result, Write
from shared.sources.firestore import FirestoreSource, Limits, Options, Patience, open_channel
from shared.sources.firestore.service import Service

STREAMING = {"RunQuery", "RunAggregationQuery", "BatchGetDocuments"}
SMALL = Limits(part=100, paged=400)


class TestClock:
    """A clock that sleeps by moving on."""

    __test__ = False

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def options(limits: Limits | None = None, page_size: int = 300) -> Options:
    return Options(
        page_size=page_size,
        whole_minutes=False,
        ramp=False,
        limits=limits or Limits(),
        patience=Patience(call_s=20, stream_s=20, attempts=4),
    )


def source(
    host: str,
    project: str,
    database: str = "(default)",
    *,
    clock: Any = None,
    known_as: str = "",
    **more: Any,
) -> FirestoreSource:
    return FirestoreSource(
        open_channel(host),
        project,
        database,
        clock=clock or TestClock(),
        jitter=random.Random(1).random,
        emulator=True,
        known_as=known_as,
        options=options(**more),
    )


def service(host: str, project: str) -> Service:
    return Service(
        open_channel(host),
        project,
        "(default)",
        clock=TestClock(),
        jitter=lambda: 0.0,
        emulator=True,
        patience=Patience(),
    )


def seed(where: FirestoreSource, records: dict[str, bytes]) -> dict[bytes, bytes]:
    """Write records by path; answers them by key, in key order."""
    writes = [Write(key_of_path(path), Kind.PUT, value, None) for path, value in records.items()]
    outcomes = where.apply(writes)
    assert all(outcome.result is Result.DONE for outcome in outcomes), [o for o in outcomes if o.reason][:3]
    return dict(sorted((write.key, write.value) for write in writes))


def flat(batches: Iterator[Batch] | Sequence[Batch]) -> list[tuple[bytes, bytes]]:
    return [pair for keys, values in batches for pair in zip(keys, values, strict=True)]


def read_plan(where: FirestoreSource, plan: Plan) -> list[tuple[bytes, bytes]]:
    return [pair for part in plan.parts for pair in flat(where.read(part))]


def read_error(where: FirestoreSource, part: Part) -> FirekeepError | None:
    try:
        flat(where.read(part))
    except FirekeepError as error:
        return error
    return None


class Proxy:
    """Passes calls on to an emulator as bytes. `on_request(method, request)` may abort by raising a status;
    `on_answer(method, raw)` may change a message, swallow it with None, or abort after it was made.
    """

    def __init__(self, upstream: str) -> None:
        self._channel = grpc.insecure_channel(upstream, options=[("grpc.max_receive_message_length", -1)])
        self._server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self.on_request: Callable[[str, bytes], None] = lambda _method, _request: None
        self.on_answer: Callable[[str, bytes], bytes | None] = lambda _method, raw: raw
        self.calls: list[str] = []
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()
        self._channel.close()

    def unary(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        with _statuses(context):
            self.on_request(method, request)
            raw = self._channel.unary_unary(_path(method), None, None)(request, metadata=_owner(context))
            return self.on_answer(method, raw) or b""

    def stream(self, method: str, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        with _statuses(context):
            self.on_request(method, request)
            call = self._channel.unary_stream(_path(method), None, None)(request, metadata=_owner(context))
            context.add_callback(call.cancel)
            for raw in call:
                changed = self.on_answer(method, raw)
                if changed is not None:
                    yield changed


class Status(Exception):
    """A gRPC status that the proxy answers with."""

    def __init__(self, code: grpc.StatusCode, text: str = "by the proxy") -> None:
        super().__init__(text)
        self.code = code


class Once:
    """Counts down: True exactly once, at the n-th asking."""

    def __init__(self, at: int = 1) -> None:
        self._left = at
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0

    @property
    def fired(self) -> bool:
        return self._left <= 0


def _path(method: str) -> str:
    return f"/google.firestore.v1.Firestore/{method}"


def _owner(context: grpc.ServicerContext) -> list[tuple[str, str]]:
    return [
        (k, v)
        for k, v in context.invocation_metadata()
        if k in ("authorization", "google-cloud-resource-prefix")
    ]


@contextmanager
def _statuses(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except Status as status:
        context.abort(status.code, str(status))
    except grpc.RpcError as error:
        context.abort(error.code(), error.details())


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.rpartition("/")[2]
        self._proxy.calls.append(method)
        if method in STREAMING:
            return grpc.unary_stream_rpc_method_handler(lambda r, c: self._proxy.stream(method, r, c))
        return grpc.unary_unary_rpc_method_handler(lambda r, c: self._proxy.unary(method, r, c))
