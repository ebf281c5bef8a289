"""Records of accounts: what is kept, what is refused, what counts, and what tells one state from another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contents import USERS
from shared.errors import Corrupt, Internal, Unsupported
from shared.format import user
from shared.format.forms import FORMS

FORM = FORMS[USERS]
HASH = "X" * 85 + "_-A="

PASSING = ("lastLoginAt", "lastRefreshAt", "passwordUpdatedAt", "version")
UNRESTORABLE = (
    *(
        "customAuth",
        "dateOfBirth",
        "emailLinkSignin",
        "initialEmail",
        "language",
        "passkeyInfo",
        "screenName",
    ),
    *("timeZone", "laterAddition"),
)

FULL: dict[str, Any] = {
    "createdAt": "1600000000001",
    "customAttributes": '{"a":1}',
    "customAuth": True,
    "dateOfBirth": "1990-01-01",
    "disabled": True,
    "displayName": "e\u0301 é 😀",
    "email": "a@example.com",
    "emailLinkSignin": True,
    "emailVerified": True,
    "initialEmail": "b@example.com",
    "language": "de",
    "lastLoginAt": "1600000000002",
    "lastRefreshAt": "2026-03-29T01:59:59.12Z",
    "laterAddition": {"of": ["a", 1, None, True, 0.5]},
    "mfaInfo": [
        {"mfaEnrollmentId": "1", "phoneInfo": "+15555550100", "enrolledAt": "2026-03-29T01:59:59.120Z"},
        {"mfaEnrollmentId": "2", "totpInfo": {}, "enrolledAt": "2026-03-29T02:00:00Z"},
    ],
    "passkeyInfo": [{"credentialId": "x"}],
    "passwordHash": HASH,
    "passwordUpdatedAt": 1600000000003,
    "phoneNumber": "+15555550101",
    "photoUrl": "https://example.com/ü",
    "providerUserInfo": [
        {"providerId": "github.com", "rawId": "1", "displayName": ""},
        {"providerId": "password", "rawId": "a@example.com", "email": "a@example.com"},
    ],
    "salt": "c2FsdA==",
    "screenName": "s",
    "timeZone": "Europe/Berlin",
    "validSince": "1600000000",
    "version": 0,
}  # fmt: skip


def with_(**fields: Any) -> bytes:
    return user.encode({name: value for name, value in {**FULL, **fields}.items() if value is not None})


def test_the_bytes_of_a_record_and_its_guard_are_pinned() -> None:
    """A change here is a new version of the format."""
    value = user.encode(
        {"validSince": "1", "email": "ü@example.com", "disabled": False, "later": [1.5, None]}
    )
    expected = '{"disabled":false,"email":"ü@example.com","later":[1.5,null],"validSince":"1"}'
    assert value == expected.encode()
    assert user.bare(value) == b'{"disabled":false,"email":"\xc3\xbc@example.com","validSince":"1"}'
    assert FORM.guard(value) == "0bb29537ebfbffc62fca0e8b8c9ebf6aafe79546e52189281fd7d87a9a16abbc"
    assert FORM.guard(user.encode(FULL)) == "3413fe2e7b74f80e75f3c60f863ab5d94c68e74ed9d5598a9cfb227d78afa56d"


def test_every_field_is_kept_as_it_is() -> None:
    value = user.encode(FULL)
    assert user.decode(value) == FULL
    assert json.loads(value) == FULL


@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
)))  # fmt: skip
def test_a_field_that_nobody_knows_is_kept_whatever_it_holds(fields: dict[str, Any]) -> None:
    unknown = {f"x-{name}": value for name, value in fields.items()}
    assert user.decode(user.encode(unknown)) == unknown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", 1),
        ("email", None),
        ("displayName", ["a"]),
        ("disabled", "true"),
        ("createdAt", 1600000000001),
        ("validSince", "soon"),
        ("validSince", "٣"),
        ("passwordUpdatedAt", "1600000000003"),
        ("passwordUpdatedAt", True),
        ("version", {}),
        ("mfaInfo", {}),
        ("mfaInfo", ["x"]),
        ("mfaInfo", [{"phoneInfo": 1}]),
        ("providerUserInfo", [None]),
        ("providerUserInfo", [{"rawId": 1}]),
        ("displayName", "\ud800"),
        ("laterAddition", float("nan")),
        ("passwordUpdatedAt", float("inf")),
    ],
)
def test_a_type_that_is_not_the_fields_is_an_error(name: str, value: Any) -> None:
    with pytest.raises(Unsupported):
        user.encode({**FULL, name: value})


@pytest.mark.parametrize("name", ["localId", "tenantId", "rawPassword"])
def test_what_belongs_in_the_key_or_nowhere_is_refused(name: str) -> None:
    with pytest.raises(Internal, match=name):
        user.encode({name: "x"})


def test_a_value_that_was_changed_is_corrupt() -> None:
    value = user.encode(FULL)
    for damaged in (
        value[:-1],
        b" " + value,
        b"",
        b"[]",
        value.replace(b'"salt"', b'"\\u0073alt"'),
        value + b"\n",
    ):
        with pytest.raises(Corrupt):
            user.decode(damaged)


def test_an_account_with_a_form_of_a_later_release_is_not_read_as_another() -> None:
    with pytest.raises(Unsupported, match="email"):
        user.decode(b'{"email":{"address":"a@example.com"}}')


@pytest.mark.parametrize("name", [*PASSING, *UNRESTORABLE])
def test_what_no_restore_can_bring_back_does_not_count(name: str) -> None:
    assert FORM.equal(with_(), with_(**{name: None}))
    assert FORM.bare(with_()) == FORM.bare(with_(**{name: None}))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("createdAt", "1600000000002"),
        ("customAttributes", '{"a": 1}'),
        ("disabled", False),
        ("displayName", "é é 😀"),
        ("email", "b@example.com"),
        ("emailVerified", False),
        ("mfaInfo", []),
        ("mfaInfo", [{**FULL["mfaInfo"][0], "phoneInfo": "+15555550109"}]),
        ("mfaInfo", [{**FULL["mfaInfo"][0], "enrolledAt": "2026-03-29T01:59:59.121Z"}]),
        ("passwordHash", "Y" + HASH[1:]),
        ("passwordHash", None),
        ("phoneNumber", None),
        ("photoUrl", "https://example.com/u"),
        ("providerUserInfo", []),
        ("providerUserInfo", [{"providerId": "github.com", "rawId": "2"}]),
        ("salt", "c2FsdQ=="),
        ("validSince", "1600000001"),
    ],
)
def test_everything_else_counts(name: str, other: Any) -> None:
    assert not FORM.equal(with_(), with_(**{name: other}))
    assert not FORM.equal(with_(**{name: other}), with_())
    assert FORM.bare(with_()) != FORM.bare(with_(**{name: other}))


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("email", "A@example.com", "a@example.com"),
        ("customAttributes", "{}", None),
        ("displayName", "", None),
        ("disabled", False, None),
        ("createdAt", "1", None),
        ("validSince", "1", None),
        ("passwordHash", HASH.replace("_", "/").replace("-", "+"), HASH.rstrip("=")),
        ("mfaInfo", FULL["mfaInfo"][::-1], FULL["mfaInfo"]),
        ("mfaInfo", FULL["mfaInfo"][:1], FULL["mfaInfo"]),
        (
            "mfaInfo",
            [{**FULL["mfaInfo"][0], "enrolledAt": "2026-03-29T01:59:59.12Z"}],
            [{**FULL["mfaInfo"][0], "phoneInfo": "+1********00", "unobfuscatedPhoneInfo": "+15555550100"}],
        ),
        ("providerUserInfo", FULL["providerUserInfo"][:1], FULL["providerUserInfo"][::-1]),
        ("providerUserInfo", [{"providerId": "github.com", "rawId": "1"}], FULL["providerUserInfo"]),
    ],
)
def test_the_same_said_in_two_ways_is_equal(name: str, one: Any, other: Any) -> None:
    assert FORM.equal(with_(**{name: one}), with_(**{name: other}))
    assert FORM.equal(with_(**{name: other}), with_(**{name: one}))


@pytest.mark.parametrize("other", ["", HASH, None])
def test_of_a_password_that_nobody_can_read_nothing_is_known(other: str | None) -> None:
    assert FORM.equal(with_(passwordHash=""), with_(passwordHash=other))
    assert FORM.equal(with_(passwordHash=other), with_(passwordHash=""))


def test_the_official_emulators_hashes_are_kept_and_compared_as_texts() -> None:
    fake = [f"fakeHash:salt=fakeSaltX:password=secret-{number}" for number in range(2)]
    assert user.decode(with_(passwordHash=fake[0]))["passwordHash"] == fake[0]
    assert not FORM.equal(with_(passwordHash=fake[0]), with_(passwordHash=fake[1]))


def test_the_guard_does_not_depend_on_what_only_lists_tell() -> None:
    assert FORM.guard(with_()) == FORM.guard(with_(passwordHash="", salt=None))
    for name in ("lastLoginAt", "lastRefreshAt", "version"):
        assert FORM.guard(with_()) == FORM.guard(with_(**{name: None})), "whoever signs in changes nothing"
    assert FORM.guard(with_()) == FORM.guard(with_(passwordUpdatedAt=1600000000003.0))


@pytest.mark.parametrize(
    "change",
    [
        {"passwordHash": None},
        {"passwordUpdatedAt": 1600000000004},
        {"passwordUpdatedAt": None},
        {"displayName": "x"},
        {"validSince": "1600000001"},
        {"mfaInfo": FULL["mfaInfo"][:1]},
        {"email": None},
    ],
)
def test_the_guard_tells_every_other_change(change: dict[str, Any]) -> None:
    assert FORM.guard(with_()) != FORM.guard(with_(**change))


def test_what_was_lost_is_said_in_words() -> None:
    assert user.lost(FULL, FULL) == []
    names = user.lost(FULL, {"email": "a@example.com", "language": "de"})
    assert names == [
        *("customAuth", "dateOfBirth", "emailLinkSignin", "initialEmail", "laterAddition", "passkeyInfo"),
        *("screenName", "timeZone", "second factors that are not phone numbers"),
    ]
    assert "password" in user.lost({"passwordHash": ""}, {})[0]
    assert user.lost({"passwordHash": ""}, {"passwordHash": ""}) == []


def test_accounts_are_shown_and_typed_by_tenant_and_id() -> None:
    for text in ("/uid", "tenant-1/uid", "/a/b/../c", "tenant-1//", "/日本 😀"):
        assert FORM.name(FORM.key(text)) == text
    low, high = FORM.span("/a")
    assert low <= FORM.key("/a") < FORM.key("/a\U0010ffff") < high <= FORM.key("/b")
