"""A publisher for a process that does every job itself: messages wait in a queue until they are handled here.

Promises: what a handler publishes is handled too; an error that a retry may mend brings the message back, later
each time, and any other ends the work and is raised; after `stop` no further message is begun.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.errors import FirekeepError, Internal

Handler = Callable[[bytes], object]

ATTEMPTS = 12
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 15.0


@dataclass(frozen=True)
class _Delivery:
    topic: str
    message: bytes
    attempt: int = 1


class InlinePublisher:
    """The queue and the loop that empties it. `publish` may be called from any thread."""

    def __init__(self) -> None:
        self._queue: deque[_Delivery] = deque()
        self._busy = 0
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._failure: BaseException | None = None

    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        with self._changed:
            self._queue.extend(_Delivery(topic, message) for message in messages)
            self._changed.notify_all()

    def drain(self, handlers: Mapping[str, Handler], workers: int = 1) -> None:
        """Handle messages by topic, `workers` at a time, until none is left or `stop` was called."""
        # Daemons, so that a second Ctrl-C need not wait for them.
        threads = [threading.Thread(target=self._work, args=(handlers,), daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Let handlers that run come to their end, and begin no other."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()

    def _work(self, handlers: Mapping[str, Handler]) -> None:
        while (delivery := self._next()) is not None:
            try:
                self._handle(handlers, delivery)
            except BaseException as error:  # noqa: BLE001  # raised again by `drain`, in the caller's thread
                self._failure = self._failure or error
                self.stop()
            finally:
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

    def _next(self) -> _Delivery | None:
        """The next message; None when there is none and nobody is left who may publish one."""
        with self._changed:
            while not self._stopped.is_set():
                if self._queue:
                    self._busy += 1
                    return self._queue.popleft()
                if not self._busy:
                    break
                self._changed.wait()
        return None

    def _handle(self, handlers: Mapping[str, Handler], delivery: _Delivery) -> None:
        handler = handlers.get(delivery.topic)
        if handler is None:
            raise Internal(f"handling a message: nothing here listens to topic {delivery.topic}")
        try:
            handler(delivery.message)
        except FirekeepError as error:
            if not error.retryable or delivery.attempt >= ATTEMPTS:
                raise
            self._stopped.wait(min(_FIRST_WAIT_S * 2 ** (delivery.attempt - 1), _LONGEST_WAIT_S))
            self._again(delivery)

    def _again(self, delivery: _Delivery) -> None:
        with self._changed:
            self._queue.append(_Delivery(delivery.topic, delivery.message, delivery.attempt + 1))
            self._changed.notify_all()
