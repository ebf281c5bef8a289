"""A cache of bytes with a limit in bytes, least recently used out first. Safe from many threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class ByteCache(Generic[K]):
    """Holds values until their lengths add up to more than `limit`; a value above the limit is not held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[K, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K) -> bytes | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: K, value: bytes) -> None:
        with self._lock:
            if key in self._values or len(value) > self._limit:
                return
            self._values[key] = value
            self._size += len(value)
            while self._size > self._limit:
                self._size -= len(self._values.popitem(last=False)[1])
