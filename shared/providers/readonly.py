"""A decorator that changes nothing: for looking at a repository that somebody else owns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.errors import Denied
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version


class ReadOnlyProvider:
    """Reads of the inner provider; what would change it is Denied before it is asked."""

    def __init__(self, inner: Provider) -> None:
        self._inner = inner

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:  # noqa: ARG002  # the port's
        raise _denied("writing", key)

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self._inner.get(key, span)

    def stat(self, key: str) -> Stat:
        return self._inner.stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        return self._inner.list(prefix, after)

    def delete(self, key: str) -> None:
        raise _denied("deleting", key)

    def hold(self, key: str, until: datetime) -> None:  # noqa: ARG002  # the port's
        raise _denied("holding", key)


def _denied(action: str, key: str) -> Denied:
    return Denied(f"{action} {key!r} failed: the place is open for reading only")
