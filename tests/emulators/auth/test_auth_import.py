"""Importing: what is refused and how, what is kept, and what an import does not look at."""

from __future__ import annotations

import random
from typing import Any

import pytest
from auth_helpers import Rest, b64, new_email

KEYED = {"hashAlgorithm": "HMAC_SHA256", "signerKey": b64(b"key")}


def refused(rest: Rest, user: dict[str, Any], **options: Any) -> str:
    """Why the account was not imported; the one beside it was."""
    beside = {"localId": new_email()}
    answer = rest.admin("batchCreate", users=[beside, user], **options)
    assert answer.status == 200, answer
    (error,) = answer.body["error"]
    assert error["index"] == 1
    assert beside["localId"] in rest.listed()
    return str(error["message"])


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"email": "a@b.c"}, "localId is missing"),
        ({"localId": ""}, "localId is missing"),
        ({"localId": "x" * 129}, "localId is too long"),
        ({"localId": "bad", "email": "not#an$email"}, "email is invalid"),
        ({"localId": "bad", "phoneNumber": "555"}, "phone number format is invalid"),
        ({"localId": "bad", "customAttributes": "not json"}, "Invalid custom claims provided."),
        (
            {"localId": "bad", "customAttributes": '{"sub": 1}'},
            "Custom claims provided include a reserved claim.",
        ),
        (
            {"localId": "bad", "customAttributes": '{"a":"' + "x" * 1000 + '"}'},
            "Custom claims provided are too large.",
        ),
        (
            {"localId": "bad", "providerUserInfo": [{"providerId": "google.com"}]},
            "federatedId or (providerId & rawId) is required",
        ),
        (
            {"localId": "bad", "mfaInfo": [{"phoneInfo": "+15555550100"}]},
            "Second factor account requires email to be presented.",
        ),
        (
            {"localId": "bad", "email": "a@b.c", "mfaInfo": [{"phoneInfo": "+15555550100"}]},
            "Second factor account requires email to be verified.",
        ),
        (
            {"localId": "bad", "email": "a@b.c", "emailVerified": True, "mfaInfo": [{"totpInfo": {}}]},
            "Second factor not supported.",
        ),
        (
            {"localId": "bad", "tenantId": "somewhere-else"},
            "Tenant id in userInfo does not match the tenant id in request.",
        ),
    ],
)
def test_a_bad_account_is_named_and_the_others_are_imported(
    rest: Rest, user: dict[str, Any], message: str
) -> None:
    assert refused(rest, user) == message
    assert "bad" not in rest.listed()


def test_an_account_is_replaced_only_when_asked(rest: Rest) -> None:
    first = {"localId": "again", "email": new_email(), "displayName": "first", "phoneNumber": "+15555550110"}
    assert "error" not in rest.admin("batchCreate", users=[first]).body
    second = {"localId": "again", "email": new_email()}
    assert refused(rest, second) == "localId belongs to an existing account - can not overwrite."
    assert rest.listed()["again"]["displayName"] == "first"
    assert "error" not in rest.admin("batchCreate", users=[second], allowOverwrite=True).body
    now = rest.listed()["again"]
    assert now["email"] == second["email"]
    assert not {"displayName", "phoneNumber"} & set(now)
    assert "users" not in rest.admin("lookup", email=[first["email"]], phoneNumber=["+15555550110"]).body


def test_a_shared_email_is_imported_twice_unless_sanity_is_checked(rest: Rest) -> None:
    email = new_email()
    users = [{"localId": f"twin-{number}", "email": email} for number in range(2)]
    answer = rest.admin("batchCreate", users=users, sanityCheck=True)
    assert (answer.status, answer.message) == (400, f"DUPLICATE_EMAIL : {email}")
    assert rest.admin("batchCreate", users=users).body.get("error") is None
    assert {rest.listed()[f"twin-{number}"]["email"] for number in range(2)} == {email}
    third = {"localId": "twin-3", "email": email.upper()}
    assert refused(rest, third, sanityCheck=True) == "email exists in other account in database"
    rest.admin("delete", localId="twin-0")
    found = rest.admin("lookup", email=[email]).body["users"]
    assert [user["localId"] for user in found] == ["twin-1"]


