"""From a published message to a function that has done its work, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import pubsub_v1
from stack_helpers import Scene, alive, descendants, scene, topic_function, until

from emulators.stack import Stack, StackOptions
from functions.table import FunctionSpec, TopicTrigger
from shared.errors import BadInput, Unavailable

TABLE = (
    topic_function("echo", workers=2),
    topic_function("flaky"),
    topic_function("never", max_attempts=5),
    topic_function("crash"),
    topic_function("hang", timeout_s=1),
    topic_function("slow", workers=2),
    FunctionSpec("other", TopicTrigger("topic-echo"), "x"),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("seen"), *TABLE, backoff_s=(0.05, 0.1)) as made:
        yield made


def test_a_message_reaches_every_function_of_its_topic_as_eventarc_would_deliver_it(running: Scene) -> None:
    message_id = running.publish("echo", b"caf\xc3\xa9", kind="\u00e9")
    until(lambda: running.calls("echo") and running.calls("other"))
    (call,) = running.calls("echo")
    message = call["data"]["message"]
    assert call["attributes"]["id"] == message_id == message["messageId"]
    assert call["attributes"]["source"] == "//pubsub.googleapis.com/projects/demo-firekeep/topics/topic-echo"
    assert call["attributes"]["type"] == "google.cloud.pubsub.topic.v1.messagePublished"
    assert call["attributes"]["time"] == message["publishTime"]
    assert (message["data"], message["attributes"]) == ("Y2Fmw6k=", {"kind": "\u00e9"})
    assert call["data"]["deliveryAttempt"] == 1
    assert call["data"]["subscription"] == "projects/demo-firekeep/subscriptions/function-echo"
    assert len(running.calls("other")) == 1


def test_a_failing_function_is_called_until_it_succeeds_and_attempts_are_counted(running: Scene) -> None:
    running.publish("flaky")
    until(lambda: len(running.calls("flaky")) == 3)
    time.sleep(0.3)
    assert [call["attempt"] for call in running.calls("flaky")] == [1, 2, 3]


def test_a_message_that_always_fails_ends_in_the_dead_letter_topic_and_the_log(running: Scene) -> None:
    message_id = running.publish("never", b"a secret")
    line = "given up after 5 attempts"
    until(lambda: any(name == "never" and line in text for name, text in running.log))
    assert [call["attempt"] for call in running.calls("never")] == [1, 2, 3, 4, 5]
    assert not any("a secret" in text for _, text in running.log)
    with pubsub_v1.SubscriberClient() as subscriber:
        path = "projects/demo-firekeep/subscriptions/topic-never-dead"
        (letter,) = subscriber.pull(subscription=path, max_messages=10, timeout=5).received_messages
    assert letter.message.data == b"a secret"
    assert letter.message.message_id != message_id
    assert letter.message.attributes["CloudPubSubDeadLetterSourceSubscription"] == "function-never"


def test_a_worker_that_crashes_gets_its_message_again(running: Scene) -> None:
    running.publish("crash")
    until(lambda: len(running.calls("crash")) == 2)
    assert [call["attempt"] for call in running.calls("crash")] == [1, 2]


def test_a_function_that_hangs_is_killed_and_its_message_delivered_again(running: Scene) -> None:
    running.publish("hang")
    until(lambda: len(running.calls("hang")) == 2)
    first = running.calls("hang")[0]
    until(lambda: not alive(first["pid"]) and not alive(first["child"]))


def test_workers_killed_half_way_through_lose_no_message(running: Scene) -> None:
    for _ in range(12):
        running.publish("slow")
    for _ in range(3):
        until(lambda: running.stack.workers("slow"))
        time.sleep(0.2)
        for pid in running.stack.workers("slow"):
            os.kill(pid, signal.SIGKILL)
    until(lambda: len(running.calls("slow")) >= 12)
    assert len(running.stack.workers("slow")) <= 2


def test_an_unknown_function_is_an_error(running: Scene) -> None:
    with pytest.raises(KeyError):
        running.stack.workers("nobody")


def test_it_starts_in_about_a_second_stops_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    start = time.monotonic()
    with scene(tmp_path, topic_function("echo"), prewarm=1) as made:
        assert time.monotonic() - start < 5
        mine = {*made.stack.workers("echo"), *made.stack.emulators().values()}
        assert len(mine) == 2
        assert mine <= descendants(os.getpid())
        start = time.monotonic()
    assert time.monotonic() - start < 2
    assert not any(alive(pid) for pid in mine)
    assert not mine & descendants(os.getpid())


def test_a_busy_stack_stops_at_once_too(tmp_path: Path) -> None:
    with scene(tmp_path, topic_function("hang")) as made:
        made.publish("hang")
        until(lambda: made.calls("hang"))
        call = made.calls("hang")[0]
        start = time.monotonic()
    assert time.monotonic() - start < 2
    until(lambda: not alive(call["pid"]) and not alive(call["child"]))


def test_two_stacks_run_side_by_side(tmp_path: Path) -> None:
    with (
        scene(tmp_path / "a", topic_function("echo")) as one,
        scene(tmp_path / "b", topic_function("echo")) as two,
    ):
        assert set(one.stack.env.values()).isdisjoint(
            {two.stack.env["PUBSUB_EMULATOR_HOST"], two.stack.env["FUNCTIONS_EMULATOR_HOST"]}
        )


@pytest.mark.parametrize(
    ("table", "more", "word"),
    [
        ((topic_function("echo"), topic_function("echo")), {}, "echo"),
        ((topic_function("echo"),), {"host": "0.0.0.0"}, "loopback"),
        ((topic_function("echo"),), {"source": Path("/nowhere/main.py")}, "main.py"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    table: tuple[FunctionSpec, ...], more: dict, word: str
) -> None:
    with pytest.raises(BadInput, match=word):
        Stack(StackOptions(**{"source": Path(__file__), "table": table, **more}))


def test_a_part_that_does_not_start_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    before = descendants(os.getpid())
    with pytest.raises(Unavailable, match="pubsub"), scene(tmp_path, topic_function("echo", max_attempts=3)):
        pass
    assert descendants(os.getpid()) <= before


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing(tmp_path: Path, running: Scene) -> None:
    before = descendants(os.getpid())
    port = int(running.stack.url.rsplit(":", 1)[1])
    with (
        pytest.raises(Unavailable, match=str(port)),
        scene(tmp_path, topic_function("echo"), functions_port=port),
    ):
        pass
    assert descendants(os.getpid()) <= before


def test_a_stack_that_does_not_run_says_so(tmp_path: Path) -> None:
    with scene(tmp_path, topic_function("echo")) as made:
        stack = made.stack
    with pytest.raises(BadInput, match="not running"):
        stack.workers("echo")
    stack.stop()
