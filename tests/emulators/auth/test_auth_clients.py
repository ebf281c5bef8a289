"""What client apps do with accounts of their own: the REST calls of the JavaScript, Android and iOS clients."""

from __future__ import annotations

from typing import Any

import pytest
from auth_helpers import PROJECT, Rest, b64, claims_of, new_email


def test_signing_up_and_in_gives_tokens_and_the_account(rest: Rest) -> None:
    email = new_email()
    up = rest.client("signUp", email=email.upper(), password="secret-1", returnSecureToken=True)
    assert (up.body["email"], up.body["expiresIn"]) == (email, "3600")
    signed_in = rest.client("signInWithPassword", email=email, password="secret-1", returnSecureToken=True)
    assert signed_in.body["registered"]
    assert signed_in.body["localId"] == up.body["localId"]
    (user,) = rest.client("lookup", idToken=signed_in.body["idToken"]).body["users"]
    assert user["providerUserInfo"][0] == {
        "providerId": "password",
        "rawId": email,
        "email": email,
        "federatedId": email,
    }
    assert user["passwordHash"] == "UkVEQUNURUQ="
    assert "salt" not in user
    assert int(user["lastLoginAt"]) >= int(user["createdAt"])


def test_an_anonymous_account_becomes_a_real_one(rest: Rest) -> None:
    anonymous = rest.client("signUp", returnSecureToken=True).body
    claims = claims_of(anonymous["idToken"])
    assert (claims["provider_id"], claims["firebase"]["sign_in_provider"]) == ("anonymous", "anonymous")
    email = new_email()
    linked = rest.client("signUp", idToken=anonymous["idToken"], email=email, password="secret-1").body
    assert linked["localId"] == anonymous["localId"]
    assert claims_of(linked["idToken"])["firebase"]["sign_in_provider"] == "password"
    assert rest.client("signInWithPassword", email=email, password="secret-1").status == 200


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("signUp", {"email": "a@b.c"}, "MISSING_PASSWORD"),
        ("signUp", {"password": "secret-1"}, "MISSING_EMAIL"),
        ("signUp", {"email": "", "password": "secret-1"}, "MISSING_EMAIL"),
        ("signUp", {"email": "nobody", "password": "secret-1"}, "INVALID_EMAIL"),
        ("signUp", {"email": "a b@c.d", "password": "secret-1"}, "INVALID_EMAIL"),
        (
            "signUp",
            {"email": "a@b.c", "password": "12345"},
            "WEAK_PASSWORD : Password should be at least 6 characters",
        ),
        ("signUp", {"localId": "chosen"}, "UNEXPECTED_PARAMETER : User ID"),
        ("signInWithPassword", {"password": "x"}, "MISSING_EMAIL"),
        ("signInWithPassword", {"email": "a@b.c"}, "MISSING_PASSWORD"),
        ("signInWithPassword", {"email": "nobody@b.c", "password": "secret-1"}, "EMAIL_NOT_FOUND"),
        ("signInWithCustomToken", {}, "MISSING_CUSTOM_TOKEN"),
        ("signInWithCustomToken", {"token": "a.b"}, "INVALID_CUSTOM_TOKEN : Invalid assertion format"),
        ("signInWithCustomToken", {"token": "a.b.c"}, "INVALID_CUSTOM_TOKEN : Invalid assertion format"),
        ("signInWithEmailLink", {"email": "a@b.c", "oobCode": "none"}, "INVALID_OOB_CODE"),
        ("lookup", {}, "MISSING_ID_TOKEN"),
        ("lookup", {"idToken": "x"}, "INVALID_ID_TOKEN"),
        ("lookup", {"idToken": b64(b"{}") + "." + b64(b"[]") + "."}, "INVALID_ID_TOKEN"),
        ("lookup", {"localId": ["somebody"]}, "MISSING_ID_TOKEN"),
        ("update", {"localId": "somebody"}, "INVALID_REQ_TYPE : Unsupported request parameters."),
        ("delete", {"localId": "somebody"}, "MISSING_ID_TOKEN"),
        ("resetPassword", {}, "MISSING_OOB_CODE"),
        ("resetPassword", {"oobCode": "none", "newPassword": "secret-1"}, "INVALID_OOB_CODE"),
        ("sendOobCode", {}, "MISSING_REQ_TYPE"),
        ("sendOobCode", {"requestType": "PASSWORD_RESET"}, "MISSING_EMAIL"),
        ("sendOobCode", {"requestType": "PASSWORD_RESET", "email": "nobody@b.c"}, "EMAIL_NOT_FOUND"),
        ("sendOobCode", {"requestType": "VERIFY_EMAIL", "email": "a@b.c"}, "MISSING_ID_TOKEN"),
        (
            "sendOobCode",
            {"requestType": "PASSWORD_RESET", "email": "a@b.c", "returnOobLink": True},
            "INSUFFICIENT_PERMISSION",
        ),
        ("createAuthUri", {"identifier": "x", "continueUri": "http://x"}, "INVALID_IDENTIFIER"),
    ],
)
def test_a_bad_request_is_refused_in_the_services_words(
    rest: Rest, name: str, body: dict[str, Any], message: str
) -> None:
    before = rest.listed()
    answer = rest.client(name, **body)
    assert (answer.status, answer.message) == (400, message)
    assert answer.body["error"]["errors"] == [{"message": message, "domain": "global", "reason": "invalid"}]
    assert rest.listed() == before


