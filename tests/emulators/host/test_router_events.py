"""The router, driven by hand: patterns, kinds of change, pushes, retries, limits."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from google.events.cloud import firestore_v1
from host_helpers import here, routing

from emulators.events.changes import read_change
from emulators.host.messages import Request
from emulators.patterns import compile_pattern, compile_patterns
from functions.table import DocumentTrigger, FunctionSpec, TopicTrigger
from shared.errors import BadInput


@pytest.mark.parametrize(
    ("pattern", "path", "match"),
    [
        ("users/{id}", "users/a", True),
        ("users/{id}", "users/a/posts/b", False),
        ("users/{id}", "users2/a", False),
        ("users/{id}", "xusers/a", False),
        ("users/{id}", "users/", False),
        ("users/{id}", "users/a\nb", True),
        ("users/{id}", "users/{id}", True),
        ("users/a.b", "users/a.b", True),
        ("users/a.b", "users/aXb", False),
        ("users/{id=*}/posts/{post}", "users/a/posts/b", True),
        ("{all=**}", "users/a/posts/b", True),
        ("users/{rest=**}", "users/a/posts/b", True),
        ("users/{id}/{rest=**}", "users/a", True),
        ("users/{id}/{rest=**}", "users/a/posts/b", True),
        ("users/{rest=**}", "usersX/a", False),
        ("{c}/{d}/posts/{rest=**}", "a/b/posts/c/d/e", True),
        ("{all=**}/posts/{id}", "a/b/posts/c", True),
        ("caf\u00e9/{id}", "caf\u00e9/a", True),
        ("caf\u00e9/{id}", "cafe\u0301/a", False),
        ("/users/{id}/", "users/a", True),
        ("{all=**}/posts/{id}", "posts/c", True),
        ("{all=**}/posts/{id}", "xposts/c", False),
        ("users/{mid=**}/posts/{id}", "users/posts/c", True),
        ("users/{mid=**}/posts/{id}", "users/a/b/posts/c", True),
        ("users/{mid=**}/posts/{id}", "usersx/a/posts/c", False),
        ("users/**", "users/a/posts/b", True),
        ("users/*", "users/a", True),
        ("users/*", "users/a/posts/b", False),
        ("users/a*", "users/a", True),
        ("users/a*z", "users/abcz", True),
        ("users/a*z", "users/ab/z", False),
        ("users/a*z", "users/bz", False),
    ],
)
def test_patterns_match_whole_paths(pattern: str, path: str, match: bool) -> None:
    assert compile_pattern(pattern)(path) is match


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "users//{id}",
        "users/{id",
        "users/id}",
        "users/a{id}",
        "users/{a}{b}",
        "{}",
        "{a=**}/{b=**}",
        "**/a/**",
        "users/a**",
        "users/**z/{id}",
        "users/{a=***}",
        "users/\0",
    ],
)
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(BadInput):
        compile_pattern(pattern)
    with pytest.raises(BadInput):
        compile_patterns(["users/{id}", pattern])


def test_the_router_and_the_emulator_s_filter_agree_since_they_are_one() -> None:
    assert compile_patterns([])("anything/at-all")
    either = compile_patterns(["users/{id}/{rest=**}", "posts/{id}"])
    assert [either(path) for path in ("users/a", "users/a/b/c", "posts/a", "posts/a/b/c")] == [True] * 3 + [
        False
    ]


def data(path: str, kind: str, database: str = "(default)", size: int = 0) -> bytes:
    name = f"projects/demo-firekeep/databases/{database}/documents/{path}"
    document = {"name": name, "fields": {"f": {"bytes_value": b"x" * size}}}
    made = firestore_v1.DocumentEventData(
        value=document if kind != "deleted" else None,
        old_value=document if kind != "created" else None,
        update_mask={"field_paths": ["f"]} if kind == "updated" else None,
    )
    return bytes(firestore_v1.DocumentEventData.serialize(made))


@pytest.mark.parametrize("kind", ["created", "updated", "deleted"])
def test_a_change_is_read_from_the_official_types_bytes(kind: str) -> None:
    change = read_change(data("users/\u00e9/posts/e\u0301", kind, "named"))
    assert (change.kind, change.database, change.path) == (kind, "named", "users/\u00e9/posts/e\u0301")


def test_bytes_that_are_no_change_are_an_error_at_every_length() -> None:
    whole = data("users/a", "updated", size=100)
    for length in range(len(whole)):
        try:
            assert read_change(whole[:length]).path == "users/a"
        except ValueError:
            continue
    for nonsense in (b"", b"\x00", b"\xff" * 20, b"not protobuf at all", b"\x0a\x02\x0a\x00"):
        with pytest.raises(ValueError):
            read_change(nonsense)


def document(name: str, event: Any, pattern: str, **more: Any) -> FunctionSpec:
    database = more.pop("database", "(default)")
    return FunctionSpec(name, DocumentTrigger(event, pattern, database), "x", min_backoff_s=0.02, **more)


TABLE = (
    document("on-create", "created", "users/{id}"),
    document("on-update", "updated", "users/{id}"),
    document("on-delete", "deleted", "users/{id}"),
    document("on-write", "written", "users/{id}"),
    document("elsewhere", "written", "users/{id}", database="other"),
    document("deep", "written", "users/{id}/posts/{post}"),
    FunctionSpec("listen", TopicTrigger("topic-a"), "x"),
    FunctionSpec("once", TopicTrigger("topic-b"), "x", retry=False),
)


def change(path: str, kind: str, database: str = "(default)", size: int = 0) -> Request:
    headers = (
        ("ce-specversion", "1.0"),
        ("ce-id", "event-1"),
        ("ce-type", "google.cloud.firestore.document.v1.written"),
        ("ce-source", f"//firestore.googleapis.com/projects/demo-firekeep/databases/{database}"),
        ("ce-subject", f"documents/{path}"),
        ("ce-document", path),
        ("content-type", "application/protobuf"),
        ("x-other", "left out"),
    )
    return Request("POST", "/events/firestore", "", headers, data(path, kind, database, size))


@pytest.mark.parametrize(
    ("path", "kind", "database", "names"),
    [
        ("users/a", "created", "(default)", ["on-create", "on-write"]),
        ("users/a", "updated", "(default)", ["on-update", "on-write"]),
        ("users/a", "deleted", "(default)", ["on-delete", "on-write"]),
        ("users/a/posts/b", "created", "(default)", ["deep"]),
        ("users/a", "created", "other", ["elsewhere"]),
        ("others/a", "created", "(default)", []),
        ("users/a/posts/b/c/d", "created", "(default)", []),
    ],
)
def test_a_change_goes_to_every_function_that_listens_and_no_other(
    path: str, kind: str, database: str, names: list[str]
) -> None:
    async def scene() -> None:
        async with routing(TABLE) as (router, functions, _):
            request = change(path, kind, database)
            assert (await router.answer(request, here)).status == (202 if names else 204)
            await asyncio.sleep(0.05)
            assert functions.names() == names
            for name, event in functions.calls:
                wanted = "written" if name in {"on-write", "elsewhere", "deep"} else kind
                assert event.header("ce-type") == f"google.cloud.firestore.document.v1.{wanted}"
                assert event.header("ce-document") == path
                assert event.header("ce-id") == "event-1"
                assert event.header("x-other") == ""
                assert event.body == request.body

    asyncio.run(scene())


def test_an_event_is_tried_again_until_the_function_takes_it() -> None:
    async def scene() -> None:
        async with routing((document("f", "written", "{all=**}"),)) as (router, functions, log):
            functions.status = lambda name, number: [500, 504, 429, 200][number - 1]
            await router.answer(change("a/b", "created"), here)
            await asyncio.sleep(0.4)
            assert len(functions.calls) == 4
            assert log == []

    asyncio.run(scene())


@pytest.mark.parametrize(("retry", "attempts"), [(True, 5), (False, 1)])
def test_an_event_is_dropped_with_a_warning_after_its_last_attempt(retry: bool, attempts: int) -> None:
    async def scene() -> None:
        table = (document("f", "written", "{all=**}", max_attempts=5, max_backoff_s=0.05, retry=retry),)
        async with routing(table) as (router, functions, log):
            functions.status = lambda name, number: 500
            await router.answer(change("a/b", "created"), here)
            await asyncio.sleep(0.5)
            assert len(functions.calls) == attempts
            assert log == [("f", f"WARNING event event-1 dropped after {attempts} attempts (status 500)")]

    asyncio.run(scene())


def test_one_failing_function_does_not_hold_up_another() -> None:
    async def scene() -> None:
        table = document("bad", "written", "{all=**}"), document("good", "written", "{all=**}")
        async with routing(table) as (router, functions, _):
            functions.status = lambda name, number: 500 if name == "bad" else 200
            for number in range(20):
                await router.answer(change(f"a/{number}", "created"), here)
            await asyncio.sleep(0.05)
            assert functions.names().count("good") == 20

    asyncio.run(scene())


def test_an_event_over_the_size_limit_is_dropped_with_a_warning_for_each_listener() -> None:
    async def scene() -> None:
        async with routing(TABLE) as (router, functions, log):
            assert (await router.answer(change("users/a", "updated", size=300_000), here)).status == 204
            await asyncio.sleep(0.02)
            assert functions.calls == []
            assert sorted(name for name, _ in log) == ["on-update", "on-write"]
            assert all("exceed 512 KB" in line for _, line in log)

    asyncio.run(scene())


def test_when_too_much_waits_the_sender_keeps_the_event() -> None:
    async def scene() -> None:
        async with routing((document("f", "written", "{all=**}", max_attempts=50),)) as (
            router,
            functions,
            _,
        ):
            functions.status = lambda name, number: 500
            statuses = [
                (await router.answer(change(f"a/{number}", "created", size=500_000), here)).status
                for number in range(150)
            ]
            assert statuses[0] == 202
            assert statuses[-1] == 503

    asyncio.run(scene())


def push(name: str, data_: bytes = b"hello", **attributes: str) -> Request:
    message = {
        "data": base64.b64encode(data_).decode(),
        "messageId": "7",
        "publishTime": "2026-01-01T00:00:00.5Z",
    }
    body = {"message": {**message, "attributes": attributes}, "subscription": "projects/p/subscriptions/s"}
    return Request(
        "POST", f"/events/{name}", "", (("content-type", "application/json"),), json.dumps(body).encode()
    )


def test_a_push_becomes_the_event_that_eventarc_makes_of_it() -> None:
    async def scene() -> None:
        async with routing(TABLE) as (router, functions, _):
            request = push("pubsub/listen")
            assert (await router.answer(request, here)).ok
            ((name, event),) = functions.calls
            assert name == "listen"
            assert dict(event.headers) == {
                "ce-specversion": "1.0",
                "ce-id": "7",
                "ce-source": "//pubsub.googleapis.com/projects/demo-firekeep/topics/topic-a",
                "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
                "ce-time": "2026-01-01T00:00:00.5Z",
                "content-type": "application/json",
            }
            assert event.body == request.body

    asyncio.run(scene())


def test_a_failing_push_is_answered_with_the_failure_unless_retry_is_off() -> None:
    async def scene() -> None:
        async with routing(TABLE) as (router, functions, log):
            functions.status = lambda name, number: 504
            assert (await router.answer(push("pubsub/listen"), here)).status == 504
            assert log == []
            assert (await router.answer(push("pubsub/once"), here)).status == 204
            assert [name for name, _ in log] == ["once"]

    asyncio.run(scene())


def test_a_push_over_the_size_limit_is_dropped_with_a_warning() -> None:
    async def scene() -> None:
        async with routing(TABLE) as (router, functions, log):
            assert (await router.answer(push("pubsub/listen", b"x" * 400_000), here)).status == 204
            assert functions.calls == []
            assert "message 7 dropped" in log[0][1]

    asyncio.run(scene())


def test_a_dead_letter_is_logged_with_function_and_message_and_nothing_of_its_content() -> None:
    async def scene() -> None:
        async with routing(TABLE) as (router, _, log):
            attributes = {
                "CloudPubSubDeadLetterSourceSubscription": "function-listen",
                "CloudPubSubDeadLetterSourceDeliveryCount": "10",
            }
            assert (await router.answer(push("dead", b"secret", **attributes), here)).status == 204
            assert log == [("listen", "WARNING dead letter: message 7 given up after 10 attempts")]

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"message": 1}', b'{"message": {"messageId": "1"}}', b"\xff"]
)
def test_what_is_no_push_and_no_change_is_refused(body: bytes) -> None:
    async def scene() -> None:
        async with routing(TABLE) as (router, functions, _):
            for path in ("pubsub/listen", "dead", "firestore"):
                assert (
                    await router.answer(Request("POST", f"/events/{path}", body=body), here)
                ).status == 400
            for path in ("pubsub/on-create", "pubsub/nobody", "pubsub", "", "other/listen"):
                assert (
                    await router.answer(Request("POST", f"/events/{path}", body=body), here)
                ).status == 404
            assert functions.calls == []

    asyncio.run(scene())
