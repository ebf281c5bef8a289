"""A hostile wire: refusals, answers lost after the work was done, silence; nothing is made twice, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from users_rig import Place, Proxy, account, one, put, read_all, seed, started

from emulators.chaos import Fault
from shared.contents import USERS
from shared.errors import BadInput, Conflict, Denied, FirekeepError, NotFound, Unavailable, Unsupported
from shared.format.flat import encode as key_of
from shared.format.forms import FORMS
from shared.sources.contract import Kind, Result, Scope, Write
from shared.sources.users import Patience, UsersSource
from shared.sources.users.status import code_of, reason_of

FORM = FORMS[USERS]
KEY = key_of("t", "a")
METHODS = ["batchGet", "lookup", "batchCreate", "batchDelete", "update"]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with started() as made:
        yield made


@pytest.fixture
def proxy(place: Place) -> Iterator[Proxy]:
    made = Proxy(place.address)
    yield made
    made.close()


def everything(source: UsersSource) -> None:
    """Make, read, change, look up and delete accounts."""
    fields = {f"u{number}": account(number) for number in range(12)}
    seed(source, [put(uid, **one) for uid, one in fields.items()])
    live = read_all(source)
    assert len(live) == 12
    changed = [
        Write(key, Kind.PUT, value.replace(b'"disabled":true', b'"disabled":false'), FORM.guard(value))
        for key, value in live.items()
    ]
    seed(source, changed)
    found = source.lookup(list(live))
    assert None not in found
    seed(
        source,
        [
            Write(key, Kind.DROP, b"", FORM.guard(value or b""))
            for key, value in zip(live, found, strict=True)
        ],
    )
    assert read_all(source) == {}


@pytest.mark.parametrize(
    "kind", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "DEADLINE_EXCEEDED", "lost"]
)
@pytest.mark.parametrize("method", METHODS[:4])
def test_what_passes_is_waited_for(kind: str, method: str) -> None:
    pattern = f"*accounts:{method}*"
    fault = (
        Fault("auth", "lost", pattern, nth=1)
        if kind == "lost"
        else Fault("auth", "fail", pattern, nth=1, status=kind)
    )
    with started(fault) as hostile:
        everything(hostile.project().source())
        assert hostile.clock.slept


def test_an_import_whose_answer_was_lost_is_done_and_not_moved() -> None:
    with started(Fault("auth", "lost", "*batchCreate*", nth=1)) as hostile:
        source = hostile.project().source()
        outcomes = source.apply([put(f"u{number}", **account(number)) for number in range(12)])
        assert {outcome.result for outcome in outcomes} == {Result.DONE}


def test_an_import_whose_answer_was_lost_does_not_take_another_s_account_for_its_own(
    place: Place, proxy: Proxy
) -> None:
    project = place.project()
    answers = iter([(503, {}), None])

    def meanwhile(_method: str, path: str, _body: Any) -> tuple[int, Any] | None:
        if "batchCreate" not in path:
            return None
        made = next(answers)
        if made:
            project.create({"localId": "a", "displayName": "theirs"})
        return made

    proxy.on_request = meanwhile
    outcomes = project.source(endpoint=proxy.address).apply([put("a", displayName="ours"), put("b")])
    assert [outcome.result for outcome in outcomes] == [Result.MOVED, Result.DONE]
    assert project.live("a")["displayName"] == "theirs"


@pytest.mark.parametrize("method", METHODS)
def test_what_does_not_pass_is_unavailable_after_a_few_attempts(
    method: str, place: Place, proxy: Proxy
) -> None:
    project = place.project()
    seed(project.source(), [put("a", displayName="x")])
    (value,) = project.source().lookup([key_of("", "a")])
    assert value is not None
    proxy.on_request = lambda _m, path, body: (
        (503, {}) if path.partition("?")[0].endswith(f":{method}") else _without_times(body)
    )
    source = project.source(endpoint=proxy.address, tenants=())
    before = len(place.clock.slept)
    with pytest.raises(Unavailable, match="503"):
        one(source, put("b", **account(0)))
        one(source, Write(key_of("", "a"), Kind.DROP, b"", FORM.guard(value)))
        read_all(source)
    waits = place.clock.slept[before:]
    assert len(waits) == 4
    assert waits == sorted(waits)


def _without_times(body: Any) -> None:
    """As if the service set when sessions begin itself: an update has to follow."""
    for user in (body or {}).get("users", ()):
        user.pop("validSince", None)


@pytest.mark.parametrize(
    "code", ["QUOTA_EXCEEDED : Exceeded quota for deleting accounts.", "TOO_MANY_ATTEMPTS_TRY_LATER"]
)
def test_a_quota_is_waited_for_although_the_status_says_that_the_request_is_bad(
    code: str, place: Place, proxy: Proxy
) -> None:
    answers = iter([(400, {"error": {"code": 400, "message": code}})])
    proxy.on_request = lambda _m, path, _body: next(answers, None) if "batchCreate" in path else None
    assert one(place.project().source(endpoint=proxy.address), put("a")).result is Result.DONE


def test_silence_is_unavailable(place: Place) -> None:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        from dataclasses import replace

        from shared.sources.users import UNPACED

        options = replace(UNPACED, patience=Patience(connect_s=0.2, read_s=0.2, attempts=2))
        source = place.project().source(endpoint=f"127.0.0.1:{listener.getsockname()[1]}", options=options)
        with pytest.raises(Unavailable, match="ReadTimeout"):
            source.now()
    with pytest.raises(Unavailable, match="no answer"):
        source.now()


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "INVALID_PAGE_SELECTION", BadInput),
        (401, "UNAUTHENTICATED", Denied),
        (403, "PERMISSION_DENIED", Denied),
        (400, "CONFIGURATION_NOT_FOUND", NotFound),
        (404, "CONFIGURATION_NOT_FOUND", NotFound),
        (409, "ABORTED", Conflict),
        (418, "TEAPOT", Unsupported),
        (501, "UNIMPLEMENTED", Unsupported),
    ],
)
def test_refusals_are_errors_of_ours(
    status: int, message: str, kind: type[FirekeepError], place: Place, proxy: Proxy
) -> None:
    proxy.on_request = lambda *_: (status, {"error": {"message": f"{message} : a@example.com"}})
    source = place.project().source(endpoint=proxy.address, tenants=())
    attempts = [
        source.now,
        source.check_hashes,
        lambda: read_all(source),
        lambda: source.lookup([key_of("", "a")]),
    ]
    for attempt in (*attempts, lambda: one(source, put("a"))):
        with pytest.raises(kind, match=message) as caught:
            attempt()
        assert "example" not in str(caught.value)
    if status == 403:
        assert "roles/firebaseauth.admin" in str(caught.value)


def test_words_of_the_service_are_told_without_content() -> None:
    assert code_of(b'{"error": {"message": "DUPLICATE_EMAIL : a@example.com"}}') == "DUPLICATE_EMAIL"
    for nothing in (
        b"",
        b"[]",
        b"{}",
        b'{"error": {"message": "a@example.com"}}',
        b'{"error": "x"}',
        b"\xff",
    ):
        assert code_of(nothing) == ""
    assert reason_of("email is invalid : a@example.com") == "email is invalid"
    assert reason_of("((Auth Emulator does not support importing duplicate email: a@b.c))").endswith(
        "duplicate email"
    )
    for content in ("a@example.com", "+15555550100 is taken", "x" * 200, "", None):
        assert reason_of(content) == "no reason that can be told"


def test_the_real_services_addresses_are_asked(place: Place) -> None:
    asked: list[str] = []

    class Http:
        def urlopen(self, method: str, url: str, **_: Any) -> Any:
            asked.append(f"{method} {url}")
            raise OSError

    source = UsersSource(Http(), "p", clock=place.clock, jitter=lambda: 0.0, elsewhere={"t": "t/ü"})
    for attempt in (source.now, lambda: source.plan(Scope(), source.instant()), lambda: source.lookup([KEY])):
        with pytest.raises(OSError):  # ours, from above
            attempt()
    base = "https://identitytoolkit.googleapis.com/v1/projects/p"
    assert asked[0] == f"GET {base}/accounts:batchGet?maxResults=1"
    assert asked[-1] == f"POST {base}/tenants/t%2F%C3%BC/accounts:lookup"