def test_a_project_that_keeps_emails_private_does_not_tell_which_exist(rest: Rest) -> None:
    session = rest.signed_up("secret-1")
    uri = {"identifier": session["email"], "continueUri": "http://localhost"}
    assert rest.client("createAuthUri", **uri).body["signinMethods"] == ["password"]
    private(rest, True)
    try:
        for email, password in ((session["email"], "wrong-1"), ("nobody@b.c", "secret-1")):
            answer = rest.client("signInWithPassword", email=email, password=password)
            assert answer.message == "INVALID_LOGIN_CREDENTIALS"
        assert rest.client("sendOobCode", requestType="PASSWORD_RESET", email="nobody@b.c").status == 200
        assert "registered" not in rest.client("createAuthUri", **uri).body
    finally:
        private(rest, False)


def private(rest: Rest, value: bool) -> None:
    config = {"emailPrivacyConfig": {"enableImprovedEmailPrivacy": value}}
    assert rest.call("PATCH", f"/emulator/v1/projects/{PROJECT}/config", config).status == 200


def test_tokens_are_refreshed_and_keep_when_somebody_signed_in(rest: Rest) -> None:
    rest.clock.ahead = -1000
    session = rest.signed_up()
    rest.clock.ahead = 0
    fresh = rest.refresh(session["refreshToken"]).body
    assert (fresh["token_type"], fresh["user_id"], fresh["project_id"]) == (
        "Bearer",
        session["localId"],
        PROJECT,
    )
    old, new = claims_of(session["idToken"]), claims_of(fresh["id_token"])
    assert new["auth_time"] == old["auth_time"]
    assert new["iat"] >= old["iat"] + 999
    assert rest.refresh(fresh["refresh_token"]).status == 200


@pytest.mark.parametrize("token", ["", "x", b64(b"[]"), b64(b"{}"), b64(b'{"uid": 1}'), "é"])
def test_what_is_no_refresh_token_is_refused(rest: Rest, token: str) -> None:
    answer = rest.refresh(token)
    assert answer.status == 400
    assert answer.message in {"INVALID_REFRESH_TOKEN", "MISSING_REFRESH_TOKEN"}


def test_an_id_token_ends_after_an_hour_and_with_its_account(rest: Rest) -> None:
    rest.clock.ahead = -3601
    session = rest.signed_up()
    rest.clock.ahead = 0
    assert rest.client("lookup", idToken=session["idToken"]).message == "TOKEN_EXPIRED"
    fresh = rest.refresh(session["refreshToken"]).body["id_token"]
    assert rest.client("delete", idToken=fresh).status == 200
    assert rest.client("lookup", idToken=fresh).message == "USER_NOT_FOUND"
    assert rest.refresh(session["refreshToken"]).message == "USER_NOT_FOUND"


def test_a_new_password_ends_the_other_sessions(rest: Rest) -> None:
    rest.clock.ahead = -10
    session = rest.signed_up("before-1")
    rest.clock.ahead = 0
    changed = rest.client(
        "update", idToken=session["idToken"], password="after-1", returnSecureToken=True
    ).body
    assert rest.client("lookup", idToken=changed["idToken"]).status == 200
    assert rest.refresh(changed["refreshToken"]).status == 200
    assert rest.client("lookup", idToken=session["idToken"]).message == "TOKEN_EXPIRED"
    assert rest.refresh(session["refreshToken"]).message == "TOKEN_EXPIRED"
    again = rest.client("signInWithPassword", email=session["email"], password="before-1")
    assert again.message == "INVALID_PASSWORD"


