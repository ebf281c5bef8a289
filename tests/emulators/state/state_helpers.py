"""Emulators as processes that are killed and started again on what they kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google.auth.credentials
import pytest
from google.cloud import firestore, pubsub_v1

TOP = Path(__file__).parents[3]
PROJECT = "demo-state"


class Running:
    """An emulator's process, and where it serves."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


@contextmanager
def running(service: str, data: Path, *arguments: str) -> Iterator[Running]:
    command = [sys.executable, "-m", f"emulators.{service}", "--data", str(data), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TOP) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(f"{service} ready "), line
            yield Running(process, line.split()[-1])
        finally:
            process.kill()


def ended(service: str, data: Path, *arguments: str) -> tuple[int, str]:
    """Status and words of an emulator that does not start."""
    command = [sys.executable, "-m", f"emulators.{service}", "--data", str(data), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TOP, timeout=60, check=False)
    return done.returncode, done.stderr


@contextmanager
def documents(
    address: str, database: str = "(default)", project: str = PROJECT
) -> Iterator[firestore.Client]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", address)
        anonymous = google.auth.credentials.AnonymousCredentials()
        client = firestore.Client(project=project, credentials=anonymous, database=database)
    yield client
    client.close()


@contextmanager
def messages(address: str) -> Iterator[tuple[pubsub_v1.PublisherClient, pubsub_v1.SubscriberClient]]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PUBSUB_EMULATOR_HOST", address)
        publisher = pubsub_v1.PublisherClient(
            publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        )
        subscriber = pubsub_v1.SubscriberClient()
    yield publisher, subscriber
    publisher.stop()
    publisher.transport.close()
    subscriber.close()