def test_a_provider_account_of_somebody_else_is_refused(rest: Rest) -> None:
    infos = [{"providerId": "github.com", "rawId": "taken"}]
    rest.admin("batchCreate", users=[{"localId": "github-1", "providerUserInfo": infos}])
    message = refused(rest, {"localId": "github-2", "providerUserInfo": infos})
    assert message == "raw id exists in other account in database"
    again = rest.admin(
        "batchCreate", users=[{"localId": "github-1", "providerUserInfo": infos}], allowOverwrite=True
    )
    assert "error" not in again.body


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ([], "MISSING_USER_ACCOUNT"),
        ([{"localId": "d"}, {"localId": "d"}], "DUPLICATE_LOCAL_ID : d"),
        ([{"localId": str(number)} for number in range(1001)], "MAXIMUM_USER_COUNT_EXCEEDED"),
    ],
)
def test_a_batch_that_contradicts_itself_is_refused_whole(
    rest: Rest, users: list[dict[str, Any]], message: str
) -> None:
    before = rest.listed()
    answer = rest.admin("batchCreate", users=users)
    assert (answer.status, answer.message) == (400, message)
    assert rest.listed() == before


def test_what_was_exported_comes_back_exactly(rest: Rest) -> None:
    """Apply after read is the identity, for every field an account can have."""
    full = {
        "localId": "full-ü",
        "email": new_email(),
        "emailVerified": True,
        "displayName": 'e\u0301 é 🦊 "quoted" \\ \x7f',
        "photoUrl": "http://example.com/ü?a=b&c=d",
        "disabled": True,
        "language": "de",
        "timeZone": "Europe/Berlin",
        "dateOfBirth": "1990-01-01",
        "screenName": "screen",
        "customAuth": True,
        "validSince": "1600000000",
        "lastLoginAt": "1600000000123",
        "createdAt": "1500000000123",
        "passwordUpdatedAt": 1550000000123,
        "version": 0,
        "phoneNumber": "+15555550111",
        "customAttributes": '{"b": 1, "a": {"ü": [null, 1.5]}}',
        "providerUserInfo": [
            {
                "providerId": "google.com",
                "rawId": "g1",
                "displayName": "G",
                "email": "other@x.y",
                "federatedId": "g1",
            },
            {"providerId": "saml.corp", "rawId": "s1"},
        ],
        "mfaInfo": [
            {"phoneInfo": "+15555550112", "mfaEnrollmentId": "m1", "enrolledAt": "2020-01-01T00:00:00Z"},
            {"phoneInfo": "+15555550113", "mfaEnrollmentId": "m2", "displayName": "two"},
        ],
    }
    hashed = {"passwordHash": b64(bytes(range(64))), "salt": b64(b"\xff\x00")}
    config = rest.call("GET", "/emulator/v1/projects/demo-firekeep/config").body["signIn"]["hashConfig"]
    scheme = {"hashAlgorithm": config.pop("algorithm"), **config}
    assert (
        "error"
        not in rest.admin("batchCreate", users=[{**full, **hashed}, {"localId": "bare"}], **scheme).body
    )
    exported = [rest.listed()[uid] for uid in ("full-ü", "bare")]
    assert exported[0].items() >= {**hashed, **without(full, "providerUserInfo", "mfaInfo")}.items()
    assert exported[0]["providerUserInfo"][:2] == full["providerUserInfo"]
    rest.admin("batchDelete", localIds=["full-ü", "bare"], force=True)
    assert "error" not in rest.admin("batchCreate", users=exported, **scheme).body
    assert [rest.listed()[uid] for uid in ("full-ü", "bare")] == exported


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def test_pages_have_every_account_once_however_they_are_cut(rest: Rest) -> None:
    uids = [f"{prefix}{number}" for prefix in ("a", "a/", "ä", "A", "a\u0308", "~") for number in (1, 10, 2)]
    random.Random(7).shuffle(uids)
    rest.admin("batchCreate", project="paged", users=[{"localId": uid} for uid in uids])
    for size in (1, 5, 9, 18, 19, 1000):
        pages = rest.pages("paged", size)
        assert [user["localId"] for page in pages for user in page] == sorted(uids)
        assert all(len(page) == size for page in pages[:-1])
    # A token does not promise that more accounts follow.
    assert rest.pages("paged", 9)[-1] == []


