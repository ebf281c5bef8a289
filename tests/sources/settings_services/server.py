"""One HTTP server for all of them. A request that a discovery document does not allow is refused, as Google refuses it;
an answer of ours that it does not allow is remembered in `broken`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from emulators.auth import AuthEmulator
from settings_services.backends import Auth, Indexes, Json, RemoteConfig, Reply, Rules, refusal
from settings_services.discovery import Discovery
from shared.sources.settings import Endpoints

Fault = Callable[[str, str], tuple[int, bytes, dict[str, str]] | None]


class Services:
    """All four APIs. `fault(verb, path)` may answer in their place: status, body, headers; `loss` when it is done."""

    def __init__(self) -> None:
        self._emulator = AuthEmulator()
        self._auth = Auth(self._emulator.start())
        self.rules, self.indexes, self.remote_config = Rules(), Indexes(), RemoteConfig()
        self.fault: Fault = lambda _verb, _path: None
        self.loss: Fault = lambda _verb, _path: None
        self.calls: list[str] = []
        self.broken: list[str] = []
        self._discovery = {
            api: Discovery(api)
            for api in ("identitytoolkit", "firestore", "firebaserules", "firebaseremoteconfig")
        }
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def endpoints(self) -> Endpoints:
        base = f"http://127.0.0.1:{self._server.server_address[1]}"
        names = ("identitytoolkit", "firebaserules", "firebaseremoteconfig", "firestore")
        return Endpoints(*(f"{base}/{name}" for name in names), token="owner")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._emulator.stop()

    def answer(
        self, verb: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        path, _, query = target.partition("?")
        _, api, rest = path.split("/", 2)
        self.calls.append(f"{verb} {rest}")
        fault = self.fault(verb, path)
        if fault is not None:
            return fault
        status, found, more = self._answer(api, verb, f"/{rest}", query, headers, body)
        return self.loss(verb, path) or (status, json.dumps(found).encode(), more)

    def _answer(
        self, api: str, verb: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> Reply:
        discovery, asked = self._discovery[api], dict(parse_qsl(query))
        found = discovery.find(verb, path)
        if found is None:
            return refusal(404, "NOT_FOUND", f"There is nothing at {path}")
        told: Json = json.loads(body) if body else {}
        wrong = [*discovery.wrong_query(found, asked), *discovery.wrong(found.method.get("request"), told)]
        if wrong:
            self.broken.append(f"{verb} {path}: {wrong}")
            return refusal(400, "INVALID_ARGUMENT", "Unknown name")
        if api == "identitytoolkit":
            reply = self._auth.forward(verb, path, query, body)
        else:
            backend: Any = {"firestore": self.indexes, "firebaserules": self.rules}.get(
                api, self.remote_config
            )
            reply = backend.answer(found.id, found.name, asked, told, headers)
        if reply[0] == 200 and found.method.get("response") != "GoogleLongrunningOperation":
            self.broken += discovery.wrong(found.method.get("response"), reply[1])
        return reply


def _handler(services: Services) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: apart, each answer takes 40 ms

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, data, more = services.answer(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
