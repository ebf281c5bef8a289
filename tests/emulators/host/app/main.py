"""Functions for the tests: each does one thing to its host. What they saw goes to files in SEEN_DIR."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent


def _seen(name: str) -> list[Path]:
    return sorted(Path(os.environ["SEEN_DIR"]).glob(f"{name}-*.json"))


def _write(name: str, value: Any) -> int:
    """Records one call, and answers how many came before it."""
    before = len(_seen(name))
    target = Path(os.environ["SEEN_DIR"]) / f"{name}-{time.time_ns()}-{os.getpid()}.json"
    partial = target.with_suffix(".part")
    partial.write_text(json.dumps(value))
    partial.rename(target)
    return before


def _attributes(event: CloudEvent) -> dict[str, Any]:
    return {str(key): str(value) for key, value in event.get_attributes().items()}


def _attempt(event: CloudEvent) -> int:
    return event.data.get("deliveryAttempt", 0) if isinstance(event.data, dict) else 0


def echo(event: CloudEvent) -> None:
    data = event.data if isinstance(event.data, dict | str) else len(event.data or b"")
    _write("echo", {"attributes": _attributes(event), "data": data, "pid": os.getpid()})


def other(event: CloudEvent) -> None:
    _write("other", {"attributes": _attributes(event), "pid": os.getpid()})


def flaky(event: CloudEvent) -> None:
    """Fails twice, then succeeds."""
    attempt = _attempt(event)
    if _write("flaky", {"attempt": attempt, "time": time.time()}) < 2:
        raise RuntimeError("not yet")


def never(event: CloudEvent) -> None:
    _write("never", {"attempt": _attempt(event)})
    raise RuntimeError("never")


def crash(event: CloudEvent) -> None:
    """Dies the first time."""
    if _write("crash", {"attempt": _attempt(event)}) < 1:
        os._exit(9)


def hang(event: CloudEvent) -> None:
    """Hangs the first time, with a child of its own and a thread; ignores polite requests to stop."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    before = _write("hang", {"pid": os.getpid(), "child": child.pid})
    if before < 1:
        threading.Thread(target=time.sleep, args=(600,)).start()
        time.sleep(600)
    child.kill()
    child.wait()


def slow(event: CloudEvent) -> None:
    start = time.time()
    time.sleep(0.3)
    _write("slow", {"pid": os.getpid(), "start": start, "end": time.time()})


def talk(event: CloudEvent) -> None:
    print("said on stdout")
    print("said on stderr", file=sys.stderr)


def hello(request: Any) -> Any:
    return json.dumps({"path": request.path, "args": request.args, "body": request.get_data().decode()}), 201


not_a_function = 1
