"""A small HTTP/1.1 server on an event loop: parsed by h11, kept connections, bounded bodies.

It answers 400 to what is not HTTP, 413 to what is too large, and 500 when the handler fails; it never hangs up
without an answer to a complete request unless the handler raises Hangup.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import h11

from emulators.host.messages import Hangup, Request, Response, text
from shared.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[Request, Callable[[], bool]], Awaitable[Response]]

BODY_MOST = 32 * 1024 * 1024
_READ = 65536
_HOP_BY_HOP = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"})
_log = logging.getLogger("emulators.host")


class Front:
    """Serves `handler(request, gone)` on a bound socket, until stopped."""

    def __init__(self, handler: Handler, listener: socket.socket) -> None:
        self._handler = handler
        self._listener = listener
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, sock=self._listener, backlog=1024)

    async def stop(self) -> None:
        """Closes the door and every connection, in the middle of a request too."""
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_Connection(self._handler, reader, writer).serve())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)


class _Connection:
    def __init__(self, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handler = handler
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def serve(self) -> None:
        try:
            while await self._exchange():
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as problem:
            await self._refuse(problem.error_status_hint)
        except OSError:
            _log.debug("a client closed its connection early")
        finally:
            self._writer.close()

    async def _exchange(self) -> bool:
        """One request and its answer. False when the connection must not be used again."""
        head = await self._event()
        if not isinstance(head, h11.Request):
            return False
        body = await self._body()
        if body is None:
            await self._send(text(413, f"the body is larger than {BODY_MOST} bytes"), head.method)
            return False
        await self._send(await self._handle(_request(head, body)), head.method)
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _handle(self, request: Request) -> Response:
        try:
            return await self._handler(request, self._reader.at_eof)
        except Hangup:
            raise
        except Exception:  # noqa: BLE001  # the last resort: a request is always answered
            _log.exception("answering %s %s", request.method, request.path)
            return text(500, "the host failed to answer")

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._http.send(go_on) or b"")
            self._http.receive_data(await self._reader.read(_READ))
        return event  # type: ignore[return-value]

    async def _body(self) -> bytes | None:
        parts, size = [], 0
        while isinstance(event := await self._event(), h11.Data):
            size += len(event.data)
            if size > BODY_MOST:
                return None
            parts.append(bytes(event.data))
        return b"".join(parts)

    async def _send(self, response: Response, method: bytes) -> None:
        headers = [pair for pair in response.headers if pair[0].lower() not in _HOP_BY_HOP]
        headers.append(("content-length", str(len(response.body))))
        encoded = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers]
        parts = [self._http.send(h11.Response(status_code=response.status, headers=encoded))]
        if method != b"HEAD":
            parts.append(self._http.send(h11.Data(response.body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        self._writer.write(b"".join(part for part in parts if part))
        await self._writer.drain()

    async def _refuse(self, status: int) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self._send(text(status, "the request is not valid HTTP"), b"")


def _request(head: h11.Request, body: bytes) -> Request:
    target = urlsplit(head.target.decode("latin-1"))
    return Request(
        head.method.decode("ascii"),
        target.path or "/",
        target.query,
        tuple((key.decode("latin-1"), value.decode("latin-1")) for key, value in head.headers),
        body,
    )


def bind(host: str, port: int = 0) -> socket.socket:
    """A bound socket: its port is known before anything serves on it. Raises Unavailable when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as problem:
        listener.close()
        raise Unavailable(f"starting the functions host on {host}:{port}: {problem.strerror}") from problem
    return listener
