"""The emulator as a process, and what it refuses to do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.pubsub import PubSubEmulator
from emulators.pubsub.topology import parse_topology
from shared.errors import BadInput, Unavailable


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "emulators.pubsub", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_serves_and_stops_cleanly(number: signal.Signals) -> None:
    with start("--port", "0") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("pubsub ready 127.0.0.1:")
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", ""])
def test_only_loopback_addresses_are_served(host: str) -> None:
    with pytest.raises(BadInput, match="loopback"):
        PubSubEmulator(host)


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    first = PubSubEmulator()
    port = int(first.start().rsplit(":", 1)[1])
    second = PubSubEmulator(port=port)
    with pytest.raises(Unavailable, match=str(port)):
        second.start()
    second.stop()
    first.stop()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "not json", '{"topics": [{"nam": "x"}]}', '{"topics": 1}', '{"pushWindows": {"s": "many"}}'],
)
def test_a_topology_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_topology(text)


def test_a_topology_that_contradicts_itself_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    file = tmp_path / "topology.json"
    subscription = {"name": "projects/demo-x/subscriptions/sub", "topic": "projects/demo-x/topics/missing"}
    file.write_text(json.dumps({"subscriptions": [subscription]}))
    with start("--topology", str(file)) as process:
        assert process.wait(10) == BadInput.exit_status
        assert process.stderr is not None
        assert "missing" in process.stderr.read()
