"""Listing and looking up accounts: what services may answer, and what must never be taken for an answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from users_rig import Place, Project, Proxy, account, b64, flat, put, read_all, seed, started

from shared.errors import BadInput, Corrupt, Denied, Incomplete, NotFound, Unsupported
from shared.format.flat import encode as key_of
from shared.format.flat import shown
from shared.format.user import decode, encode
from shared.sources.contract import SUREST, Method, Part, Scope
from shared.sources.users import UsersSource
from shared.sources.users.sorting import in_order


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with started() as made:
        yield made


@pytest.fixture
def proxy(place: Place) -> Iterator[Proxy]:
    made = Proxy(place.address)
    yield made
    made.close()


def uids(source: UsersSource, scope: Scope | None = None) -> list[str]:
    return [shown(key) for key in read_all(source, scope)]


def filled(project: Project, count: int) -> dict[str, dict[str, Any]]:
    users = {f"u{number:05d}": account(number) for number in range(count)}
    seed(project.source(), [put(uid, **fields) for uid, fields in users.items()])
    return users


def only_part(source: UsersSource, method: Method = Method.LIST) -> Part:
    (part,) = source.plan(Scope(), source.instant()).parts
    return Part(0, part.start, part.end, method, None, part.at)


def test_every_page_is_read_and_memory_holds_one(place: Place) -> None:
    project = place.project()
    users = filled(project, 2500)
    sizes = [len(keys) for keys, _ in project.source().read(only_part(project.source()))]
    assert sizes == [1000, 1000, 500]
    assert [decode(value)["createdAt"] for value in read_all(project.source()).values()] == [
        fields["createdAt"] for fields in users.values()
    ]


def test_a_full_last_page_has_a_token_and_nothing_behind_it(place: Place) -> None:
    project = place.project()
    filled(project, 1000)
    assert len(uids(project.source())) == 1000


def test_every_tenant_is_a_part_in_key_order(place: Place) -> None:
    project = place.project()
    tenants = sorted(project.tenant(name) for name in ("bbbb", "aaaa", "aaaa-b"))
    source = project.source()
    seed(source, [put("x", tenant=tenant) for tenant in ("", *tenants)])
    plan = source.plan(Scope(), datetime(2026, 1, 1, tzinfo=UTC))
    assert [part.start.rstrip(b"\0").decode() for part in plan.parts] == ["", *tenants]
    assert uids(source) == ["/x", *(f"{tenant}/x" for tenant in tenants)]
    assert plan.expected is None


@pytest.mark.parametrize(
    ("prefixes", "exclude", "expected"),
    [
        (["/"], [], ["/a", "/a/b", "/ab", "/b"]),
        (["T"], [], ["T/a", "T/b"]),
        (["/a"], [], ["/a", "/a/b", "/ab"]),
        (["/a", "/ab", "T/b"], ["/a/"], ["/a", "/ab", "T/b"]),
        ([], ["T"], ["/a", "/a/b", "/ab", "/b"]),
        ([], ["/a", "T/a"], ["/b", "T/b"]),
    ],
)
def test_a_scope_chooses_tenants_and_beginnings_of_ids(
    prefixes: list[str], exclude: list[str], expected: list[str], place: Place
) -> None:
    project = place.project()
    tenant = project.tenant()
    source = project.source(elsewhere={"T": tenant})
    seed(source, [put(uid) for uid in ("a", "a/b", "ab", "b")] + [put(uid, tenant="T") for uid in ("a", "b")])
    assert uids(source, Scope(tuple(prefixes), tuple(exclude))) == expected


def test_a_tenant_that_is_not_there_is_bad_input(place: Place) -> None:
    source = place.project().source()
    for scope in (Scope(("missing/a",)), Scope(exclude=("missing",))):
        with pytest.raises(BadInput, match="missing"):
            source.plan(scope, source.instant())


@pytest.mark.parametrize("answer", [(400, "INVALID_PROJECT_ID"), (403, "PERMISSION_DENIED")])
def test_a_project_that_cannot_have_tenants_has_none(
    answer: tuple[int, str], place: Place, proxy: Proxy
) -> None:
    project = place.project()
    source = project.source(endpoint=proxy.address)
    config: dict[str, Any] = {"multiTenant": {}}

    def refuse(_method: str, path: str, _body: Any) -> tuple[int, Any] | None:
        if "/tenants" in path:
            return answer[0], {"error": {"message": answer[1]}}
        return (200, config) if path.endswith("/config") else None

    proxy.on_request = refuse
    assert len(source.plan(Scope(), source.instant()).parts) == 1
    config["multiTenant"] = {"allowTenants": True}
    with pytest.raises((BadInput, Denied), match="listing the tenants"):
        source.plan(Scope(), source.instant())
    assert (
        len(project.source(endpoint=proxy.address, tenants=["a", "b"]).plan(Scope(), source.instant()).parts)
        == 3
    )


def shuffled(path: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Pages of the same accounts in another order, with quirks: empty pages, and accounts told twice."""
    if "batchGet" in path and answer.get("users"):
        random.Random(path).shuffle(answer["users"])
        answer["users"] += [{**answer["users"][0], "displayName": "told again"}]
    return answer


