"""Notifications cannot reach internal addresses: not by name, redirect, rebinding, encoding or another protocol."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from shared.notify.guard import Refused, guarded, is_public

LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",  # carriers' own
        "169.254.169.254",  # metadata of Google, AWS and Azure
        "168.63.129.16",  # Azure's own service
        "192.0.0.192",  # Oracle's metadata
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo of 127.0.0.1
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",  # AWS's metadata
        "ff02::1",
        "2001:db8::1",
        "localhost",
        "metadata.google.internal",
        "example.com",  # a name is no address yet
        "0x7f000001",
        "2130706433",
        "127.1",
        "",
    ],
)
def test_what_is_internal_or_no_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


class Moved(BaseHTTPRequestHandler):
    """`/to/HOST` leads to that host at the same port; anything else is an answer."""

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", f"http://{self.path[4:]}:{self.server.server_address[1]}/secret")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Listens on every loopback address, as a service of the inside does."""
    server = HTTPServer(("0.0.0.0", 0), Moved)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0", "127.0.0.2"])
def test_no_writing_of_an_internal_host_gets_through(server: HTTPServer, host: str) -> None:
    port = server.server_address[1]
    with guarded() as gate, pytest.raises(requests.RequestException):
        requests.get(f"http://{host}:{port}/", timeout=5)
    assert server.seen == []  # type: ignore[attr-defined]
    # A host that does not even resolve never comes to the gate.
    assert gate.refused in {"the address is an internal one", ""}


def test_a_redirect_to_an_internal_address_is_refused_though_the_first_host_was_allowed(
    server: HTTPServer,
) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with guarded(LOOPBACK) as gate:
        assert requests.get(f"{url}/", timeout=5).status_code == 200
        with pytest.raises(requests.RequestException):
            requests.get(f"{url}/to/127.0.0.2", timeout=5)
    assert server.seen == ["/", "/to/127.0.0.2"]  # type: ignore[attr-defined]
    assert gate.refused == "the address is an internal one"


def test_what_is_checked_is_what_is_connected_to_whatever_was_resolved_before(server: HTTPServer) -> None:
    """A name that was public when it was looked at, and leads inside when it is used: only the socket counts."""
    with guarded(), socket.socket() as connection, pytest.raises(Refused):
        connection.connect(("127.0.0.1", server.server_address[1]))
    with guarded(), socket.socket() as connection, pytest.raises(Refused):
        # Resolved by the system, out of our sight: a name is refused as such.
        connection.connect(("localhost", server.server_address[1]))


def test_datagrams_and_sockets_of_the_machine_are_refused_too() -> None:
    with guarded(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, pytest.raises(Refused):
        sender.sendto(b"x", ("127.0.0.1", 514))
    with guarded(), socket.socket(socket.AF_UNIX) as local, pytest.raises(Refused):
        local.connect("/dev/log")


def test_a_thread_that_begins_inside_is_inside_and_programs_are_refused(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    failures: list[Exception] = []

    def escape() -> None:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException as error:
            failures.append(error)

    with guarded() as gate:
        thread = threading.Thread(target=escape)
        thread.start()
        thread.join()
        assert (len(failures), server.seen) == (1, [])  # type: ignore[attr-defined]
        assert gate.refused == "the address is an internal one"
        with pytest.raises(Refused):
            subprocess.run(["true"], check=True)


def test_a_pool_that_was_begun_inside_is_inside_the_next_time_too(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            with guarded(), pytest.raises(requests.RequestException):
                pool.submit(requests.get, url, timeout=5).result()
    assert server.seen == []  # type: ignore[attr-defined]


def test_what_a_pool_is_handed_with_its_context_is_inside(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(requests.get, url, timeout=5).result().status_code == 200
        with guarded(), pytest.raises(requests.RequestException):
            pool.submit(copy_context().run, requests.get, url, timeout=5).result()
    assert server.seen == ["/"]  # type: ignore[attr-defined]


def test_other_threads_and_what_comes_after_are_free(server: HTTPServer) -> None:
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    answers: list[int] = []
    go, done = threading.Event(), threading.Event()

    def other() -> None:
        go.wait(10)
        answers.append(requests.get(url, timeout=5).status_code)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with guarded():
        go.set()
        assert done.wait(10)
    thread.join()
    assert answers == [200]
    assert requests.get(url, timeout=5).status_code == 200
