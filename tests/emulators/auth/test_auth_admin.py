"""Google's Python Admin SDK finds here what it finds in the service."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import firebase_admin
import pytest
from auth_helpers import PROJECT, Rest, claims_of, new_email
from firebase_admin import auth

App = firebase_admin.App


def test_a_created_user_is_found_by_everything_that_identifies_it(app: App) -> None:
    email = new_email()
    made = auth.create_user(
        uid="Ünïcode/uid ☃",
        email=email.upper(),
        email_verified=True,
        phone_number="+15555550101",
        password="secret-1",
        display_name="Zoë 🦊",
        photo_url="http://example.com/z.png",
        disabled=True,
        app=app,
    )
    assert made.uid == "Ünïcode/uid ☃"
    for found in (
        auth.get_user(made.uid, app=app),
        auth.get_user_by_email(email, app=app),
        auth.get_user_by_phone_number("+15555550101", app=app),
    ):
        assert (found.uid, found.email, found.phone_number) == (made.uid, email, "+15555550101")
        assert (found.display_name, found.photo_url) == ("Zoë 🦊", "http://example.com/z.png")
        assert found.disabled
        assert found.email_verified
        assert {info.provider_id for info in found.provider_data} == {"password", "phone"}
        assert found.user_metadata.creation_timestamp
        assert found.user_metadata.last_sign_in_timestamp is None


def test_what_is_taken_cannot_be_taken_again(app: App) -> None:
    email = new_email()
    auth.create_user(uid="taken", email=email, phone_number="+15555550102", app=app)
    with pytest.raises(auth.UidAlreadyExistsError):
        auth.create_user(uid="taken", app=app)
    with pytest.raises(auth.EmailAlreadyExistsError):
        auth.create_user(email=email, app=app)
    with pytest.raises(auth.PhoneNumberAlreadyExistsError):
        auth.create_user(phone_number="+1 555-555 0102", app=app)
    other = auth.create_user(app=app)
    with pytest.raises(auth.EmailAlreadyExistsError):
        auth.update_user(other.uid, email=email, app=app)
    with pytest.raises(auth.PhoneNumberAlreadyExistsError):
        auth.update_user(other.uid, phone_number="+15555550102", app=app)


def test_whoever_does_not_exist_is_not_found(app: App) -> None:
    for missing in (
        lambda: auth.get_user("nobody", app=app),
        lambda: auth.get_user_by_email("nobody@example.com", app=app),
        lambda: auth.update_user("nobody", display_name="x", app=app),
        lambda: auth.delete_user("nobody", app=app),
    ):
        with pytest.raises(auth.UserNotFoundError):
            missing()


def test_many_users_are_looked_up_at_once(app: App) -> None:
    by_uid, by_email, by_phone = (
        auth.create_user(uid="many-1", app=app),
        auth.create_user(email=new_email(), app=app),
        auth.create_user(phone_number="+15555550103", app=app),
    )
    auth.import_users(
        [auth.ImportUserRecord("many-4", provider_data=[auth.UserProvider("raw-4", "google.com")])], app=app
    )
    result = auth.get_users(
        [
            auth.UidIdentifier(by_uid.uid),
            auth.UidIdentifier(by_uid.uid),
            auth.EmailIdentifier(by_email.email),
            auth.PhoneIdentifier("+15555550103"),
            auth.ProviderIdentifier("google.com", "raw-4"),
            auth.UidIdentifier("nobody"),
        ],
        app=app,
    )
    assert sorted(user.uid for user in result.users) == sorted(
        [by_uid.uid, by_email.uid, by_phone.uid, "many-4"]
    )
    assert [missing.uid for missing in result.not_found] == ["nobody"]


def test_an_update_changes_what_it_names_and_nothing_else(app: App) -> None:
    user = auth.create_user(
        email=new_email(),
        display_name="Before",
        photo_url="http://example.com/a",
        phone_number="+15555550104",
        app=app,
    )
    email = new_email()
    changed = auth.update_user(user.uid, email=email, disabled=True, app=app)
    assert (changed.email, changed.disabled, changed.display_name) == (email, True, "Before")
    cleared = auth.update_user(
        user.uid,
        display_name=auth.DELETE_ATTRIBUTE,
        photo_url=auth.DELETE_ATTRIBUTE,
        phone_number=auth.DELETE_ATTRIBUTE,
        app=app,
    )
    assert (cleared.display_name, cleared.photo_url, cleared.phone_number) == (None, None, None)
    assert cleared.email == email
    with pytest.raises(auth.UserNotFoundError):
        auth.get_user_by_phone_number("+15555550104", app=app)
    with pytest.raises(auth.UserNotFoundError):
        auth.get_user_by_email(user.email, app=app)


def test_a_provider_can_be_unlinked(app: App) -> None:
    providers = [auth.UserProvider("raw-g", "google.com"), auth.UserProvider("raw-f", "facebook.com")]
    auth.import_users([auth.ImportUserRecord("linked", provider_data=providers)], app=app)
    left = auth.update_user("linked", providers_to_delete=["google.com"], app=app)
    assert [info.provider_id for info in left.provider_data] == ["facebook.com"]
    found = auth.get_users([auth.ProviderIdentifier("google.com", "raw-g")], app=app)
    assert found.users == []


def test_claims_are_kept_and_are_in_the_next_token(app: App, rest: Rest) -> None:
    session = rest.signed_up()
    claims = {"role": "admin", "level": 9, "nested": {"é": [1, None, True]}}
    auth.set_custom_user_claims(session["localId"], claims, app=app)
    assert auth.get_user(session["localId"], app=app).custom_claims == claims
    token = rest.refresh(session["refreshToken"]).body["id_token"]
    verified = auth.verify_id_token(token, app=app)
    assert {name: verified[name] for name in claims} == claims
    auth.set_custom_user_claims(session["localId"], None, app=app)
    assert not auth.get_user(session["localId"], app=app).custom_claims


@pytest.mark.parametrize(
    ("claims", "message"),
    [('{"sub": "x"}', "FORBIDDEN_CLAIM : sub"), ("[]", "INVALID_CLAIMS"), ("{", "INVALID_CLAIMS")],
)
def test_bad_claims_are_refused(rest: Rest, claims: str, message: str) -> None:
    uid = rest.signed_up()["localId"]
    assert rest.admin("update", localId=uid, customAttributes=claims).message == message
    assert "customAttributes" not in rest.listed()[uid]


def test_claims_have_a_limit(rest: Rest) -> None:
    uid = rest.signed_up()["localId"]
    largest = '{"a":"' + "x" * 992 + '"}'
    assert rest.admin("update", localId=uid, customAttributes=largest).status == 200
    assert rest.admin("update", localId=uid, customAttributes=largest + " ").message == "CLAIMS_TOO_LARGE"


def test_a_custom_token_signs_in_and_verifies(app: App, rest: Rest) -> None:
    token = auth.create_custom_token("custom-1", {"premium": True}, app=app).decode()
    answer = rest.client("signInWithCustomToken", token=token, returnSecureToken=True)
    assert answer.body["isNewUser"]
    verified = auth.verify_id_token(answer.body["idToken"], app=app, check_revoked=True)
    assert (verified["uid"], verified["premium"]) == ("custom-1", True)
    assert verified["firebase"] == {"identities": {}, "sign_in_provider": "custom"}
    again = rest.client("signInWithCustomToken", token=token)
    assert again.body["isNewUser"] is False
    renewed = rest.refresh(again.body["refreshToken"]).body["id_token"]
    assert auth.verify_id_token(renewed, app=app)["premium"] is True


def test_an_id_token_says_what_the_services_says(app: App, rest: Rest) -> None:
    session = rest.signed_up()
    claims = auth.verify_id_token(session["idToken"], app=app)
    assert claims["iss"] == f"https://securetoken.google.com/{PROJECT}"
    assert claims["aud"] == PROJECT
    assert claims["sub"] == claims["user_id"] == claims["uid"] == session["localId"]
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["auth_time"] == claims["iat"]
    assert (claims["email"], claims["email_verified"]) == (session["email"], False)
    assert claims["firebase"] == {
        "identities": {"email": [session["email"]]},
        "sign_in_provider": "password",
    }


def test_revoked_tokens_are_told_from_valid_ones(app: App, rest: Rest) -> None:
    rest.clock.ahead = -10
    session = rest.signed_up()
    auth.verify_id_token(session["idToken"], app=app, check_revoked=True)
    auth.revoke_refresh_tokens(session["localId"], app=app)
    with pytest.raises(auth.RevokedIdTokenError):
        auth.verify_id_token(session["idToken"], app=app, check_revoked=True)
    assert rest.refresh(session["refreshToken"]).message == "TOKEN_EXPIRED"
    assert rest.client("lookup", idToken=session["idToken"]).message == "TOKEN_EXPIRED"


def test_a_disabled_user_gets_no_tokens(app: App, rest: Rest) -> None:
    session = rest.signed_up("secret-1")
    auth.update_user(session["localId"], disabled=True, app=app)
    with pytest.raises(auth.UserDisabledError):
        auth.verify_id_token(session["idToken"], app=app, check_revoked=True)
    assert rest.refresh(session["refreshToken"]).message == "USER_DISABLED"
    again = rest.client("signInWithPassword", email=session["email"], password="secret-1")
    assert again.message == "USER_DISABLED"
    token = auth.create_custom_token(session["localId"], app=app).decode()
    assert rest.client("signInWithCustomToken", token=token).message == "USER_DISABLED"


def test_a_session_cookie_verifies_until_it_is_revoked(app: App, rest: Rest) -> None:
    rest.clock.ahead = -10
    session = rest.signed_up()
    cookie = auth.create_session_cookie(session["idToken"], timedelta(hours=1), app=app)
    claims = auth.verify_session_cookie(cookie, app=app, check_revoked=True)
    assert claims["uid"] == session["localId"]
    assert claims_of(cookie)["iss"] == f"https://session.firebase.google.com/{PROJECT}"
    auth.revoke_refresh_tokens(session["localId"], app=app)
    with pytest.raises(auth.RevokedSessionCookieError):
        auth.verify_session_cookie(cookie, app=app, check_revoked=True)


def test_the_listing_has_every_user_once_with_hash_and_salt(app: App, rest: Rest) -> None:
    rest.call("DELETE", f"/emulator/v1/projects/{PROJECT}/accounts")
    uids = [f"u{n}" for n in (3, 1, 2, 10)] + ["É", "E\u0301", "u1\x00", "z" * 128]
    for uid in uids:
        auth.create_user(uid=uid, app=app)
    auth.update_user("u1", email=new_email(), password="secret-1", app=app)
    page = auth.list_users(max_results=3, app=app)
    assert len(page.users) == 3
    assert page.has_next_page
    listed = list(page.iterate_all())
    assert [user.uid for user in listed] == sorted(uids)
    by_uid = {user.uid: user for user in listed}
    assert len(base64.urlsafe_b64decode(by_uid["u1"].password_hash)) == 64
    assert base64.urlsafe_b64decode(by_uid["u1"].password_salt)
    assert by_uid["u2"].password_hash is None


def test_users_are_deleted_together(app: App, rest: Rest) -> None:
    uids = [auth.create_user(disabled=number < 2, app=app).uid for number in range(4)]
    careful = rest.admin("batchDelete", localIds=uids[1:3])
    message = "NOT_DISABLED : Disable the account before batch deletion."
    assert careful.body == {"errors": [{"index": 1, "localId": uids[2], "message": message}]}
    assert [
        user.uid for user in auth.get_users([auth.UidIdentifier(uid) for uid in uids], app=app).users
    ] == [
        uids[0],
        uids[2],
        uids[3],
    ]
    forced = auth.delete_users([*uids, "nobody"], app=app)
    assert (forced.success_count, forced.failure_count) == (5, 0)
    assert not auth.get_users([auth.UidIdentifier(uid) for uid in uids], app=app).users


def test_an_imported_password_signs_in(app: App, rest: Rest) -> None:
    email, key, salt = new_email(), b"signing key", b"NaCl"
    record = auth.ImportUserRecord(
        "imported-1",
        email=email,
        email_verified=True,
        display_name="Imported",
        custom_claims={"old": True},
        user_metadata=auth.UserMetadata(1508893925000, 1508893926000),
        provider_data=[auth.UserProvider("g-1", "google.com", email=email)],
        password_hash=hmac.digest(key, salt + "pässword".encode(), hashlib.sha256),
        password_salt=salt,
    )
    result = auth.import_users([record], hash_alg=auth.UserImportHash.hmac_sha256(key), app=app)
    assert (result.success_count, result.failure_count) == (1, 0)
    user = auth.get_user("imported-1", app=app)
    assert user.custom_claims == {"old": True}
    assert user.user_metadata.creation_timestamp == 1508893925000
    assert user.user_metadata.last_sign_in_timestamp == 1508893926000
    assert [info.provider_id for info in user.provider_data] == ["google.com", "password"]
    assert rest.client("signInWithPassword", email=email, password="password").message == "INVALID_PASSWORD"
    signed_in = rest.client("signInWithPassword", email=email, password="pässword")
    claims = auth.verify_id_token(signed_in.body["idToken"], app=app)
    assert claims["firebase"]["identities"] == {"email": [email], "google.com": ["g-1"]}


def test_what_cannot_be_imported_is_named_and_the_rest_is_imported(app: App) -> None:
    auth.create_user(uid="already", app=app)
    records = [
        auth.ImportUserRecord("new-1"),
        auth.ImportUserRecord("already"),
        auth.ImportUserRecord("new-2"),
    ]
    result = auth.import_users(records, app=app)
    assert result.success_count == 2
    assert [(error.index, error.reason) for error in result.errors] == [
        (1, "localId belongs to an existing account - can not overwrite.")
    ]
    auth.get_user("new-2", app=app)


def test_a_reset_link_lets_one_choose_a_password(app: App, rest: Rest) -> None:
    session = rest.signed_up("forgotten")
    link = auth.generate_password_reset_link(
        session["email"], auth.ActionCodeSettings("https://example.com/after"), app=app
    )
    query = parse_qs(urlsplit(link).query)
    assert query["mode"] == ["resetPassword"]
    assert query["continueUrl"] == ["https://example.com/after"]
    code = query["oobCode"][0]
    assert rest.client("resetPassword", oobCode=code).body["email"] == session["email"]
    assert rest.client("resetPassword", oobCode=code, newPassword="chosen-1").status == 200
    assert rest.client("resetPassword", oobCode=code, newPassword="chosen-2").message == "INVALID_OOB_CODE"
    assert rest.client("signInWithPassword", email=session["email"], password="chosen-1").status == 200
    assert auth.get_user(session["localId"], app=app).email_verified


def test_a_verification_link_verifies(app: App, rest: Rest) -> None:
    session = rest.signed_up()
    link = auth.generate_email_verification_link(session["email"], app=app)
    path = link.removeprefix(f"http://{rest.address}")
    assert rest.call("GET", path).body == {"authEmulator": {"success": True}}
    assert auth.get_user(session["localId"], app=app).email_verified
    assert rest.call("GET", path).message == "INVALID_OOB_CODE"


def test_a_sign_in_link_signs_in(app: App, rest: Rest) -> None:
    email = new_email()
    link = auth.generate_sign_in_with_email_link(
        email, auth.ActionCodeSettings("https://example.com", handle_code_in_app=True), app=app
    )
    code = parse_qs(urlsplit(link).query)["oobCode"][0]
    assert "email" not in rest.client("resetPassword", oobCode=code).body
    wrong = rest.client("signInWithEmailLink", email=new_email(), oobCode=code)
    assert wrong.message.startswith("INVALID_EMAIL")
    answer = rest.client("signInWithEmailLink", email=email, oobCode=code)
    assert answer.body["isNewUser"]
    assert auth.get_user_by_email(email, app=app).email_verified
    assert rest.client("signInWithEmailLink", email=email, oobCode=code).message == "INVALID_OOB_CODE"


def test_no_link_for_an_address_nobody_has(app: App) -> None:
    with pytest.raises(auth.EmailNotFoundError):
        auth.generate_password_reset_link("nobody@example.com", app=app)