def test_a_listing_out_of_order_is_incomplete_and_then_sorted(place: Place, proxy: Proxy) -> None:
    project = place.project()
    users = filled(project, 2100)
    proxy.on_answer = shuffled
    source = project.source(endpoint=proxy.address, run_bytes=50_000)
    part = only_part(source)
    with pytest.raises(Incomplete, match="order"):
        flat(source.read(part))
    sure = only_part(source, SUREST[part.method])
    found = flat(source.read(sure))
    assert [shown(key) for key, _ in found] == [f"/{uid}" for uid in sorted(users)]
    assert sum(decode(value).get("displayName") == "told again" for _, value in found) == 3
    behind = key_of("", "u01999")
    assert flat(source.read(sure, behind)) == [pair for pair in found if pair[0] > behind]


def test_no_way_to_read_but_the_two_is_taken(place: Place) -> None:
    source = place.project().source()
    with pytest.raises(BadInput, match="pages"):
        source.read(only_part(source, Method.PAGES))


def test_sorting_keeps_the_last_of_each_key_whatever_the_runs() -> None:
    chance = random.Random(3)
    records = [
        (chance.randbytes(chance.choice([1, 2, 20])), chance.randbytes(chance.choice([0, 1, 700_000, 30])))
        for _ in range(300)
    ]
    for size in (1, 1000, 1 << 20, 1 << 30):
        assert list(in_order(records, size)) == sorted(dict(records).items())
    assert list(in_order([], 10)) == []


def test_empty_pages_are_not_the_end(place: Place, proxy: Proxy) -> None:
    project = place.project()
    filled(project, 3)
    held: list[dict[str, Any]] = []

    def quirky(_method: str, path: str, _body: Any) -> tuple[int, Any] | None:
        if "batchGet" not in path or "maxResults=1&" in path or path.endswith("maxResults=1"):
            return None
        if "nextPageToken" not in path:
            return 200, {"nextPageToken": "t1"}
        if "t1" in path:
            return 200, {"users": held[:2], "nextPageToken": "t2"}
        if "t2" in path:
            return 200, {"users": [], "nextPageToken": "t3"}
        return 200, {"users": held[2:], "nextPageToken": "t4"} if "t3" in path else {"nextPageToken": "t4"}

    held += [project.live(f"u0000{number}") for number in range(3)]
    proxy.on_request = quirky
    assert uids(project.source(endpoint=proxy.address)) == ["/u00000", "/u00001", "/u00002"]


