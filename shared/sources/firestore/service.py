"""Calls to one Firestore database as raw bytes: headers, deadlines, and the only retries there are.

The channel is the production client library's (credentials by google.auth), or an open one to an emulator. A call
that may be asked again is, a few times, later and later by chance; what then still fails leaves as one of our errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from shared.clock import Clock
from shared.sources.firestore.status import READ_AGAIN, WRITE_AGAIN, code_of, error_of

MAX_MESSAGE = 128 << 20
"""Bytes of one answer. A page of 300 documents is mostly under 1 MiB; grpc's own limit of 4 MiB is too low."""

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", 60_000),
    ("SingleThreadedUnaryStream", 1),
)
_STREAMS = frozenset({"RunQuery", "RunAggregationQuery", "BatchGetDocuments"})


T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long a call may take and how often it is made. Seconds; `attempts` counts the first one."""

    call_s: float = 60.0
    stream_s: float = 600.0
    attempts: int = 6
    first_wait_s: float = 0.25
    longest_wait_s: float = 16.0


def open_channel(emulator: str = "") -> Any:
    """A channel to Firestore, or to the emulator at `host:port`. The caller closes it."""
    if emulator:
        return grpc.insecure_channel(emulator, options=_OPTIONS)
    from google.cloud.firestore_v1.services.firestore.transports.grpc import FirestoreGrpcTransport

    return FirestoreGrpcTransport.create_channel(options=list(_OPTIONS))


class Retry:
    """One run of attempts. `failed` waits, or raises when there is no point in another one."""

    def __init__(
        self, service: Service, doing: str, again: frozenset[grpc.StatusCode], *, tell: bool
    ) -> None:
        self._service = service
        self._doing = doing
        self._again = again
        self._tell = tell
        self._failures = 0

    def worked(self) -> None:
        """Something arrived: the next failure is a first one again."""
        self._failures = 0

    def failed(self, error: grpc.RpcError) -> None:
        self._failures += 1
        if code_of(error) not in self._again or self._failures >= self._service.patience.attempts:
            raise error_of(error, self._doing, tell=self._tell) from None
        self.pause(self._failures)

    def pause(self, failures: int) -> None:
        """Wait as long as this many failures in a row ask for."""
        patience = self._service.patience
        longest = min(patience.longest_wait_s, patience.first_wait_s * 2 ** (failures - 1))
        self._service.clock.sleep(longest * (0.5 + self._service.jitter() / 2))


class Pending(Generic[T]):
    """A read under way; `answer` waits for it, and makes it again when it failed and may be repeated."""

    def __init__(self, begin: Callable[[], Any], finish: Callable[[Any], T], retry: Retry) -> None:
        self._begin = begin
        self._finish = finish
        self._retry = retry
        self._call = begin()

    def answer(self) -> T:
        while True:
            try:
                return self._finish(self._call)
            except grpc.RpcError as error:
                self._retry.failed(error)
                self._call = self._begin()

    def cancel(self) -> None:
        self._call.cancel()


class Service:
    """One database. `jitter` is a number in [0, 1) by chance."""

    def __init__(
        self,
        channel: Any,
        project: str,
        database: str,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        emulator: bool,
        patience: Patience,
    ) -> None:
        self.clock = clock
        self.jitter = jitter
        self.patience = patience
        self.project = project
        self.database_id = database
        self.database = f"projects/{project}/databases/{database}".encode()
        self.documents = self.database + b"/documents"
        self.prefix = len(self.documents) + 1
        self._channel = channel
        self._calls: dict[str, Any] = {}
        self._metadata = (
            ("google-cloud-resource-prefix", self.database.decode()),
            ("x-goog-request-params", f"project_id={project}&database_id={database}"),
            *((("authorization", "Bearer owner"),) if emulator else ()),
        )

    def name(self, path: bytes) -> bytes:
        """The full name of a path; of the root when it is empty."""
        return self.documents + b"/" + path if path else self.documents

    def begin(self, method: str, request: bytes) -> Any:
        """Start a unary call."""
        return self._call(method).future(request, timeout=self.patience.call_s, metadata=self._metadata)

    def ask(self, method: str, request: bytes, doing: str) -> Pending[bytes]:
        """Start a read of one message, to be waited for later."""
        return Pending(lambda: self.begin(method, request), _result, self.retry_reads(doing))

    def ask_all(self, method: str, request: bytes, doing: str) -> Pending[list[bytes]]:
        """Start a short streaming read, to be waited for later: all of its messages."""

        def begin() -> Any:
            return self._call(method)(request, timeout=self.patience.call_s, metadata=self._metadata)

        return Pending(begin, list, self.retry_reads(doing))

    def retry_reads(self, doing: str) -> Retry:
        return Retry(self, doing, READ_AGAIN, tell=True)

    def retry_writes(self, doing: str) -> Retry:
        return Retry(self, doing, WRITE_AGAIN, tell=False)

    def stream(self, method: str, request: bytes) -> Iterator[bytes]:
        """One attempt at a streaming read. grpc errors pass; cancelled when the caller lets go."""
        call = self._call(method)(request, timeout=self.patience.stream_s, metadata=self._metadata)
        try:
            yield from call
        finally:
            call.cancel()

    def _call(self, method: str) -> Any:
        found = self._calls.get(method)
        if found is None:
            path = f"/google.firestore.v1.Firestore/{method}"
            make = self._channel.unary_stream if method in _STREAMS else self._channel.unary_unary
            found = self._calls[method] = make(path, None, None)
        return found


def _result(call: Any) -> bytes:
    out: bytes = call.result()
    return out
