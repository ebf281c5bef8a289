"""Stacks over the tests' functions, and clients for them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.cloud import pubsub_v1

from emulators.stack import Stack, StackOptions
from functions.table import DocumentTrigger, FunctionSpec, TopicTrigger

APP = Path(__file__).parent.parent / "host" / "app" / "main.py"
NOWHERE = "127.0.0.1:1"


def topic_function(name: str, **more: Any) -> FunctionSpec:
    return FunctionSpec(name, TopicTrigger(f"topic-{name}"), "x", **more)


def document_function(name: str, event: Any, pattern: str, **more: Any) -> FunctionSpec:
    return FunctionSpec(name, DocumentTrigger(event, pattern), "x", **more)


@dataclass
class Scene:
    stack: Stack
    publisher: pubsub_v1.PublisherClient
    seen: Path
    log: list[tuple[str, str]] = field(default_factory=list)

    def publish(self, function: str, body: bytes = b"hello", **attributes: str) -> str:
        topic = f"projects/{self.stack.options.project}/topics/topic-{function}"
        return str(self.publisher.publish(topic, body, **attributes).result(timeout=10))

    def calls(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.seen.glob(f"{name}-*.json"))]


@contextmanager
def scene(seen: Path, *table: FunctionSpec, **more: Any) -> Iterator[Scene]:
    """Without Firestore unless asked for with `firestore_address=None`."""
    log: list[tuple[str, str]] = []
    settings = {"firestore_address": NOWHERE, "env": {"SEEN_DIR": str(seen)}, **more}
    options = StackOptions(APP, table, log=lambda name, line: log.append((name, line)), **settings)
    with Stack(options) as stack, emulated("PUBSUB_EMULATOR_HOST", stack.env["PUBSUB_EMULATOR_HOST"]):
        publisher = pubsub_v1.PublisherClient()
        try:
            yield Scene(stack, publisher, seen, log)
        finally:
            publisher.stop()
            publisher.transport.close()


@contextmanager
def emulated(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, directly or not."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = set(), [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def until(true: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)
