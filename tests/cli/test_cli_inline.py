"""The queue of a process that does every job itself."""

from __future__ import annotations

import threading

import pytest

from shared.errors import BadInput, Busy, Internal
from shared.publishing.inline import ATTEMPTS, InlinePublisher


@pytest.mark.parametrize("workers", [1, 4])
def test_what_a_handler_publishes_is_handled_too(workers: int) -> None:
    queue, seen = InlinePublisher(), []

    def handle(message: bytes) -> None:
        seen.append(message)
        if len(message) < 5:
            queue.publish("t", [message + b"a", message + b"b"])

    queue.publish("t", [b""])
    queue.drain({"t": handle}, workers)
    assert len(seen) == 2**6 - 1
    assert len(set(seen)) == len(seen)


def test_messages_are_handled_at_the_same_time() -> None:
    queue, together = InlinePublisher(), threading.Barrier(3, timeout=10)
    queue.publish("t", [b"1", b"2", b"3"])
    queue.drain({"t": lambda _: together.wait()}, 3)


def test_a_retryable_error_brings_the_message_back_until_it_is_mended() -> None:
    queue, left = InlinePublisher(), [Busy("not yet"), Busy("nor now")]

    def handle(_: bytes) -> None:
        if left:
            raise left.pop()

    queue.publish("t", [b""])
    queue.drain({"t": handle})
    assert left == []


def test_any_other_error_ends_the_work_and_is_raised() -> None:
    queue, seen = InlinePublisher(), []

    def handle(message: bytes) -> None:
        seen.append(message)
        raise BadInput("no")

    queue.publish("t", [b"1", b"2"])
    with pytest.raises(BadInput, match="no"):
        queue.drain({"t": handle})
    assert seen == [b"1"]


def test_a_message_for_nobody_is_a_bug_and_not_lost_silently() -> None:
    queue = InlinePublisher()
    queue.publish("other", [b""])
    with pytest.raises(Internal, match="other"):
        queue.drain({"t": lambda _: None})


def test_after_stop_nothing_new_is_begun_and_what_runs_comes_to_its_end() -> None:
    queue, seen = InlinePublisher(), []

    def handle(message: bytes) -> None:
        queue.stop()
        seen.append(message)

    queue.publish("t", [b"1", b"2"])
    queue.drain({"t": handle})
    assert seen == [b"1"]


def test_stop_ends_the_wait_for_another_attempt() -> None:
    queue, calls = InlinePublisher(), []

    def handle(_: bytes) -> None:
        calls.append(1)
        if len(calls) == 3:
            queue.stop()
        raise Busy("for ever")

    queue.publish("t", [b""])
    queue.drain({"t": handle})
    assert len(calls) == 3 < ATTEMPTS