@pytest.mark.parametrize("users", [[], [{"localId": "a"}]], ids=["empty", "full"])
def test_pages_that_go_on_for_ever_are_corrupt(users: list[Any], place: Place, proxy: Proxy) -> None:
    source = place.project().source(endpoint=proxy.address, tenants=())
    tokens = iter(range(10_000)) if not users else None
    proxy.on_request = lambda *_: (
        200,
        {"users": users, "nextPageToken": str(next(tokens)) if tokens else "same"},
    )
    with pytest.raises((Corrupt, Incomplete)):
        flat(source.read(only_part(source)))
    with pytest.raises(Corrupt):
        flat(source.read(only_part(source, Method.SORT)))


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{", b'{"users": {}}', b'{"users": [1]}', b'{"users": [{}]}', b'{"users": [{"localId": 1}]}',
     b'{"users": [{"localId": "a", "tenantId": "other"}]}', b'{"users": [{"localId": "\xff"}]}'],
)  # fmt: skip
def test_an_answer_that_is_none_is_corrupt(answer: bytes, place: Place, proxy: Proxy) -> None:
    source = place.project().source(endpoint=proxy.address, tenants=())
    part = Part(0, b"\0", b"\0\xff", Method.LIST, None, datetime(2026, 1, 1, tzinfo=UTC))
    proxy.on_request = lambda *_: (200, answer)
    with pytest.raises(Corrupt):
        flat(source.read(part))


def test_a_field_of_another_type_stops_the_reading(place: Place, proxy: Proxy) -> None:
    project = place.project()
    filled(project, 1)
    proxy.on_answer = lambda _path, answer: {
        **answer,
        "users": [{**one, "disabled": "no"} for one in answer.get("users", [])],
    }
    with pytest.raises(Unsupported, match="disabled"):
        read_all(project.source(endpoint=proxy.address, tenants=()))


def test_a_field_that_is_new_is_kept(place: Place, proxy: Proxy) -> None:
    project = place.project()
    filled(project, 1)
    proxy.on_answer = lambda _path, answer: {
        **answer,
        "users": [{**one, "new": [{"a": None}]} for one in answer.get("users", [])],
    }
    (value,) = read_all(project.source(endpoint=proxy.address, tenants=())).values()
    assert decode(value)["new"] == [{"a": None}]


def test_a_tenant_that_is_deleted_while_it_is_read_stops_the_reading(place: Place) -> None:
    project = place.project()
    tenant = project.tenant()
    source = project.source()
    part = source.plan(Scope((tenant,)), source.instant()).parts[0]
    place.call("DELETE", f"identitytoolkit.googleapis.com/v2/projects/{project.name}/tenants/{tenant}")
    with pytest.raises(NotFound):
        flat(source.read(part))
    assert source.lookup([key_of(tenant, "a")]) == [None]


def test_look_ups_go_by_hundreds(place: Place, proxy: Proxy) -> None:
    project = place.project()
    filled(project, 250)
    keys = [key_of("", f"u{number:05d}") for number in range(300)]
    source = project.source(endpoint=proxy.address)
    found = source.lookup(keys)
    assert proxy.calls == ["lookup"] * 3
    assert [value is not None for value in found] == [True] * 250 + [False] * 50
    assert dict(zip(keys, found, strict=False)) | read_all(project.source()) == dict(
        zip(keys, found, strict=True)
    )
    assert source.lookup([]) == []