def test_a_profile_is_changed_by_its_owner(rest: Rest) -> None:
    session = rest.signed_up()
    token = session["idToken"]
    changed = rest.client("update", idToken=token, displayName="Ã", photoUrl="http://x/y").body
    assert (changed["displayName"], changed["photoUrl"]) == ("Ã", "http://x/y")
    assert "idToken" not in changed
    cleared = rest.client("update", idToken=token, deleteAttribute=["DISPLAY_NAME"]).body
    assert "displayName" not in cleared
    assert cleared["photoUrl"] == "http://x/y"
    for field in ({"customAttributes": "{}"}, {"disableUser": True}):
        assert rest.client("update", idToken=token, **field).status == 400
    assert rest.client("update", idToken=token, emailVerified=True).body["emailVerified"] is False


def test_a_password_can_be_taken_away(rest: Rest) -> None:
    session = rest.signed_up("secret-1")
    gone = rest.client("update", idToken=session["idToken"], deleteProvider=["password"])
    assert "email" not in gone.body
    assert rest.admin("lookup", email=[session["email"]]).body == {
        "kind": "identitytoolkit#GetAccountInfoResponse"
    }
    answer = rest.client("signInWithPassword", email=session["email"], password="secret-1")
    assert answer.message == "EMAIL_NOT_FOUND"


def test_an_email_is_changed_by_the_link_sent_to_it(rest: Rest) -> None:
    session, new = rest.signed_up("secret-1"), new_email()
    sent = rest.client(
        "sendOobCode", requestType="VERIFY_AND_CHANGE_EMAIL", idToken=session["idToken"], newEmail=new
    )
    assert "oobLink" not in sent.body
    listed = rest.call("GET", f"/emulator/v1/projects/{PROJECT}/oobCodes").body["oobCodes"]
    (code,) = [entry["oobCode"] for entry in listed if entry["email"] == session["email"]]
    changed = rest.client("update", oobCode=code).body
    assert (changed["email"], changed["emailVerified"]) == (new, True)
    assert rest.client("signInWithPassword", email=new, password="secret-1").status == 200


def test_a_provider_account_belongs_to_one_account_only(rest: Rest) -> None:
    first, second = rest.signed_up(), rest.signed_up()
    link = {"providerId": "google.com", "rawId": "one-and-only"}
    assert rest.admin("update", localId=first["localId"], linkProviderUserInfo=link).status == 200
    again = rest.admin("update", localId=second["localId"], linkProviderUserInfo=link)
    assert again.message == "FEDERATED_USER_ID_ALREADY_LINKED"
    found = rest.admin("lookup", federatedUserId=[link]).body["users"]
    assert [user["localId"] for user in found] == [first["localId"]]


def test_enrolments_are_kept_and_stop_a_sign_in_where_the_project_asks_for_them(rest: Rest) -> None:
    session = rest.signed_up("secret-1")
    factors = [{"phoneInfo": "+15555550199", "displayName": "work", "mfaEnrollmentId": "one"}]
    assert rest.admin("update", localId=session["localId"], mfa={"enrollments": factors}).status == 200
    (kept,) = rest.listed()[session["localId"]]["mfaInfo"]
    assert {**kept, "enrolledAt": ""} == {
        **factors[0],
        "unobfuscatedPhoneInfo": "+15555550199",
        "enrolledAt": "",
    }
    config = f"/identitytoolkit.googleapis.com/v2/projects/{PROJECT}/config?updateMask=mfa.state"
    assert rest.call("PATCH", config, {"mfa": {"state": "ENABLED"}}, "Bearer owner").status == 200
    pending = rest.client("signInWithPassword", email=session["email"], password="secret-1").body
    assert "idToken" not in pending
    assert pending["mfaInfo"][0]["phoneInfo"] == "+*******0199"
    assert rest.call("PATCH", config, {"mfa": {"state": "DISABLED"}}, "Bearer owner").status == 200
    assert "idToken" in rest.client("signInWithPassword", email=session["email"], password="secret-1").body
    twice = [factors[0], {**factors[0], "phoneInfo": "+15555550198"}]
    answer = rest.admin("update", localId=session["localId"], mfa={"enrollments": twice})
    assert answer.message == "DUPLICATE_MFA_ENROLLMENT_ID"
    rest.admin("update", localId=session["localId"], mfa={})
    assert "mfaInfo" not in rest.listed()[session["localId"]]
