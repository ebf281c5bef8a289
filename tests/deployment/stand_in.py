"""A stand-in for Google's REST APIs: a real HTTP server on loopback that answers from a table of paths."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

SERVICES = (
    "serviceusage", "firestore", "storage", "cloudresourcemanager", "iam", "cloudfunctions", "cloudscheduler",
    "secretmanager", "identitytoolkit",
    "pubsub",
)  # fmt: skip


class Answers(dict[str, Any]):
    """What each path answers: a JSON object, or a status for a refusal. A path that is not there is a 404."""

    url = ""

    @property
    def stand_ins(self) -> dict[str, str]:
        return {service: f"{self.url}/{service}" for service in SERVICES}


@contextmanager
def stand_in() -> Iterator[Answers]:
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            path, _, query = self.path.partition("?")
            asked = parse_qs(query).get("permissions")
            self._answer(path, asked)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(self.path, body.get("permissions"))

        def _answer(self, path: str, asked: list[str] | None) -> None:
            found = answers.get(path, 404)
            if asked is not None and isinstance(found, dict):
                found = {"permissions": [name for name in asked if name not in found.get("lacking", ())]}
            status = found if isinstance(found, int) else 200
            data = json.dumps({"error": {"code": status}} if status != 200 else found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answers.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield answers
        finally:
            server.shutdown()
