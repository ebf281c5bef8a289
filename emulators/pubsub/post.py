"""HTTP/1.1 POST over kept connections: all that push delivery needs, in the event loop.

A request that fails in any way, too late included, is an error to the caller, who will deliver again.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

_READ = 65536
_IDLE_S = 30.0


@dataclass(slots=True)
class _Link:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection
    idle_since: float = 0.0


class Poster:
    """Posts to one endpoint, from one event loop, any number at once."""

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._host = url.hostname or ""
        self._port = url.port or (443 if self._tls else 80)
        self._authority = url.netloc.rpartition("@")[2].encode("ascii")
        self._target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._idle: list[_Link] = []

    async def post(self, body: bytes, headers: list[tuple[bytes, bytes]]) -> int:
        """The answer's status. Raises OSError or h11.ProtocolError when there is none."""
        link = self._reuse() or await self._connect()
        try:
            status = await self._exchange(link, body, headers)
        except BaseException:
            link.writer.close()
            raise
        self._keep(link)
        return status

    def close(self) -> None:
        while self._idle:
            self._idle.pop().writer.close()

    async def _connect(self) -> _Link:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        return _Link(reader, writer, h11.Connection(h11.CLIENT))

    def _reuse(self) -> _Link | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            link = self._idle.pop()
            if not link.reader.at_eof() and now - link.idle_since < _IDLE_S:
                return link
            link.writer.close()
        return None

    def _keep(self, link: _Link) -> None:
        if link.http.our_state is h11.DONE and link.http.their_state is h11.DONE:
            link.http.start_next_cycle()
            link.idle_since = asyncio.get_running_loop().time()
            self._idle.append(link)
        else:
            link.writer.close()

    async def _exchange(self, link: _Link, body: bytes, extra: list[tuple[bytes, bytes]]) -> int:
        headers = [
            *extra,
            (b"host", self._authority),
            (b"content-length", b"%d" % len(body)),
            (b"user-agent", b"APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"),
        ]
        request = h11.Request(method="POST", target=self._target, headers=headers)
        parts = [link.http.send(request), link.http.send(h11.Data(body)), link.http.send(h11.EndOfMessage())]
        link.writer.write(b"".join(part for part in parts if part))
        await link.writer.drain()
        return await _read_status(link)


async def _read_status(link: _Link) -> int:
    status = 0
    while True:
        event = link.http.next_event()
        if event is h11.NEED_DATA:
            link.http.receive_data(await link.reader.read(_READ))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.EndOfMessage):
            return status
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("the endpoint closed the connection without an answer")
