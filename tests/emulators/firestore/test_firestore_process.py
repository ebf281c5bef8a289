from __future__ import annotations

import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from firestore_helpers import PROJECT, commit, connected, everything, put, query

from emulators.firestore import FirestoreEmulator

TOP = Path(__file__).parents[3]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "emulators.firestore", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, cwd=TOP, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_when_it_serves_and_stops_at_a_signal(
    number: signal.Signals,
) -> None:
    with started("--host", "127.0.0.1", "--port", "0", "--project-id", PROJECT, "--horizon", "60") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("firestore ready 127.0.0.1:")
        with connected(line.split()[-1]) as client:
            commit(client, [put("C/a")])
            assert query(client, everything()) == ["C/a"]
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 2
        assert process.stdout.read() == ""


def test_a_port_in_use_is_a_clear_error() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        started("--port", str(taken.getsockname()[1])) as process,
    ):
        assert process.wait(10) == 1
        assert process.stderr is not None and "firestore: " in process.stderr.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com"])
def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        FirestoreEmulator(host=host)


def test_the_process_refuses_other_hosts_too() -> None:
    with started("--host", "0.0.0.0") as process:
        assert process.wait(10) == 1
        assert process.stderr is not None and "loopback" in process.stderr.read()


def test_it_starts_in_little_more_than_it_takes_to_load_grpc() -> None:
    def bare() -> None:
        subprocess.run([sys.executable, "-c", "import grpc"], check=True)

    def emulator() -> None:
        with started() as process:
            assert process.stdout is not None and process.stdout.readline()

    assert least_processor_time(emulator) < 4 * least_processor_time(bare)


def least_processor_time(run: Callable[[], None]) -> float:
    """Seconds that a child needed, the best of five: the machine may be busy with other things."""
    times = []
    for _ in range(5):
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        run()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
    return min(times)


def test_a_cleared_database_is_empty_and_others_are_not() -> None:
    emulator = FirestoreEmulator()
    address = emulator.start()
    with connected(address) as one, connected(address, "other") as other:
        for client in (one, other):
            client.document("C/a").set({})
        emulator.clear(PROJECT)
        assert not one.document("C/a").get().exists
        assert other.document("C/a").get().exists
    emulator.stop()
