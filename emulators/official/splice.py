"""Two protocols on one port: the first bytes of a connection say which, and it is joined to the server that speaks it.

Clients of gRPC open a connection with HTTP/2's preface, `PRI * HTTP/2.0`, and no HTTP/1.1 method is called PRI.
"""

from __future__ import annotations

import contextlib
import socket
import threading

from emulators.loopback import check_loopback
from shared.errors import Unavailable

_PREFACE = b"PRI "
_CHUNK = 256 * 1024
_BACKLOG = 1024


class Splice:
    """Listens on `host` and `port`; `grpc` and `http` are the HOST:PORT of the servers behind."""

    def __init__(self, host: str, port: int, grpc: str, http: str) -> None:
        self._host, self._port = check_loopback(host), port
        self._servers = {True: _address(grpc), False: _address(http)}
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def start(self) -> str:
        """Serves in the background. Answers HOST:PORT. Raises Unavailable when the port is taken."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((self._host.strip("[]"), self._port))
            self._listener.listen(_BACKLOG)
        except OSError as problem:
            self._listener.close()
            raise Unavailable(f"serving on {self._host}:{self._port}: {problem.strerror}") from problem
        self._bound = self._listener.getsockname()[:2]
        threading.Thread(target=self._accept, name="splice", daemon=True).start()
        return f"{self._host}:{self._bound[1]}"

    def stop(self) -> None:
        """Closes the door and every connection."""
        with self._lock:
            self._stopping = True
            connections = list(self._open)
        # A connection of our own wakes the acceptor on every platform.
        with contextlib.suppress(OSError):
            socket.create_connection(self._bound, timeout=1).close()
        self._listener.close()
        for connection in connections:
            _shut(connection, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name="splice", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self._keep(client)
            first = _first(client)
            if not first:
                return
            with socket.create_connection(self._servers[first.startswith(_PREFACE)]) as server:
                self._keep(server)
                server.sendall(first)
                back = threading.Thread(target=_pump, args=(server, client), name="splice", daemon=True)
                back.start()
                _pump(client, server)
                back.join()
                self._drop(server)
        self._drop(client)

    def _keep(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
            if self._stopping:
                raise OSError("the server is stopping")

    def _drop(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


def _first(client: socket.socket) -> bytes:
    """What the client says first, enough to tell the protocol; empty when it goes away before that."""
    found = b""
    while len(found) < len(_PREFACE):
        part = client.recv(_CHUNK)
        if not part:
            return b""
        found += part
    return found


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Hands on what comes from one side until it ends; then the other side is told so."""
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    try:
        while count := source.recv_into(buffer):
            sink.sendall(view[:count])
    except OSError:
        # One side is gone in the middle: nothing of the connection is left to save.
        _shut(source, socket.SHUT_RDWR)
    _shut(sink, socket.SHUT_WR)


def _shut(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(how)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
