"""Each channel at its wire: what arrives, what a refusal looks like, and that no secret is told."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from emulators.firestore import FirestoreEmulator
from shared import wiring
from shared.errors import BadInput, Denied, Unavailable
from shared.notify.contract import Notice
from shared.notify.mail import MailChannel
from shared.notify.topic import TopicChannel
from shared.notify.urls import url_channels
from shared.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

LOOPBACK = (ip_network("127.0.0.0/8"),)
NOTICE = Notice(
    "20250301T060000Z-0a1b2c3d4e5f",
    "demo-shop",
    "late",
    True,
    "a backup is late: Ärger & <b>more</b>",
    datetime(2025, 3, 1, 6, tzinfo=UTC),
)
SECRET = "s3cr3t-t0k3n"


@dataclass
class Heard:
    """What a stand-in was sent, and how it answers."""

    port: int = 0
    status: int = 200
    bodies: list[str] = field(default_factory=list)


@pytest.fixture
def webhook() -> Iterator[Heard]:
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(heard.status)
            if heard.status == 302:
                self.send_header("Location", f"http://127.0.0.1:{heard.port}/other")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    heard.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    yield heard
    server.shutdown()
    server.server_close()
    thread.join()


class Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as a client needs."""

    def handle(self) -> None:
        heard: Heard = self.server.heard  # type: ignore[attr-defined]
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            if word == "DATA":
                self._say("354 go on")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                heard.bodies.append(body.decode())
                self._say("250 taken" if heard.status == 200 else "554 no")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def smtp() -> Iterator[Heard]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp)
    heard = server.heard = Heard(port=server.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    yield heard
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_webhook_is_sent_the_notice(webhook: Heard) -> None:
    (channel,) = url_channels(f"json://127.0.0.1:{webhook.port}/{SECRET}", LOOPBACK)
    channel(NOTICE)
    (body,) = map(json.loads, webhook.bodies)
    assert body["title"] == "firekeep demo-shop: late"
    assert "a backup is late: Ärger & <b>more</b>" in body["message"]
    assert body["type"] == "failure"


def test_mail_is_sent_over_smtp(smtp: Heard) -> None:
    url = f"mailto://127.0.0.1:{smtp.port}/?from=keep@example.com&to=ops@example.com&mode=insecure"
    (channel,) = url_channels(url, LOOPBACK)
    channel(NOTICE)
    (body,) = smtp.bodies
    assert "ops@example.com" in body
    assert "Subject: " in body


@pytest.mark.parametrize("status", [302, 400, 403, 500])
def test_a_webhook_that_refuses_is_an_error_that_tells_no_secret(webhook: Heard, status: int) -> None:
    webhook.status = status
    (channel,) = url_channels(f"json://127.0.0.1:{webhook.port}/{SECRET}", LOOPBACK)
    with pytest.raises(Unavailable) as caught:
        channel(NOTICE)
    assert SECRET not in str(caught.value) + channel.name
    assert len(webhook.bodies) == 1  # and no redirect was followed


def test_internal_addresses_are_refused_unless_their_network_is_named(webhook: Heard, smtp: Heard) -> None:
    text = "\n".join(
        [
            f"json://127.0.0.1:{webhook.port}/{SECRET}",
            f"json://localhost:{webhook.port}/{SECRET}?redirect=yes",
            f"xml://127.0.0.1:{webhook.port}/",
            f"mailto://127.0.0.1:{smtp.port}/?from=a@example.com&to=b@example.com&mode=insecure",
        ]
    )
    for channel in url_channels(text):
        with pytest.raises(Denied, match="internal") as caught:
            channel(NOTICE)
        assert SECRET not in str(caught.value)
    assert webhook.bodies == smtp.bodies == []


@pytest.mark.parametrize("line", [SECRET, f"nonsense://{SECRET}", f"syslog://{SECRET}", "json://", "://"])
def test_a_line_that_is_no_service_is_named_by_its_number_and_nothing_else(line: str) -> None:
    (channel,) = url_channels(f"# ours\n\n{line}\n")
    with pytest.raises(BadInput, match="line 3 ") as caught:
        channel(NOTICE)
    assert SECRET not in str(caught.value) + channel.name


def test_a_bad_line_leaves_the_others(webhook: Heard) -> None:
    text = f"nonsense\njson://127.0.0.1:{webhook.port}/"
    bad, good = url_channels(text, LOOPBACK)
    good(NOTICE)
    assert len(webhook.bodies) == 1
    assert (bad.name, good.name) == ("line 1", "line 2 (json)")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    emulator = FirestoreEmulator(host="127.0.0.1", port=0)
    os.environ["FIRESTORE_EMULATOR_HOST"] = address = emulator.start()
    yield Settings(project="demo-channels", firestore_emulator=address)
    del os.environ["FIRESTORE_EMULATOR_HOST"]
    emulator.stop()


def test_a_mail_document_is_made_once_however_often_it_is_told(settings: Settings) -> None:
    client = wiring._app_client(settings)
    channel = MailChannel(lambda: client, "mail", ["ops@example.com", "böss@example.com"])
    channel(NOTICE)
    channel(NOTICE)
    (found,) = client.collection("mail").stream()
    assert found.to_dict() == {
        "to": ["ops@example.com", "böss@example.com"],
        "message": {"subject": NOTICE.subject, "text": NOTICE.text},
    }


def test_programs_are_told_by_a_topic() -> None:
    sent: list[tuple[str, Any]] = []
    TopicChannel(lambda topic, messages: sent.append((topic, messages)), "alerts")(NOTICE)
    ((topic, (message,)),) = sent
    assert topic == "alerts"
    assert json.loads(message) == {
        "id": NOTICE.id,
        "project": "demo-shop",
        "kind": "late",
        "state": "began",
        "message": NOTICE.message,
        "at": "2025-03-01T06:00:00Z",
    }


class Nobody:
    def publish(self, topic: str, messages: Any) -> None: ...


def test_the_settings_make_the_channels(settings: Settings, tmp_path: Path) -> None:
    urls = tmp_path / "urls"
    urls.write_text(f"json://example.com/{SECRET}\n")
    urls.chmod(0o600)
    chosen = Settings.from_env(
        {
            "FIREKEEP_PROJECT": "demo-channels",
            "FIREKEEP_NOTIFY_FILE": str(urls),
            "FIREKEEP_NOTIFY_MAIL": "ops@example.com, dev@example.com",
            "FIREKEEP_NOTIFY_TOPIC": "alerts",
            "FIREKEEP_NOTIFY_NETWORKS": "10.0.0.0/8 fd00::/8",
        }
    )
    names = [one.name for one in wiring.channels(chosen, Nobody())]
    assert names == ["line 1 (json)", "collection mail", "topic alerts"]


@pytest.mark.parametrize("mode", [None, 0o644])
def test_a_file_that_is_missing_or_open_to_others_is_a_channel_that_says_so(
    tmp_path: Path, mode: int | None
) -> None:
    urls = tmp_path / "urls"
    if mode:
        urls.write_text("json://example.com/")
        urls.chmod(mode)
    (channel,) = wiring.channels(Settings(project="demo-channels", notify_file=urls), Nobody())
    with pytest.raises(Exception, match="file of notifications"):
        channel(NOTICE)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FIREKEEP_NOTIFY_MAIL", "nobody"),
        ("FIREKEEP_NOTIFY_TOPIC", "projects/p/topics/t"),
        ("FIREKEEP_NOTIFY_NETWORKS", "10.0.0.1/8"),
        ("FIREKEEP_NOTIFY_NETWORKS", "internal"),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("FIREKEEP_VERIFY_WITHIN_DAYS", "0"),
    ],
)
def test_a_variable_that_does_not_fit_is_named(variable: str, value: str) -> None:
    with pytest.raises(BadInput, match=variable):
        Settings.from_env({variable: value})