def test_a_page_goes_on_where_it_was_although_accounts_come_and_go(rest: Rest) -> None:
    rest.admin("batchCreate", project="moving", users=[{"localId": uid} for uid in "bdfh"])
    path = "/identitytoolkit.googleapis.com/v1/projects/moving/accounts:batchGet?maxResults=2"
    first = rest.call("GET", path, None, "Bearer owner").body
    rest.admin("delete", project="moving", localId="d")
    rest.admin("batchCreate", project="moving", users=[{"localId": uid} for uid in "ae"])
    rest_of_it = rest.call("GET", f"{path}&nextPageToken={first['nextPageToken']}", None, "Bearer owner").body
    assert [user["localId"] for user in rest_of_it["users"]] == ["e", "f"]


@pytest.mark.parametrize("query", ["maxResults=0", "maxResults=-1", "maxResults=x", "nextPageToken=***"])
def test_a_page_nobody_can_mean_is_refused(rest: Rest, query: str) -> None:
    path = f"/identitytoolkit.googleapis.com/v1/projects/p/accounts:batchGet?{query}"
    assert rest.call("GET", path, None, "Bearer owner").message == "INVALID_PAGE_SELECTION"


def test_accounts_are_queried_sorted_and_counted(rest: Rest) -> None:
    users = [
        {"localId": "1", "displayName": "b", "createdAt": "30", "email": "z@x.y"},
        {"localId": "2", "displayName": "c", "createdAt": "9", "email": "y@x.y"},
        {"localId": "3", "displayName": "a", "createdAt": "100", "phoneNumber": "+15555550120"},
    ]
    rest.admin("batchCreate", project="asked", users=users)

    def ask(**body: Any) -> list[str]:
        answer = rest.admin("query", project="asked", **body)
        return [user["localId"] for user in answer.body["userInfo"]]

    assert ask() == ["1", "2", "3"]
    assert ask(sortBy="NAME", order="DESC") == ["2", "1", "3"]
    assert ask(sortBy="CREATED_AT", limit="2") == ["2", "1"]
    assert ask(sortBy="CREATED_AT", offset="2") == ["3"]
    assert ask(expression=[{"email": "Z@x.y"}]) == ["1"]
    assert ask(expression=[{"userId": "3"}, {"email": "y@x.y"}]) == ["2", "3"]
    assert ask(expression=[{"phoneNumber": "+15555550120"}]) == ["3"]
    assert rest.admin("query", project="asked", returnUserInfo=False).body == {"recordsCount": "3"}
    assert rest.admin("query", project="asked", limit="501").status == 400


def test_hashes_are_for_owners_only(rest: Rest) -> None:
    session = rest.signed_up()
    for user in (
        rest.listed(bearer="Bearer ya29.viewer")[session["localId"]],
        rest.admin("lookup", bearer="Bearer ya29.viewer", localId=[session["localId"]]).body["users"][0],
    ):
        assert user["passwordHash"] == "UkVEQUNURUQ="
        assert "salt" not in user
    assert len(rest.listed()[session["localId"]]["passwordHash"]) == 88


def test_raw_passwords_are_hashed_on_import(rest: Rest) -> None:
    email = new_email()
    answer = rest.admin("batchCreate", users=[{"localId": "raw", "email": email, "rawPassword": "as-is-1"}])
    assert "error" not in answer.body
    assert "rawPassword" not in rest.listed()["raw"]
    assert rest.client("signInWithPassword", email=email, password="as-is-1").status == 200
