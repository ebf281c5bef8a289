"""The functions host: workers start when needed, die with their work, and are replaced."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from host_helpers import alive, event, running, soon

from emulators.host import HostedFunction, pool
from emulators.host.messages import Request, Response


def test_a_worker_starts_with_the_first_request_and_serves_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("echo", workers=4)) as r:
            assert r.host.workers("echo") == []
            for _ in range(5):
                assert (await r.host.call("echo", event())).status == 200
            assert len(r.host.workers("echo")) == 1
            calls = r.calls("echo")
            assert {call["pid"] for call in calls} == set(r.host.workers("echo"))
            assert calls[0]["attributes"]["type"] == "google.cloud.pubsub.topic.v1.messagePublished"
            pid = r.host.workers("echo")[0]
        assert not alive(pid)

    asyncio.run(scene())


def test_no_more_run_at_once_than_there_are_workers_and_the_rest_wait_their_turn(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("slow", workers=2)) as r:
            await asyncio.gather(*(r.host.call("slow", event()) for _ in range(6)))
            assert len(r.host.workers("slow")) == 2
            moments = [(c["start"], 1) for c in r.calls("slow")] + [(c["end"], -1) for c in r.calls("slow")]
            at_once = most = 0
            for _, step in sorted(moments):
                at_once += step
                most = max(most, at_once)
            assert most == 2

    asyncio.run(scene())


def test_prewarmed_workers_are_there_before_the_first_request(tmp_path: Path) -> None:
    async def scene() -> None:
        functions = HostedFunction("echo", workers=2), HostedFunction("slow", workers=1)
        async with running(tmp_path, *functions) as r:
            await r.host.prewarm(2)
            warm = r.host.workers("echo")
            assert (len(warm), len(r.host.workers("slow"))) == (2, 1)
            await r.host.call("echo", event())
            assert r.host.workers("echo") == warm
            await r.host.prewarm(2)
            assert r.host.workers("echo") == warm

    asyncio.run(scene())


def test_a_function_that_runs_too_long_is_killed_with_all_it_started_and_answered_504(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("hang", timeout_s=1.0)) as r:
            start = asyncio.get_running_loop().time()
            assert (await r.host.call("hang", event())).status == 504
            assert asyncio.get_running_loop().time() - start < 4
            (call,) = r.calls("hang")
            await soon(lambda: not alive(call["pid"]) and not alive(call["child"]))
            assert r.host.workers("hang") == []
            assert ("hang", "killed: it ran longer than 1 s") in r.log
            assert (await r.host.call("hang", event(attempt=2))).status == 200

    asyncio.run(scene())


def test_a_worker_that_dies_at_work_is_answered_500_and_replaced(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("crash")) as r:
            assert (await r.host.call("crash", event())).status == 500
            assert (await r.host.call("crash", event(attempt=2))).status == 200
            assert len(r.calls("crash")) == 2

    asyncio.run(scene())


def test_a_worker_killed_at_work_from_outside_is_answered_500(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("hang")) as r:
            answer = asyncio.create_task(r.host.call("hang", event()))
            await soon(lambda: r.calls("hang"))
            os.kill(r.host.workers("hang")[0], signal.SIGKILL)
            assert (await answer).status == 500
            # Its own child goes too, though nobody killed it by name.
            await soon(lambda: not alive(r.calls("hang")[0]["child"]))

    asyncio.run(scene())


def test_a_worker_killed_while_idle_costs_the_next_request_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("echo")) as r:
            await r.host.call("echo", event())
            os.kill(r.host.workers("echo")[0], signal.SIGKILL)
            await soon(lambda: not r.host.workers("echo"))
            assert (await r.host.call("echo", event())).status == 200

    asyncio.run(scene())


def test_an_exception_is_answered_500_logged_by_name_and_the_worker_serves_on(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("flaky")) as r:
            answers = [(await r.host.call("flaky", event(attempt=n))).status for n in (1, 2, 3)]
            assert answers == [500, 500, 200]
            assert len(r.host.workers("flaky")) == 1
            await soon(lambda: ("flaky", "RuntimeError: not yet") in r.log)

    asyncio.run(scene())


def test_what_functions_print_comes_out_under_their_name(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("talk")) as r:
            await r.host.call("talk", event())
            await soon(lambda: {("talk", "said on stdout"), ("talk", "said on stderr")} <= set(r.log))

    asyncio.run(scene())


def test_a_function_that_does_not_load_is_an_answer_with_the_reason_in_the_log(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("missing"), HostedFunction("not_a_function")) as r:
            for name in ("missing", "not_a_function"):
                assert (await r.host.call(name, event())).status == 500
                assert r.host.workers(name) == []
            await soon(lambda: any("'missing'" in line for _, line in r.log))

    asyncio.run(scene())


def test_what_is_not_a_cloud_event_is_refused_by_an_event_function(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("echo")) as r:
            assert (await r.host.call("echo", Request(body=b"{}"))).status in {400, 415}
            assert (await r.host.call("nobody", event())).status == 404
            assert r.calls("echo") == []

    asyncio.run(scene())


def test_http_functions_get_method_path_query_and_body(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("hello", "http")) as r:
            request = Request("PUT", "/hello/a%20b/c", "x=1&y=%C3%A9", (("host", "h"),), b"body")
            answer = await r.host.answer(request)
            assert answer.status == 201
            assert b'"path": "/a b/c"' in answer.body
            assert b'"body": "body"' in answer.body
            assert (await r.host.answer(Request("GET", "/demo-firekeep/us-central1/hello"))).status == 201
            assert (await r.host.answer(Request("GET", "/"))).status == 404
            assert (await r.host.answer(Request("GET", "/hellos"))).status == 404

    asyncio.run(scene())


def test_too_many_waiting_are_refused_and_those_whose_caller_left_are_not_served(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("slow")) as r:
            first = asyncio.create_task(r.host.call("slow", event()))
            await asyncio.sleep(0)
            gone = [
                asyncio.create_task(r.host.call("slow", event(), lambda: True))
                for _ in range(pool.WAITING_MOST)
            ]
            await asyncio.sleep(0)
            assert (await r.host.call("slow", event())).status == 429
            assert (await first).status == 200
            assert {answer.status for answer in await asyncio.gather(*gone)} == {499}
            assert len(r.calls("slow")) == 1

    asyncio.run(scene())


def test_large_bodies_pass_both_ways(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running(tmp_path, HostedFunction("hello", "http")) as r:
            body = os.urandom(3_000_000).hex().encode()
            answer: Response = await r.host.call("hello", Request(body=body))
            assert len(answer.body) > len(body)

    asyncio.run(scene())
