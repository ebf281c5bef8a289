"""Trying again, in one place: a decorator around any provider.

Only Unavailable (and Busy) is retried, a bounded number of times, waiting longer each time and never as long as the
others who wait too (full jitter). The answer to a create-only put may be lost although it landed: when the next attempt
finds the object there with the very bytes, that is success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from shared.errors import BadInput, Conflict, NotFound, Unavailable
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version

T = TypeVar("T")


@dataclass(frozen=True)
class Backoff:
    """Attempts in all, and seconds: the wait before attempt n + 1 is random up to min(`most`, `first` · 2^(n-1))."""

    attempts: int = 5
    first: float = 0.25
    most: float = 8.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.first <= self.most:
            raise BadInput("back-off: attempts must be at least 1, and 0 <= first <= most")

    def wait(self, failed: int, jitter: float) -> float:
        """Seconds to wait after `failed` attempts; `jitter` is random in [0, 1)."""
        return jitter * min(self.most, self.first * 2.0 ** min(failed - 1, 30))


class RetryingProvider:
    """A provider that tries again. `jitter` gives a random number in [0, 1), `sleep` waits that many seconds."""

    def __init__(
        self,
        inner: Provider,
        backoff: Backoff,
        *,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._backoff = backoff
        self._sleep = sleep
        self._jitter = jitter

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        """A replacement whose answer was lost ends as Conflict: only the caller can tell whose it was."""
        unanswered = False

        def attempt() -> Version:
            nonlocal unanswered
            try:
                return self._inner.put(key, data, expect)
            except Unavailable:
                unanswered = True
                raise

        try:
            return self._again(attempt)
        except Conflict:
            landed = self._landed(key, data) if unanswered and expect == ABSENT else None
            if landed is None:
                raise
            return landed

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self._again(lambda: self._inner.get(key, span))

    def stat(self, key: str) -> Stat:
        return self._again(lambda: self._inner.stat(key))

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        """A listing that breaks goes on after the last object that arrived."""
        failed = 0
        while True:
            try:
                for found in self._inner.list(prefix, after):
                    yield found
                    after, failed = found.key, 0
            except Unavailable as error:
                failed += 1
                self._pause(failed, error)
            else:
                return

    def delete(self, key: str) -> None:
        self._again(lambda: self._inner.delete(key))

    def hold(self, key: str, until: datetime) -> None:
        self._again(lambda: self._inner.hold(key, until))

    def _again(self, attempt: Callable[[], T]) -> T:
        failed = 0
        while True:
            try:
                return attempt()
            except Unavailable as error:
                failed += 1
                self._pause(failed, error)

    def _pause(self, failed: int, error: Unavailable) -> None:
        """Wait for the next attempt, or raise the error after the last."""
        if failed >= self._backoff.attempts:
            raise error
        self._sleep(self._backoff.wait(failed, self._jitter()))

    def _landed(self, key: str, data: bytes) -> Version | None:
        """The version of the object if it holds exactly `data`."""
        try:
            found = self.stat(key)
            same = found.size == len(data) and self.get(key) == data
        except NotFound:
            return None
        return found.version if same else None
