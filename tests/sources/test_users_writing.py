"""Writing accounts: every field comes back, nothing of the old is left, nobody is made twice, every refusal is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import firebase_admin
import pytest
from firebase_admin import auth, credentials
from google.auth.credentials import AnonymousCredentials
from users_rig import (
    APPS,
    HASH_CONFIG,
    Place,
    Project,
    Proxy,
    account,
    b64,
    one,
    put,
    read_all,
    seed,
    started,
)

from shared.contents import USERS
from shared.errors import BadInput, Internal
from shared.format.flat import encode as key_of
from shared.format.forms import FORMS
from shared.format.user import encode
from shared.sources.contract import Kind, Result, Write
from shared.sources.users import UNPACED, Options

FORM = FORMS[USERS]
FULL: dict[str, Any] = {
    "email": "full@example.com",
    "emailVerified": True,
    "displayName": "e\u0301 😀",
    "photoUrl": "https://example.com/ü",
    "phoneNumber": "+15555550100",
    "disabled": True,
    "customAttributes": '{ "role":"ü",  "n": [1e3, null] }',
    "createdAt": "1600000000001",
    "lastLoginAt": "1600000000002",
    "validSince": "1600000000",
    "passwordHash": b64(bytes(range(64))),
    "passwordUpdatedAt": 1600000000003,
    "salt": b64(b"salt"),
    "language": "de",
    "timeZone": "Europe/Berlin",
    "dateOfBirth": "1990-01-01",
    "screenName": "screen",
    "customAuth": True,
    "providerUserInfo": [
        {
            "providerId": "google.com",
            "rawId": "g/1",
            "federatedId": "https://accounts.google.com/1",
            "displayName": "Ü",
            "photoUrl": "https://example.com/g",
            "email": "G@example.com",
        },
        {"providerId": "oidc.own", "rawId": "🦊", "phoneNumber": "+15555550102", "screenName": "s"},
    ],
    "mfaInfo": [
        {
            "phoneInfo": "+15555550101",
            "unobfuscatedPhoneInfo": "+15555550101",
            "mfaEnrollmentId": "m1",
            "displayName": "work",
            "enrolledAt": "2026-03-29T01:59:59.123Z",
        }
    ],
}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with started() as made:
        yield made


@pytest.fixture
def project(place: Place) -> Project:
    return place.project()


@pytest.fixture
def proxy(place: Place) -> Iterator[Proxy]:
    made = Proxy(place.address)
    yield made
    made.close()


def seen(project: Project, uid: str, tenant: str = "") -> str:
    (value,) = project.source().lookup([key_of(tenant, uid)])
    assert value is not None
    return str(FORM.guard(value))


def drop(uid: str, guard: str | None, tenant: str = "") -> Write:
    return Write(key_of(tenant, uid), Kind.DROP, b"", guard)


# Fields


@pytest.mark.parametrize("name", sorted(FULL))
def test_every_field_comes_back_from_the_service(name: str, project: Project) -> None:
    seed(project.source(), [put("a/ü", **FULL)])
    live = project.live("a/ü")
    if name == "providerUserInfo":
        live[name] = [info for info in live[name] if info["providerId"] not in ("password", "phone")]
    assert live[name] == FULL[name]


def test_every_field_that_google_s_client_knows_comes_back(place: Place, project: Project) -> None:
    class NoCredentials(credentials.Base):
        def get_credential(self) -> AnonymousCredentials:
            return AnonymousCredentials()

    seed(project.source(), [put("full", **FULL)])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIREBASE_AUTH_EMULATOR_HOST", place.address)
        app = firebase_admin.initialize_app(NoCredentials(), {"projectId": project.name}, name=project.name)
        try:
            (found,) = auth.list_users(app=app).iterate_all()
        finally:
            firebase_admin.delete_app(app)
    assert (found.uid, found.email, found.email_verified) == ("full", FULL["email"], True)
    assert (found.display_name, found.photo_url) == (FULL["displayName"], FULL["photoUrl"])
    assert (found.phone_number, found.disabled) == (FULL["phoneNumber"], True)
    assert found.custom_claims == {"role": "ü", "n": [1e3, None]}
    times = found.user_metadata
    assert (times.creation_timestamp, times.last_sign_in_timestamp) == (1600000000001, 1600000000002)
    assert found.tokens_valid_after_timestamp == 1600000000000
    assert (found.password_hash, found.password_salt) == (FULL["passwordHash"], FULL["salt"])
    providers = {info.provider_id: info.uid for info in found.provider_data}
    assert providers["google.com"] == "g/1"
    assert providers["oidc.own"] == "🦊"


def test_what_was_read_comes_back_in_another_project_and_tenant(place: Place, project: Project) -> None:
    tenant, theirs = project.tenant(), place.project()
    seed(project.source(), [put("a", **FULL), put("a", tenant=tenant, **FULL), put("b")])
    records = read_all(project.source())
    target = theirs.source(elsewhere={tenant: theirs.tenant("other")})
    seed(target, [Write(key, Kind.PUT, value, None) for key, value in records.items()])
    live = read_all(target)
    assert live.keys() == records.keys()
    assert all(FORM.equal(records[key], live[key]) for key in records)
    assert FORM.bare(records[key_of("", "a")]) == FORM.bare(live[key_of("", "a")])


def test_nothing_of_the_old_account_is_left(project: Project) -> None:
    source = project.source()
    seed(source, [put("a", **FULL)])
    assert one(source, put("a", seen(project, "a"), email="new@example.com")).result is Result.DONE
    live = project.live("a")
    left = set(live) - {"localId", "email", "emailVerified", "disabled", "createdAt", "validSince"}
    assert not left
    assert "users" not in project.admin("lookup", phoneNumber=[FULL["phoneNumber"]])


def test_claims_of_a_thousand_bytes_come_back_exactly(project: Project) -> None:
    claims = '{"k":"' + "x" * 992 + '"}'
    assert len(claims) == 1000
    seed(project.source(), [put("a", customAttributes=claims)])
    assert project.live("a")["customAttributes"] == claims


def test_empty_fields_are_no_fields(project: Project) -> None:
    infos = [{"providerId": "github.com", "rawId": "1", "displayName": "", "photoUrl": "", "email": ""}]
    seed(
        project.source(),
        [put("a", displayName="", photoUrl="", email="", providerUserInfo=infos, mfaInfo=[])],
    )
    assert project.live("a")["providerUserInfo"] == [{"providerId": "github.com", "rawId": "1"}]


def test_what_cannot_be_brought_back_is_named(project: Project) -> None:
    fields = {
        "email": "a@example.com",
        "emailVerified": True,
        "initialEmail": "first@example.com",
        "passkeyInfo": [{"credentialId": "x"}],
        "later": {"a": 1},
        "emailLinkSignin": True,
        "passwordHash": "",
        "mfaInfo": [
            {"mfaEnrollmentId": "m1", "phoneInfo": "+15555550100", "enrolledAt": "2026-03-29T01:59:59Z"},
            {"mfaEnrollmentId": "m2", "totpInfo": {}},
        ],
    }
    outcome = one(project.source(), put("a", **fields))
    assert outcome.result is Result.DONE
    for name in ("initialEmail", "passkeyInfo", "later", "emailLinkSignin", "password", "phone numbers"):
        assert name in outcome.reason
    assert "example" not in outcome.reason
    (live,) = project.source().lookup([key_of("", "a")])
    assert live is not None
    assert FORM.equal(encode(fields), live)
    assert one(project.source(), put("b", email="b@example.com")).reason == ""


def test_when_sessions_were_revoked_comes_back_although_an_import_sets_it_anew(
    place: Place, proxy: Proxy
) -> None:
    """The official emulator sets it to the time of the import, and so may the service."""
    project = place.project()

    def forgetful(_method: str, path: str, body: Any) -> None:
        if "batchCreate" in path:
            for user in body["users"]:
                user.pop("validSince", None)

    proxy.on_request = forgetful
    users = {f"u{number}": account(number) for number in range(250)}
    seed(project.source(endpoint=proxy.address), [put(uid, **fields) for uid, fields in users.items()])
    assert proxy.calls.count("update") == 250
    for uid in ("u0", "u123", "u249"):
        assert project.live(uid)["validSince"] == users[uid]["validSince"]


# Accounts that an import would hurt


def test_an_authenticator_app_survives_a_restore_of_other_fields(place: Place, proxy: Proxy) -> None:
    """Nobody can bring back its secret: so the account is changed, not imported anew."""
    project = place.project()
    seed(project.source(), [put("a", **{**FULL, "displayName": "live"})])
    totp = {"mfaEnrollmentId": "t", "totpInfo": {}, "enrolledAt": "2026-03-29T01:59:59Z"}

    def with_totp(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        for user in answer.get("users", ()):
            user["mfaInfo"] = [*user.get("mfaInfo", ()), totp]
        return answer

    proxy.on_answer = with_totp
    source = project.source(endpoint=proxy.address)
    (live,) = source.lookup([key_of("", "a")])
    assert live is not None
    wanted = {**FULL, "mfaInfo": [*FULL["mfaInfo"], totp]}
    outcome = one(source, put("a", str(FORM.guard(live)), **wanted))
    assert (outcome.result, outcome.reason) == (Result.DONE, "")
    assert "batchCreate" not in proxy.calls
    assert project.live("a")["displayName"] == FULL["displayName"]
    # Another password cannot be set in any other way.
    proxy.calls.clear()
    (live,) = source.lookup([key_of("", "a")])
    assert live is not None
    assert (
        one(source, put("a", str(FORM.guard(live)), **{**wanted, "passwordHash": b64(b"x" * 64)})).result
        is Result.DONE
    )
    assert "batchCreate" in proxy.calls


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"email": "other@example.com"},
        {"email": "full@example.com", "emailVerified": True},
        {"phoneNumber": "+15555550109", "disabled": False, "customAttributes": "{}"},
        {"displayName": "x", "photoUrl": "http://x/", "customAttributes": '{"a":1}', "createdAt": "1600000000009"},
        {"providerUserInfo": [FULL["providerUserInfo"][0], {"providerId": "oidc.own", "rawId": "other"}]},
        {"providerUserInfo": [{"providerId": "github.com", "rawId": "1"}], "validSince": "1600000099"},
        {"email": "full@example.com", "emailVerified": True, "mfaInfo": [{**FULL["mfaInfo"][0], "displayName": "m"}]},
        {"email": "n@example.com", "emailVerified": True, "mfaInfo": FULL["mfaInfo"], "validSince": "1600000001"},
        FULL,
    ],
)  # fmt: skip
def test_a_password_that_nobody_can_read_survives_whatever_else_changes(
    wanted: dict[str, Any], project: Project
) -> None:
    user = {**FULL, "localId": "a", "passwordHash": b64(b"x"), "displayName": "old", "disabled": False}
    del user["salt"]
    user["mfaInfo"] = [{**user["mfaInfo"][0], "phoneInfo": "+15555550108"}]
    project.create(user, hashAlgorithm="BCRYPT")
    assert project.live("a")["passwordHash"] == ""
    fields = {**wanted, "passwordHash": ""}
    outcome = one(project.source(), put("a", seen(project, "a"), **fields))
    assert outcome.result is Result.DONE, outcome
    live = project.live("a")
    assert live["passwordHash"] == ""
    (value,) = project.source().lookup([key_of("", "a")])
    assert value is not None
    assert FORM.equal(encode(fields), value)


# Guards


def test_what_changed_since_it_was_seen_is_moved(project: Project) -> None:
    source = project.source()
    seed(source, [put("a", displayName="one")])
    before = seen(project, "a")
    project.admin("update", localId="a", displayName="two")
    for write in (put("a", before, displayName="three"), drop("a", before), put("a", displayName="three")):
        assert one(source, write).result is Result.MOVED
    assert project.live("a")["displayName"] == "two"
    assert one(source, drop("b", before)).result is Result.MOVED
    assert one(source, put("b", before)).result is Result.MOVED
    assert one(source, drop("b", None)).result is Result.DONE


def test_who_signs_in_meanwhile_is_not_moved_and_a_new_password_is(place: Place) -> None:
    project = place.project(name=APPS)
    source = project.source()
    uid = project.signed_up("a@example.com", "secret-1")
    before = seen(project, uid)
    assert project.signed_in("a@example.com", "secret-1") == uid
    assert seen(project, uid) == before
    project.admin("update", localId=uid, password="secret-2")
    assert one(source, drop(uid, before)).result is Result.MOVED


def test_an_account_made_in_the_moment_before_the_import_is_not_replaced(place: Place, proxy: Proxy) -> None:
    project = place.project()

    def meanwhile(_method: str, path: str, _body: Any) -> None:
        if "batchCreate" in path:
            proxy.on_request = lambda *_: None
            project.create({"localId": "a", "displayName": "theirs"})

    proxy.on_request = meanwhile
    outcomes = project.source(endpoint=proxy.address).apply([put("a", displayName="ours"), put("b")])
    assert [outcome.result for outcome in outcomes] == [Result.MOVED, Result.DONE]
    assert project.live("a")["displayName"] == "theirs"


# Collisions

SHARED: list[tuple[dict[str, Any], str]] = [
    ({"email": "Shared@example.com"}, "e-mail address"),
    ({"phoneNumber": "+15555550100"}, "phone number"),
    ({"providerUserInfo": [{"providerId": "github.com", "rawId": "1"}]}, "identity at github.com"),
]


@pytest.mark.parametrize(("fields", "kind"), SHARED)
def test_what_another_account_has_is_told_with_who_has_it(
    fields: dict[str, Any], kind: str, project: Project
) -> None:
    source = project.source()
    seed(source, [put("holder/1", **fields)])
    new, other = source.apply([put("new", **fields), put("other", displayName="x")])
    assert (new.result, other.result) == (Result.FAILED, Result.DONE)
    assert new.reason == f"its {kind} belongs to account 'holder/1'"
    assert [key for key in read_all(source) if key == key_of("", "new")] == []


@pytest.mark.parametrize(("fields", "kind"), SHARED)
def test_of_two_in_a_batch_the_first_is_written_and_the_other_told(
    fields: dict[str, Any], kind: str, project: Project
) -> None:
    outcomes = project.source().apply([put("z", **fields), put("a", **fields), put("b")])
    assert [outcome.result for outcome in outcomes] == [Result.FAILED, Result.DONE, Result.DONE]
    assert outcomes[0].reason == f"account 'a' is to have the same {kind}"


@pytest.mark.parametrize(("fields", "kind"), SHARED)
def test_what_a_drop_or_another_write_frees_is_free(
    fields: dict[str, Any], kind: str, project: Project
) -> None:
    source = project.source()
    seed(source, [put("b", **fields), put("c", displayName="c")])
    outcomes = source.apply([put("a", **fields), drop("b", seen(project, "b"))])
    assert {outcome.result for outcome in outcomes} == {Result.DONE}, kind
    outcomes = source.apply([put("C", **fields), put("a", seen(project, "a"), displayName="a")])
    assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes
    assert len(read_all(source)) == 3


@pytest.mark.parametrize(("fields", "kind"), SHARED)
def test_two_that_would_have_to_change_places_at_once_are_both_told(
    fields: dict[str, Any], kind: str, project: Project
) -> None:
    source = project.source()
    other = {"email": "o@example.com", "phoneNumber": "+15555550101"}
    infos = [{"providerId": "github.com", "rawId": "2"}]
    second = {name: other.get(name, infos) for name in fields}
    seed(source, [put("a", **fields), put("b", **second)])
    outcomes = source.apply([put("a", seen(project, "a"), **second), put("b", seen(project, "b"), **fields)])
    assert [outcome.result for outcome in outcomes] == [Result.FAILED] * 2
    assert [outcome.reason for outcome in outcomes] == [
        f"its {kind} belongs to account {uid!r}" for uid in "ba"
    ]


def test_tenants_do_not_collide(project: Project) -> None:
    tenant = project.tenant()
    seed(project.source(), [put("a", email="a@example.com"), put("a", tenant=tenant, email="a@example.com")])


def test_accounts_that_share_an_address_already_can_still_be_changed(project: Project) -> None:
    project.create({"localId": "a", "email": "x@example.com"}, {"localId": "b", "email": "x@example.com"})
    source = project.source()
    writes = [put(uid, seen(project, uid), email="x@example.com", displayName=uid) for uid in "ab"]
    assert {outcome.result for outcome in source.apply(writes)} == {Result.DONE}


def test_a_collision_of_the_moment_between_is_refused_by_the_service(place: Place, proxy: Proxy) -> None:
    project = place.project()

    def meanwhile(_method: str, path: str, _body: Any) -> None:
        if "batchCreate" in path:
            proxy.on_request = lambda *_: None
            project.create({"localId": "theirs", "email": "x@example.com"})

    proxy.on_request = meanwhile
    outcome = one(project.source(endpoint=proxy.address), put("ours", email="x@example.com"))
    assert outcome.result is Result.FAILED
    assert "email exists in other account" in outcome.reason


# Refusals


def test_what_the_service_refuses_of_a_batch_is_told_and_the_rest_is_written(project: Project) -> None:
    writes = [
        put("a", email="not an address"),
        put("b", displayName="x"),
        put("c", customAttributes='{"sub":1}'),
        put("d", email="d@example.com", mfaInfo=[{"phoneInfo": "+15555550100", "mfaEnrollmentId": "m"}]),
        put("e", phoneNumber="12"),
        put("f", providerUserInfo=[{"providerId": "github.com"}]),
    ]
    outcomes = project.source().apply(writes)
    assert [outcome.result for outcome in outcomes] == [Result.FAILED, Result.DONE, *[Result.FAILED] * 4]
    assert "email is invalid" in outcomes[0].reason
    assert "reserved claim" in outcomes[2].reason
    assert "requires email to be verified" in outcomes[3].reason
    assert not any("not an address" in outcome.reason for outcome in outcomes)
    assert list(read_all(project.source())) == [key_of("", "b")]


def test_one_account_that_spoils_a_batch_is_found_and_the_rest_is_written(place: Place, proxy: Proxy) -> None:
    project = place.project()
    source = project.source(endpoint=proxy.address)
    writes = [put(f"u{number:03d}", **account(number)) for number in range(300)]
    writes[77] = put("bad", passwordHash="fakeHash:salt=x:password=secret")
    outcomes = source.apply(writes)
    assert {outcome.result for number, outcome in enumerate(outcomes) if number != 77} == {Result.DONE}
    assert outcomes[77].result is Result.FAILED
    assert "secret" not in outcomes[77].reason
    assert proxy.calls.count("batchCreate") < 25


def test_a_request_that_is_wrong_for_all_is_an_exception(project: Project) -> None:
    source = project.source(hash_config=lambda _: {**HASH_CONFIG, "rounds": 99})
    with pytest.raises(BadInput, match="INVALID_HASH_ROUNDS"):
        one(source, put("a", **FULL))


def test_passwords_without_their_parameters_are_refused_before_anything_is_written(project: Project) -> None:
    source = project.source(hash_config=lambda _: None)
    with pytest.raises(BadInput, match="parameters"):
        source.apply([put("a", displayName="x"), put("b", **FULL)])
    assert read_all(project.source()) == {}
    assert one(source, put("a")).result is Result.DONE


def test_a_tenant_that_is_not_there_fails_its_accounts_alone(project: Project) -> None:
    outcomes = project.source().apply(
        [put("a", tenant="missing"), put("a"), drop("b", None, tenant="missing")]
    )
    assert [outcome.result for outcome in outcomes] == [Result.FAILED, Result.DONE, Result.FAILED]
    assert "missing does not exist" in outcomes[0].reason


def test_one_that_is_named_twice_is_refused(project: Project) -> None:
    with pytest.raises(BadInput, match="twice"):
        project.source().apply([put("a"), drop("a", None)])


def test_a_guard_of_another_kind_is_a_bug(project: Project) -> None:
    with pytest.raises(Internal):
        one(project.source(), replace(put("a"), seen=project.source().now()))


def test_what_is_still_there_after_it_was_deleted_is_told(place: Place, proxy: Proxy) -> None:
    project = place.project()
    seed(project.source(), [put(uid) for uid in "abc"])
    guards = {uid: seen(project, uid) for uid in "abc"}

    def answer(_method: str, path: str, body: Any) -> tuple[int, Any] | None:
        if "batchDelete" not in path:
            return None
        project.admin("batchDelete", localIds=["c"], force=True)
        return 200, {"errors": [{"localId": body["localIds"][0], "message": "NOT_DISABLED : Disable it."}]}

    proxy.on_request = answer
    outcomes = project.source(endpoint=proxy.address).apply([drop(uid, guards[uid]) for uid in "abc"])
    assert [outcome.result for outcome in outcomes] == [Result.FAILED, Result.FAILED, Result.DONE]
    assert [outcome.reason for outcome in outcomes] == [
        "the service refused it: NOT_DISABLED",
        "it is still there",
        "",
    ]


def test_what_the_service_keeps_otherwise_is_told(place: Place, proxy: Proxy) -> None:
    project = place.project()

    def trimmed(path: str, answer: dict[str, Any]) -> dict[str, Any]:
        for user in answer.get("users", ()):
            user["displayName"] = user.get("displayName", "").strip()
        return answer

    proxy.on_answer = trimmed
    outcome = one(project.source(endpoint=proxy.address), put("a", displayName=" spaces "))
    assert (outcome.result, outcome.reason) == (Result.FAILED, "the service keeps it otherwise: displayName")


# Pace


@pytest.mark.slow
def test_ten_thousand_accounts_go_each_way(project: Project) -> None:
    source = project.source()
    records = {key_of("", f"u{number:05d}"): encode(account(number)) for number in range(10_000)}
    seed(source, [Write(key, Kind.PUT, value, None) for key, value in records.items()])
    live = read_all(source)
    assert all(FORM.equal(value, live[key]) for key, value in records.items())
    seed(source, [Write(key, Kind.DROP, b"", FORM.guard(value)) for key, value in live.items()])
    assert read_all(source) == {}


def test_drops_and_imports_keep_to_the_services_pace(place: Place) -> None:
    project = place.project()
    clock = project.place.clock
    fast = project.source()
    seed(fast, [put(f"u{number:03d}") for number in range(45)])
    records = read_all(fast)
    slow = project.source(options=replace(Options(), patience=UNPACED.patience))
    started_at = clock.time
    slow.apply([Write(key, Kind.DROP, b"", FORM.guard(value)) for key, value in records.items()])
    assert clock.time - started_at == pytest.approx(4.0)
    assert read_all(fast) == {}
    paced = project.source(options=Options(imports_per_s=10.0))
    started_at = clock.time
    for batch in range(3):
        seed(paced, [put(f"u{batch}{number}") for number in range(20)])
    assert clock.time - started_at == pytest.approx(4.0)
