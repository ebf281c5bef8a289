"""A decorator that counts: calls, failures and bytes of each verb. Safe from many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Final

from shared.errors import FirekeepError
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version

_VERBS: Final = ("put", "get", "stat", "list", "delete", "hold")


@dataclass(frozen=True)
class Count:
    """Of one verb: calls, those of them that failed, and bytes sent (`up`) or received (`down`)."""

    calls: int = 0
    failed: int = 0
    up: int = 0
    down: int = 0


class MeteredProvider:
    """Around any provider. A listing is one call, however many objects it tells; bytes count when they arrived."""

    def __init__(self, inner: Provider) -> None:
        self._inner = inner
        self._lock = Lock()
        self._counts = dict.fromkeys(_VERBS, Count())

    def counts(self) -> dict[str, Count]:
        """So far, by verb."""
        with self._lock:
            return dict(self._counts)

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        with self._counted("put"):
            version = self._inner.put(key, data, expect)
        self._add("put", up=len(data))
        return version

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        with self._counted("get"):
            data = self._inner.get(key, span)
        self._add("get", down=len(data))
        return data

    def stat(self, key: str) -> Stat:
        with self._counted("stat"):
            return self._inner.stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        with self._counted("list"):
            yield from self._inner.list(prefix, after)

    def delete(self, key: str) -> None:
        with self._counted("delete"):
            self._inner.delete(key)

    def hold(self, key: str, until: datetime) -> None:
        with self._counted("hold"):
            self._inner.hold(key, until)

    @contextmanager
    def _counted(self, verb: str) -> Iterator[None]:
        self._add(verb, calls=1)
        try:
            yield
        except FirekeepError:
            self._add(verb, failed=1)
            raise

    def _add(self, verb: str, *, calls: int = 0, failed: int = 0, up: int = 0, down: int = 0) -> None:
        with self._lock:
            one = self._counts[verb]
            self._counts[verb] = replace(
                one,
                calls=one.calls + calls,
                failed=one.failed + failed,
                up=one.up + up,
                down=one.down + down,
            )
