"""The HTTP server in front: valid requests, many on one connection, and everything else."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from emulators.host.front import BODY_MOST, Front, bind
from emulators.host.messages import Request, Response


async def handler(request: Request, gone: Callable[[], bool]) -> Response:
    if request.path == "/fail":
        raise RuntimeError("a secret")
    headers = (("x-seen", request.header("x-sent")), ("content-length", "999"))
    return Response(200, headers, b"|".join([request.method.encode(), request.query.encode(), request.body]))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    loop = asyncio.new_event_loop()
    listener = bind("127.0.0.1")
    front = Front(handler, listener)
    loop.run_until_complete(front.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield listener.getsockname()[1]
    asyncio.run_coroutine_threadsafe(front.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def raw(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: link.recv(65536), b""))


def test_many_requests_share_a_connection(port: int) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for number in range(50):
        link.request("POST", f"/name?n={number}", b"x" * number, {"X-Sent": "Å"})
        answer = link.getresponse()
        assert answer.status == 200
        assert answer.getheader("x-seen") == "Å"
        assert answer.read() == b"POST|n=%d|" % number + b"x" * number
    link.close()


def test_chunked_bodies_and_expectations_are_understood(port: int) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    link.request(
        "POST", "/", iter([b"ab", b"c"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    assert link.getresponse().read() == b"POST||abc"
    link.close()
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sent:
        sent.sendall(head)
        assert sent.recv(1000).startswith(b"HTTP/1.1 100")
        sent.sendall(b"ok")
        assert b"".join(iter(lambda: sent.recv(1000), b"")).endswith(b"POST||ok")


def test_requests_sent_ahead_are_answered_in_order(port: int) -> None:
    one = b"POST /?n=%d HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nz"
    answer = raw(port, b"".join(one % number for number in range(5)))
    assert [answer.index(b"n=%d|z" % number) for number in range(5)] == sorted(
        answer.index(b"n=%d|z" % number) for number in range(5)
    )


@pytest.mark.parametrize(
    "data",
    [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
     b"\x16\x03\x01\x02\x00\x01\x00\x01", b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 20000 + b"\r\n"],
)  # fmt: skip
def test_what_is_not_http_is_refused(port: int, data: bytes) -> None:
    assert raw(port, data).split(b" ")[1] in {b"400", b"431"}


def test_an_unfinished_request_is_not_handled(port: int) -> None:
    assert b"200" not in raw(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabc")
    assert raw(port, b"") == b""


def test_a_body_that_is_too_large_is_refused(port: int) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        link.request("POST", "/", b"x" * (BODY_MOST + 5_000_000))
        assert link.getresponse().status == 413
        raise BrokenPipeError
    link.close()


def test_a_failing_handler_is_a_500_without_its_words(port: int, caplog: pytest.LogCaptureFixture) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    link.request("POST", "/fail")
    answer = link.getresponse()
    assert answer.status == 500
    assert b"secret" not in answer.read()
    link.request("HEAD", "/")
    assert link.getresponse().status == 200
    link.close()
