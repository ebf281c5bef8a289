"""A clock moved by hand, and decorators that fail on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TypeVar

from shared.errors import Unavailable
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version
from shared.providers.local import LocalProvider

T = TypeVar("T")


class HandClock:
    """Stands still until somebody sleeps."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 29, 0, 59, 59, 999_999, UTC)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class Numbers:
    """Bytes that never repeat, from any thread."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = Lock()

    def __call__(self, length: int) -> bytes:
        with self._lock:
            self._count += 1
            return self._count.to_bytes(length, "big")


def local(root: Path, clock: HandClock | None = None) -> LocalProvider:
    return LocalProvider(root, clock or HandClock(), Numbers())


class Flaky:
    """Every verb fails `failures` times before each success: before doing anything, or after (the answer is lost)."""

    def __init__(
        self, inner: Provider, failures: int, *, after: bool = False, list_fails_at: int = 2
    ) -> None:
        self._inner = inner
        self._failures = failures
        self._after = after
        self._list_fails_at = list_fails_at
        self._left: dict[object, int] = {}
        self._lock = Lock()

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        return self._flaky(("put", key, data, expect), lambda: self._inner.put(key, data, expect))

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self._flaky(("get", key, span), lambda: self._inner.get(key, span))

    def stat(self, key: str) -> Stat:
        return self._flaky(("stat", key), lambda: self._inner.stat(key))

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        for number, found in enumerate(self._inner.list(prefix, after)):
            if number % 3 == self._list_fails_at:
                self._flaky(("list", found.key), lambda: None)
            yield found

    def delete(self, key: str) -> None:
        self._flaky(("delete", key), lambda: self._inner.delete(key))

    def hold(self, key: str, until: datetime) -> None:
        self._flaky(("hold", key, until), lambda: self._inner.hold(key, until))

    def _flaky(self, what: object, act: Callable[[], T]) -> T:
        with self._lock:
            left = self._left.get(what, self._failures)
            self._left[what] = left - 1 if left else self._failures
        if not left:
            return act()
        if self._after:
            act()
        raise Unavailable("the service did not answer")
