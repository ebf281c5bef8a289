"""A hostile proxy: HTTP between a provider's client and its server, spoilt according to a plan."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SAME_PAGE = "the-same-page"
"""As the token of the next page in a rewritten listing: asked for, it is the first page once more."""
_SAME_PAGE = re.compile(rf"&?(pageToken|continuation-token)={SAME_PAGE}")
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True)
class Fault:
    """For the next request with this method. `kind`:

    answer    `status`, `code` and nothing from the server, which never hears of it
    cut       the connection is closed in the middle of the request's body
    lose      the server does it, and the answer is lost
    short     the answer ends in the middle of its body
    flip      one bit of the answer's body is another
    slow      no answer for `seconds`
    rewrite   the answer's body is what `change` makes of it
    """

    kind: str
    method: str
    status: int = 0
    code: str = ""
    seconds: float = 0.0
    change: Callable[[bytes], bytes] = field(default=lambda body: body)


class Plan:
    """The faults to come, in order for each method. `always` spoils every answer to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._always: dict[str, Fault] = {}
        self.requests: list[str] = []

    def add(self, *faults: Fault) -> None:
        self._faults.extend(faults)

    def always(self, fault: Fault) -> None:
        self._always[fault.method] = fault

    def spent(self) -> bool:
        """Whether every fault that was planned has happened."""
        return not self._faults

    def next(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.requests.append(f"{method} {path}")
            for fault in self._faults:
                if fault.method == method:
                    self._faults.remove(fault)
                    return fault
            return self._always.get(method)


@contextmanager
def proxy(upstream: str, without: tuple[str, ...] = ()) -> Iterator[tuple[str, Plan]]:
    """In front of `upstream`, HOST:PORT or a URL without a path: its own HOST:PORT, and the plan.

    Headers in `without` are kept from the server.
    """
    plan = Plan()
    target = urlsplit(upstream if "://" in upstream else f"http://{upstream}").netloc

    class Handler(_Handler):
        pass

    Handler.plan, Handler.target, Handler.without = plan, target, {"connection", *without}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", plan
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plan: Plan
    target: str
    without: set[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's
        return

    def _serve(self) -> None:
        fault = self.plan.next(self.command, self.path)
        length = int(self.headers.get("content-length") or 0)
        if fault is not None and fault.kind == "cut":
            self.rfile.read(length // 2)
            self._hang_up()
            return
        body = self.rfile.read(length)
        if fault is None:
            self._answer(*self._forward(body))
        else:
            self._spoil(fault, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _serve  # noqa: N815  # the base's

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.target, timeout=30)
        try:
            # The signature covers the host that the client named.
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in self.without
            }
            path = _SAME_PAGE.sub("", self.path)
            connection.request(self.command, path, body if body else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _send(self, fault: Fault, body: bytes) -> None:
        status, headers, answer = self._forward(body)
        self._answer(status, headers, fault.change(answer))

    def _spoil(self, fault: Fault, body: bytes) -> None:
        acts = {
            "answer": self._answer_with,
            "lose": self._lose,
            "short": self._short,
            "flip": self._flip,
            "slow": self._slow,
            "rewrite": self._send,
        }
        acts[fault.kind](fault, body)

    def _answer_with(self, fault: Fault, body: bytes) -> None:
        xml = f"<?xml version='1.0'?><Error><Code>{fault.code}</Code><Message>no</Message></Error>"
        json = f'{{"error": {{"code": {fault.status}, "message": "no", "errors": [{{"reason": "{fault.code}"}}]}}}}'
        google = "/storage/v1/" in self.path
        kind = "application/json" if google else "application/xml"
        self._answer(fault.status, [("content-type", kind)], (json if google else xml).encode())

    def _lose(self, fault: Fault, body: bytes) -> None:
        self._forward(body)
        self._hang_up()

    def _short(self, fault: Fault, body: bytes) -> None:
        status, headers, answer = self._forward(body)
        self._head(status, headers, len(answer))
        self.wfile.write(answer[: len(answer) // 2])
        self._hang_up()

    def _flip(self, fault: Fault, body: bytes) -> None:
        status, headers, answer = self._forward(body)
        middle = len(answer) // 2
        self._answer(status, headers, answer[:middle] + bytes([answer[middle] ^ 1]) + answer[middle + 1 :])

    def _slow(self, fault: Fault, body: bytes) -> None:
        time.sleep(fault.seconds)
        self._hang_up()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        told = int({name.lower(): value for name, value in headers}.get("content-length") or len(body))
        self._head(status, headers, told if self.command == "HEAD" else len(body))
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _head(self, status: int, headers: list[tuple[str, str]], length: int) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()

    def _hang_up(self) -> None:
        self.wfile.flush()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()
