"""A stand-in for Azure's blobs with version-level immutability, which Azurite lacks: as much as holds need.

It checks the signature of every policy, and as Azure lets anybody delete or replace what is held: the bytes stay as an
older version.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

POLICY = "x-ms-immutability-policy"


@dataclass
class Blob:
    data: bytes
    version: str
    until: datetime | None = None
    mode: str = ""
    legal: bool = False


@dataclass
class Blobs:
    """What the stand-in holds. `immutable` is whether the container was made for it."""

    account: str
    key: str
    immutable: bool = True
    versions: dict[str, list[Blob]] = field(default_factory=dict)
    current: dict[str, Blob] = field(default_factory=dict)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    blobs: Blobs

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's
        return

    def do_HEAD(self) -> None:
        parts = urlsplit(self.path)
        blob = self.blobs.current.get(parts.path)
        if blob is None:
            self._answer(404, {"x-ms-error-code": "BlobNotFound"})
            return
        told = {"Content-Length": str(len(blob.data)), "x-ms-version-id": blob.version}
        told |= {
            "ETag": f'"{blob.version}"',
            "Last-Modified": format_datetime(datetime.now(UTC), usegmt=True),
        }
        if blob.until is not None:
            told |= {f"{POLICY}-until-date": format_datetime(blob.until, usegmt=True)}
            told |= {f"{POLICY}-mode": blob.mode.title()}
        self._answer(200, told | ({"x-ms-legal-hold": "true"} if blob.legal else {}), blob.data)

    do_GET = do_HEAD  # noqa: N815  # the base's

    def do_PUT(self) -> None:
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = dict(parse_qsl(parts.query))
        if asked.get("comp") == "immutabilityPolicies":
            self._hold(parts.path, asked)
            return
        if self.headers.get("If-None-Match") == "*" and parts.path in self.blobs.current:
            self._answer(409, {"x-ms-error-code": "BlobAlreadyExists"})
            return
        versions = self.blobs.versions.setdefault(parts.path, [])
        blob = Blob(data, f"2026-03-29T00:00:00.{len(versions):07}Z")
        versions.append(blob)
        self.blobs.current[parts.path] = blob
        self._answer(201, {"ETag": f'"{blob.version}"', "x-ms-version-id": blob.version})

    def do_POST(self) -> None:
        """A batch of one deletion, as obstore sends it."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path = body.partition("DELETE ")[2].partition(" ")[0]
        found = self.blobs.current.pop(urlsplit(path).path, None) is not None
        told = "HTTP/1.1 202 Accepted" if found else "HTTP/1.1 404 The specified blob does not exist."
        head = "Content-Type: application/http\r\nContent-ID: 0\r\n\r\n"
        data = f"--answers\r\n{head}{told}\r\nx-ms-version: 2023-11-03\r\n\r\n--answers--".encode()
        kind = "multipart/mixed; boundary=answers"
        self._answer(202, {"Content-Type": kind, "Content-Length": str(len(data))}, data)

    def _hold(self, path: str, asked: dict[str, str]) -> None:
        if self.headers["Authorization"] != self._signature(path, asked):
            self._answer(403, {"x-ms-error-code": "AuthenticationFailed"})
            return
        blob = next(one for one in self.blobs.versions[path] if one.version == asked["versionid"])
        until = parsedate_to_datetime(self.headers[f"{POLICY}-until-date"])
        mode = self.headers[f"{POLICY}-mode"]
        if not self.blobs.immutable:
            self._answer(409, {"x-ms-error-code": "FeatureNotEnabled"})
        elif blob.mode == "locked" and (mode != "locked" or (blob.until and until < blob.until)):
            self._answer(409, {"x-ms-error-code": "BlobImmutableDueToPolicy"})
        else:
            blob.until, blob.mode = until, mode
            self._answer(200, {})

    def _signature(self, path: str, asked: dict[str, str]) -> str:
        """Shared Key, as Microsoft describes it, of what has come."""
        names = [
            "Content-Encoding",
            "Content-Language",
            "Content-Length",
            "Content-MD5",
            "Content-Type",
            "Date",
        ]
        names += ["If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"]
        told = [self.headers.get(name, "") for name in names]
        told[2] = told[2] if told[2] != "0" else ""
        ours = sorted(
            (name.lower(), value) for name, value in self.headers.items() if name[:5].lower() == "x-ms-"
        )
        lines = [self.command, *told, *(f"{name}:{value}" for name, value in ours)]
        lines += [f"/{self.blobs.account}{path}", *(f"{name}:{asked[name]}" for name in sorted(asked))]
        key = base64.b64decode(self.blobs.key)
        digest = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).digest()
        return f"SharedKey {self.blobs.account}:{base64.b64encode(digest).decode()}"

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def blob_server(account: str, key: str) -> Iterator[Blobs]:
    """The stand-in with one account. Its time is the machine's."""
    blobs = Blobs(account, key)
    handler = type("Handler", (_Handler,), {"blobs": blobs})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        blobs.url = f"http://127.0.0.1:{server.server_port}/{account}"
        try:
            yield blobs
        finally:
            server.shutdown()
            thread.join(10)
