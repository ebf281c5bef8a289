"""A number of bytes that threads share: who needs more than is left waits until others are done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Budget:
    """Whoever asks for more than there is in all gets all of it, alone."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._freed = Condition()

    @contextmanager
    def taking(self, wanted: int) -> Iterator[None]:
        taken = min(wanted, self._size)
        with self._freed:
            self._freed.wait_for(lambda: self._left >= taken)
            self._left -= taken
        try:
            yield
        finally:
            with self._freed:
                self._left += taken
                self._freed.notify_all()
