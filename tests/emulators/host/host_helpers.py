"""A host, and whatever else runs in an event loop, for the time of one test."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.events import Router
from emulators.host import Host, HostedFunction, Nursery
from emulators.host.messages import Request, Response
from emulators.processes import Processes
from functions.table import FunctionSpec

APP = Path(__file__).parent / "app" / "main.py"


@dataclass
class Running:
    host: Host
    log: list[tuple[str, str]]
    seen: Path

    def calls(self, name: str) -> list[dict[str, Any]]:
        """What the function recorded of each of its calls, in order."""
        return [json.loads(path.read_text()) for path in sorted(self.seen.glob(f"{name}-*.json"))]


@asynccontextmanager
async def running(seen: Path, *functions: HostedFunction, source: Path = APP) -> AsyncIterator[Running]:
    log: list[tuple[str, str]] = []
    processes = Processes()
    env = {**os.environ, "SEEN_DIR": str(seen)}
    nursery = Nursery(processes, source, env, lambda name, line: log.append((name, line)))
    host = Host(functions, nursery)
    try:
        yield Running(host, log, seen)
    finally:
        host.dismiss()
        await processes.close()


def event(body: object = None, attempt: int = 1) -> Request:
    """A CloudEvent of a Pub/Sub message."""
    headers = (
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "//pubsub.googleapis.com/projects/demo-firekeep/topics/t"),
        ("ce-type", "google.cloud.pubsub.topic.v1.messagePublished"),
        ("content-type", "application/json"),
    )
    data = body if body is not None else {"message": {"messageId": "1"}, "deliveryAttempt": attempt}
    return Request(headers=headers, body=json.dumps(data).encode())


class Functions:
    """Stands for the host: answers as told and remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Request]] = []
        self.status: Callable[[str, int], int] = lambda name, number: 200

    async def __call__(self, name: str, request: Request, gone: Callable[[], bool]) -> Response:
        self.calls.append((name, request))
        await asyncio.sleep(0)
        return Response(self.status(name, len(self.calls)))

    def names(self) -> list[str]:
        return sorted(name for name, _ in self.calls)


@asynccontextmanager
async def routing(
    table: tuple[FunctionSpec, ...],
) -> AsyncIterator[tuple[Router, Functions, list[tuple[str, str]]]]:
    functions, log = Functions(), []
    router = Router(table, "demo-firekeep", functions, lambda name, line: log.append((name, line)))
    try:
        yield router, functions, log
    finally:
        await router.stop()


def here() -> bool:
    """The caller has not gone."""
    return False


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Waits until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.01)


async def soon(true: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.01)