def test_hashes_that_look_ups_hide_come_from_the_list(place: Place, proxy: Proxy) -> None:
    """The real service tells hashes in lists only."""
    project = place.project()
    filled(project, 20)

    def hide(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if "lookup" in path:
            for one in answer.get("users", ()):
                if "passwordHash" in one:
                    one["passwordHash"] = "UkVEQUNURUQ="
                    one.pop("salt", None)
        return answer

    proxy.on_answer = hide
    source = project.source(endpoint=proxy.address)
    truth = read_all(project.source())
    assert source.lookup(list(truth)) == list(truth.values())
    assert "batchGet" in proxy.calls
    proxy.calls.clear()
    assert source.lookup([key_of("", "u00000")]) == [truth[key_of("", "u00000")]]
    assert proxy.calls == ["lookup"], "who has no password needs no list"


def test_an_event_says_which_account_and_nothing_else(place: Place) -> None:
    source = place.project().source(elsewhere={"old": "new"})

    class Event:
        uid = "a/b"

    assert source.decode(Event()) == key_of("", "a/b")
    assert source.decode({"uid": "x", "email": "a@example.com", "tenantId": "new"}) == key_of("old", "x")
    assert source.decode({"localId": "x", "tenantId": "t"}) == key_of("t", "x")
    for nothing in ({}, {"uid": 1}, {"uid": ""}, {"uid": "x", "tenantId": 3}, None, b"x"):
        with pytest.raises(BadInput):
            source.decode(nothing)


def test_the_present_is_the_services(place: Place, proxy: Proxy) -> None:
    source = place.project().source(endpoint=proxy.address)
    assert abs((source.now() - datetime.now(UTC)).total_seconds()) < 5
    assert source.instant().tzinfo is UTC


# Hashes


def redacted(text: Any) -> Any:
    def change(_path: str, answer: dict[str, Any]) -> dict[str, Any]:
        for one in answer.get("users", ()):
            if one.get("passwordHash"):
                del one["passwordHash"], one["salt"]
                if text is not None:
                    one["passwordHash"] = text
        return answer

    return change


def test_a_preflight_passes_when_hashes_are_told_or_nobody_has_a_password(place: Place) -> None:
    project = place.project()
    project.tenant()
    project.source().check_hashes()
    filled(project, 7)
    project.source().check_hashes()


def test_without_the_right_to_see_hashes_nothing_is_read_and_the_role_is_named(place: Place) -> None:
    project = place.project()
    filled(project, 7)
    source = project.source(bearer="ya29.somebody")
    for attempt in (
        source.check_hashes,
        lambda: read_all(source),
        lambda: source.lookup([key_of("", "u00005")]),
    ):
        with pytest.raises(Denied, match=r"roles/firebaseauth\.admin") as caught:
            attempt()
        assert "u00005" in str(caught.value)
        assert "example" not in str(caught.value)


@pytest.mark.parametrize("text", ["UkVEQUNURUQ=", "REDACTED", None])
def test_hashes_are_missed_however_they_are_hidden(text: str | None, place: Place, proxy: Proxy) -> None:
    project = place.project()
    filled(project, 7)
    proxy.on_answer = redacted(text)
    source = project.source(endpoint=proxy.address)
    with pytest.raises(Denied):
        source.check_hashes()
    with pytest.raises(Denied):
        read_all(source)


def test_a_tenants_hashes_are_missed_too(place: Place) -> None:
    project = place.project()
    tenant = project.tenant()
    seed(project.source(), [put("x", tenant=tenant, **account(5))])
    with pytest.raises(Denied):
        project.source(bearer="ya29.somebody").check_hashes()


def test_one_who_signs_in_by_links_has_no_hash_to_miss(place: Place, proxy: Proxy) -> None:
    project = place.project()
    one = {"localId": "a", "email": "a@example.com", "emailLinkSignin": True,
           "providerUserInfo": [{"providerId": "password", "rawId": "a@example.com"}]}  # fmt: skip
    proxy.on_request = lambda _method, path, _body: (200, {"users": [one]}) if "batchGet" in path else None
    source = project.source(endpoint=proxy.address)
    source.check_hashes()
    (value,) = read_all(source).values()
    assert "passwordHash" not in decode(value)


def test_going_on_without_hashes_keeps_that_there_is_a_password_and_never_a_redaction(place: Place) -> None:
    project = place.project()
    filled(project, 7)
    source = project.source(bearer="ya29.somebody", without_hashes=True)
    source.check_hashes()
    records = read_all(source)
    assert decode(records[key_of("", "u00005")])["passwordHash"] == ""
    assert "salt" not in decode(records[key_of("", "u00005")])
    assert not any(b"UkVEQUNURUQ" in value or b"REDACTED" in value for value in records.values())
    assert source.lookup(list(records)) == list(records.values())


def test_going_on_without_hashes_keeps_those_that_are_told(place: Place) -> None:
    project = place.project()
    filled(project, 7)
    assert read_all(project.source(without_hashes=True)) == read_all(project.source())


def test_the_record_is_all_that_the_service_tells(place: Place) -> None:
    project = place.project()
    tenant = project.tenant()
    project.create({"localId": "a", "email": "a@example.com", "passwordHash": b64(b"x"), "salt": b64(b"y")},
                   tenant=tenant, hashAlgorithm="HMAC_SHA1", signerKey=b64(b"k"))  # fmt: skip
    seen = project.live("a", tenant)
    assert (seen.pop("localId"), seen.pop("tenantId")) == ("a", tenant)
    assert read_all(project.source()) == {key_of(tenant, "a"): encode(seen)}
