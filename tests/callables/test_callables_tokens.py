"""Tokens are verified as in production; only the address of Google's keys is another."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signing import ISSUER, PROJECT, KeyServer, Signer, id_claims, open_app, unsigned

from shared.errors import Denied, Unavailable
from shared.identity.firebase import MAX_TOKEN, FirebaseIdentity

HOUR = 3600


@pytest.fixture
def identity(app: Any) -> FirebaseIdentity:
    return FirebaseIdentity(app, app_check=True, check_revoked=False)


def test_a_token_of_google_s_tells_the_account_and_its_role(
    identity: FirebaseIdentity, signer: Signer
) -> None:
    found = identity.caller(signer.id_token("ada", "operator"))
    assert (found.uid, found.role) == ("ada", "operator")


@pytest.mark.parametrize("claim", [None, 7, True, ["admin"], {"admin": True}, ""])
def test_a_claim_that_is_no_text_is_no_role(identity: FirebaseIdentity, signer: Signer, claim: Any) -> None:
    assert identity.caller(signer.id_token("ada", claim)).role == ""


def hmac_with_the_public_key(signer: Signer) -> str:
    """The old trick: the public key as the secret of another algorithm."""
    import hashlib
    import hmac

    public = signer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = unsigned({"alg": "HS256", "typ": "JWT", "kid": signer.kid}, id_claims(role="admin")).rstrip(".")
    mac = hmac.digest(public, text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def tampered(signer: Signer) -> str:
    head, _, signature = signer.id_token(role="viewer").split(".")
    _, body, _ = unsigned({}, id_claims(role="admin")).split(".")
    return f"{head}.{body}.{signature}"


now = time.time
BAD: dict[str, Callable[[Signer], str]] = {
    "expired": lambda s: s.id_token(exp=int(now()) - HOUR, iat=int(now()) - 2 * HOUR),
    "just expired": lambda s: s.id_token(exp=int(now()) - 5),
    "never expires": lambda s: s.id_token(exp=...),
    "issued in the future": lambda s: s.id_token(iat=int(now()) + HOUR, exp=int(now()) + 2 * HOUR),
    "for another project": lambda s: s.id_token(aud="other-project"),
    "for several projects": lambda s: s.id_token(aud=[PROJECT, "other"]),
    "by another issuer": lambda s: s.id_token(iss="https://securetoken.google.com/other-project"),
    "by a look-alike issuer": lambda s: s.id_token(iss=f"{ISSUER}/"),
    "of nobody": lambda s: s.id_token(uid=""),
    "without subject": lambda s: s.id_token(sub=...),
    "of a number": lambda s: s.id_token(sub=7),
    "of too long a uid": lambda s: s.id_token(uid="u" * 129),
    "signed by somebody else": lambda s: Signer(s.kid).id_token(role="admin"),
    "signed by an unknown key": lambda s: Signer("key-2").id_token(role="admin"),
    "unsigned": lambda s: unsigned({"alg": "none", "typ": "JWT"}, id_claims(role="admin")),
    "unsigned, with the key's id": lambda s: unsigned({"alg": "none", "kid": s.kid}, id_claims(role="admin")),
    "said to be signed": lambda s: unsigned(
        {"alg": "RS256", "kid": s.kid}, id_claims(role="admin"), b"x" * 256
    ),
    "signed with the public key": hmac_with_the_public_key,
    "changed after it was signed": tampered,
    "a custom token": lambda s: s.id_token(
        aud="https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"
    ),
    "a session cookie": lambda s: s.id_token(iss=f"https://session.firebase.google.com/{PROJECT}"),
    "with an odd key id": lambda s: unsigned({"alg": "RS256", "kid": {"a": 1}}, id_claims(), b"x"),
    "a list": lambda _: unsigned([], []),
    "without claims": lambda s: s.sign({}),
    "with odd times": lambda s: s.id_token(exp="tomorrow", iat=[]),
    "no token": lambda _: "abc",
    "dots": lambda _: "..",
    "not base64": lambda _: "a.ü.c",
    "nested": lambda _: ".".join([base64.urlsafe_b64encode(b"[" * 9_000).decode()] * 2 + [""]),
    "huge": lambda s: s.id_token(more="x" * MAX_TOKEN),
    "empty": lambda _: "",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_id_token_is_denied(identity: FirebaseIdentity, signer: Signer, what: str) -> None:
    token = BAD[what](signer)
    with pytest.raises(Denied) as denied:
        identity.caller(token)
    assert not token or len(token) < 5 or token not in str(denied.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_names = ["iss", "aud", "sub", "iat", "exp", "auth_time", "firebase", "firekeep", "d", "v", "uid"]
_parts = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jku", "x5u"]), json_values)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(_names), json_values, min_size=1), _parts, st.booleans())
def test_whatever_a_token_holds_it_is_denied_or_read(
    identity: FirebaseIdentity, signer: Signer, changed: dict[str, Any], header: dict[str, Any], signed: bool
) -> None:
    claims = {**id_claims(), **changed}
    token = signer.sign(claims) if signed else unsigned({"alg": "RS256", "kid": signer.kid, **header}, claims)
    try:
        found = identity.caller(token)
    except Denied:
        return
    assert signed
    assert found.uid == claims["sub"]


def test_without_google_s_keys_nobody_is_let_in_and_nobody_is_blamed(
    keys: KeyServer, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import firebase_admin
    from firebase_admin import _token_gen, app_check

    monkeypatch.setattr(_token_gen, "ID_TOKEN_CERT_URI", f"{keys.url}/missing")
    monkeypatch.setattr(app_check._AppCheckService, "_JWKS_URL", f"{keys.url}/missing")
    app = open_app("tests-no-keys")
    identity = FirebaseIdentity(app, app_check=True, check_revoked=False)
    with pytest.raises(Unavailable):
        identity.caller(signer.id_token())
    with pytest.raises(Unavailable):
        identity.check_app(signer.app_token())
    firebase_admin.delete_app(app)


def test_a_token_of_app_check_is_taken(identity: FirebaseIdentity, signer: Signer) -> None:
    identity.check_app(signer.app_token())


BAD_APP: dict[str, Callable[[Signer], str]] = {
    "none": lambda _: "",
    "an ID token": lambda s: s.id_token(),
    "expired": lambda s: s.app_token(exp=int(now()) - HOUR),
    "of another project": lambda s: s.app_token(aud=["projects/other"]),
    "by another issuer": lambda s: s.app_token(iss="https://example.com/1"),
    "signed by somebody else": lambda s: Signer(s.kid).app_token(),
    "signed by an unknown key": lambda s: Signer("key-2").app_token(),
    "unsigned": lambda s: unsigned({"alg": "none", "typ": "JWT", "kid": s.kid}, {"sub": "1:1:web:1"}),
    "no token": lambda _: "abc",
    "odd": lambda s: unsigned({"alg": 7, "typ": "JWT", "kid": ["x"]}, {"aud": 7}),
}


@pytest.mark.parametrize("what", BAD_APP)
def test_a_bad_token_of_app_check_is_denied(identity: FirebaseIdentity, signer: Signer, what: str) -> None:
    with pytest.raises(Denied):
        identity.check_app(BAD_APP[what](signer))


def test_app_check_is_not_asked_for_while_it_is_switched_off(app: Any) -> None:
    FirebaseIdentity(app, app_check=False, check_revoked=False).check_app("")


def test_the_table_of_bad_tokens_is_not_bad_for_its_form_alone(signer: Signer) -> None:
    claims = json.loads(base64.urlsafe_b64decode(signer.id_token().split(".")[1] + "=="))
    assert claims["aud"] == PROJECT
