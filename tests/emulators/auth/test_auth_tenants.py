"""Tenants and settings: kept as data, apart from each other, changed by masks."""

from __future__ import annotations

from typing import Any

import firebase_admin
import pytest
from auth_helpers import OWNER, PROJECT, TOOLKIT, Answer, Rest, claims_of, new_email
from firebase_admin import auth, tenant_mgt

from emulators.auth import AuthEmulator

V2 = f"/{TOOLKIT}/v2/projects/{PROJECT}"


def tenant(rest: Rest, **fields: Any) -> str:
    answer = rest.call("POST", f"{V2}/tenants", {"displayName": "Corp", **fields}, OWNER)
    assert answer.status == 200, answer
    return str(answer.body["name"].rsplit("/", 1)[1])


def config(rest: Rest, body: dict[str, Any], mask: str, bearer: str = OWNER) -> Answer:
    return rest.call("PATCH", f"{V2}/config?updateMask={mask}", body, bearer)


def test_a_tenant_has_accounts_of_its_own(app: firebase_admin.App, rest: Rest) -> None:
    name, email = tenant(rest, allowPasswordSignup=True), new_email()
    inside = tenant_mgt.auth_for_tenant(name, app=app)
    outside = auth.create_user(email=email, password="outside", app=app)
    user = inside.create_user(uid=outside.uid, email=email, password="inside-1")
    assert (user.tenant_id, outside.tenant_id) == (name, None)
    assert [found.uid for found in inside.list_users().users] == [outside.uid]
    answer = rest.client("signInWithPassword", tenantId=name, email=email, password="inside-1")
    claims = inside.verify_id_token(answer.body["idToken"], check_revoked=True)
    assert claims["firebase"]["tenant"] == name
    assert claims_of(rest.refresh(answer.body["refreshToken"]).body["id_token"])["firebase"]["tenant"] == name
    wrong = rest.client("signInWithPassword", email=email, password="inside-1")
    assert wrong.message == "INVALID_PASSWORD"
    mine = rest.client("lookup", idToken=answer.body["idToken"]).body["users"]
    assert mine[0]["tenantId"] == name
    other = tenant(rest)
    assert (
        rest.client("lookup", tenantId=other, idToken=answer.body["idToken"]).message == "TENANT_ID_MISMATCH"
    )
    custom = rest.client(
        "signInWithCustomToken", tenantId=name, token=inside.create_custom_token("c").decode()
    )
    assert claims_of(custom.body["idToken"])["firebase"]["tenant"] == name


def test_exports_and_imports_of_a_tenant_stay_in_it(rest: Rest) -> None:
    name = tenant(rest)
    path = f"{PROJECT}/tenants/{name}"
    assert "error" not in rest.admin("batchCreate", project=path, users=[{"localId": "in-tenant"}]).body
    (exported,) = rest.listed(path).values()
    assert exported["tenantId"] == name
    assert "in-tenant" not in rest.listed()
    answer = rest.admin("batchCreate", users=[exported])
    assert answer.body["error"][0]["message"].startswith("Tenant id in userInfo does not match")
    assert "error" not in rest.admin("batchCreate", project=path, users=[exported], allowOverwrite=True).body


def test_a_path_and_a_body_must_name_the_same_tenant(rest: Rest) -> None:
    one, two = tenant(rest), tenant(rest)
    answer = rest.admin("query", project=f"{PROJECT}/tenants/{one}", tenantId=two)
    assert answer.message == "TENANT_ID_MISMATCH"
    assert rest.admin("query", project=f"{PROJECT}/tenants/{one}", tenantId=one).status == 200


def test_a_tenant_keeps_emails_as_private_as_its_project_does(rest: Rest) -> None:
    name = tenant(rest, allowPasswordSignup=True)
    body = {"tenantId": name, "email": "nobody@b.c", "password": "secret-1"}
    assert rest.client("signInWithPassword", **body).message == "EMAIL_NOT_FOUND"
    mask = "emailPrivacyConfig.enableImprovedEmailPrivacy"
    config(rest, {"emailPrivacyConfig": {"enableImprovedEmailPrivacy": True}}, mask)
    assert rest.client("signInWithPassword", **body).message == "INVALID_LOGIN_CREDENTIALS"
    config(rest, {"emailPrivacyConfig": {"enableImprovedEmailPrivacy": False}}, mask)


def test_tenants_are_made_listed_changed_and_deleted(rest: Rest) -> None:
    for name in [entry["name"].rsplit("/", 1)[1] for entry in listed(rest)]:
        assert rest.call("DELETE", f"{V2}/tenants/{name}", None, OWNER).status == 200
    names = sorted(tenant(rest, displayName=display) for display in ("Zeta", "Alpha", "Alpha"))
    assert [entry["name"].rsplit("/", 1)[1] for entry in listed(rest)] == names
    assert len(rest.call("GET", f"{V2}/tenants?pageSize=2", None, OWNER).body["tenants"]) == 2
    body = {"displayName": "Changed", "allowPasswordSignup": True}
    path = f"{V2}/tenants/{names[0]}"
    changed = rest.call("PATCH", f"{path}?updateMask=displayName", body, OWNER).body
    assert (changed["displayName"], changed["allowPasswordSignup"]) == ("Changed", False)
    assert rest.call("GET", path, None, OWNER).body == changed
    assert rest.call("DELETE", path, None, OWNER).body == {}
    for answer in (
        rest.call("GET", path, None, OWNER),
        rest.admin("query", project=f"{PROJECT}/tenants/{names[0]}"),
    ):
        assert (answer.status, answer.message) == (404, "TENANT_NOT_FOUND")


def listed(rest: Rest) -> list[dict[str, Any]]:
    tenants, token = [], ""
    while True:
        body = rest.call("GET", f"{V2}/tenants?pageSize=1&pageToken={token}", None, OWNER).body
        tenants += body["tenants"]
        token = body.get("nextPageToken", "")
        if not token:
            return tenants


def test_a_disabled_tenant_serves_nobody_but_can_be_changed(rest: Rest) -> None:
    name = tenant(rest, disableAuth=True)
    assert rest.admin("query", project=f"{PROJECT}/tenants/{name}").message == "PROJECT_DISABLED"
    assert rest.client("signUp", tenantId=name).message == "PROJECT_DISABLED"
    path = f"{V2}/tenants/{name}?updateMask=disableAuth,enableAnonymousUser"
    rest.call("PATCH", path, {"disableAuth": False, "enableAnonymousUser": True}, OWNER)
    assert rest.client("signUp", tenantId=name).status == 200


@pytest.mark.parametrize("name", ["", "abc", "1abc", "x" * 21, "späth"])
def test_a_bad_name_for_a_tenant_is_refused(rest: Rest, name: str) -> None:
    answer = rest.call("POST", f"{V2}/tenants", {"displayName": name}, OWNER)
    assert answer.message == "INVALID_DISPLAY_NAME"


def test_settings_are_changed_where_the_mask_says(rest: Rest) -> None:
    before = rest.call("GET", f"{V2}/config", None, OWNER).body
    body = {
        "signIn": {"anonymous": {"enabled": False}, "email": {"enabled": False}},
        "authorizedDomains": ["a.b"],
    }
    changed = config(rest, body, "signIn.anonymous.enabled,authorizedDomains").body
    assert changed["signIn"]["anonymous"] == {"enabled": False}
    assert changed["signIn"]["email"]["enabled"]
    assert changed["authorizedDomains"] == ["a.b"]
    assert rest.client("signUp").message == "ADMIN_ONLY_OPERATION"
    assert config(rest, before, "").body == before
    assert rest.call("GET", f"/{TOOLKIT}/v1/projects?key=x").body["projectId"] == PROJECT


def test_password_sign_up_can_be_switched_off(rest: Rest) -> None:
    config(rest, {}, "signIn.email.enabled")
    assert rest.client("signUp", email="a@b.c", password="secret-1").message == "OPERATION_NOT_ALLOWED"
    answer = rest.client("signInWithPassword", email="a@b.c", password="secret-1")
    assert answer.message == "PASSWORD_LOGIN_DISABLED"
    config(rest, {"signIn": {"email": {"enabled": True}}}, "")
    assert rest.client("signInWithPassword", email="a@b.c", password="x").message == "EMAIL_NOT_FOUND"


def test_hash_parameters_are_shown_to_owners_and_set_by_nobody(rest: Rest) -> None:
    shown = rest.call("GET", f"{V2}/config", None, OWNER).body["signIn"]["hashConfig"]
    assert (shown["algorithm"], shown["rounds"]) == ("SCRYPT", 8)
    hidden = rest.call("GET", f"{V2}/config", None, "Bearer ya29.viewer").body
    assert "hashConfig" not in hidden["signIn"]
    other = {**shown, "rounds": 1}
    for mask in ("", "signIn.hashConfig"):
        answer = config(rest, {"signIn": {"hashConfig": other}}, mask)
        assert answer.body["signIn"]["hashConfig"] == shown


def test_projects_hash_with_keys_of_their_own_and_the_same_ones_always(rest: Rest) -> None:
    keys = {
        name: rest.call("GET", f"/emulator/v1/projects/{name}/config").body["signIn"]["hashConfig"]
        for name in ("one", "two")
    }
    assert keys["one"]["signerKey"] != keys["two"]["signerKey"]
    assert {key["memoryCost"] for key in keys.values()} == {14}
    again = AuthEmulator()
    path = f"http://{again.start()}/emulator/v1/projects/one/config"
    assert rest.session.get(path, timeout=20).json()["signIn"]["hashConfig"] == keys["one"]
    again.stop()
    name = tenant(rest)
    own = rest.call("GET", f"{V2}/tenants/{name}", None, OWNER).body["hashConfig"]
    assert own["signerKey"] not in {key["signerKey"] for key in keys.values()}


def test_changed_hash_parameters_do_not_lock_anybody_out(rest: Rest) -> None:
    session = rest.signed_up("secret-1")
    path = f"/emulator/v1/projects/{PROJECT}/config"
    old = rest.call("GET", path).body["signIn"]["hashConfig"]
    rest.call("PATCH", path, {"signIn": {"hashConfig": {**old, "rounds": 4}}})
    assert rest.listed()[session["localId"]]["passwordHash"] == ""
    assert rest.client("signInWithPassword", email=session["email"], password="secret-1").status == 200
    assert rest.listed()[session["localId"]]["passwordHash"]
    rest.call("PATCH", path, {"signIn": {"hashConfig": old}})
    bad = rest.call("PATCH", path, {"signIn": {"hashConfig": {**old, "memoryCost": 99}}})
    assert bad.message.startswith("INVALID_HASH_MEMORY_COST")


def test_an_emptied_project_keeps_its_settings_and_its_tenants(rest: Rest) -> None:
    name = tenant(rest)
    path = f"{PROJECT}/tenants/{name}"
    rest.admin("batchCreate", project=path, users=[{"localId": "stays"}])
    rest.signed_up()
    assert rest.call("DELETE", f"/emulator/v1/projects/{PROJECT}/accounts").body == {}
    assert rest.listed() == {}
    assert set(rest.listed(path)) == {"stays"}
    assert rest.call("DELETE", f"/emulator/v1/projects/{path}/accounts").body == {}
    assert rest.listed(path) == {}


def test_identity_providers_are_kept_as_they_were_given(app: firebase_admin.App, rest: Rest) -> None:
    made = auth.create_oidc_provider_config(
        "oidc.one", client_id="id", issuer="https://issuer", display_name="One", enabled=True, app=app
    )
    assert auth.get_oidc_provider_config("oidc.one", app=app).issuer == made.issuer == "https://issuer"
    changed = auth.update_oidc_provider_config("oidc.one", display_name=auth.DELETE_ATTRIBUTE, app=app)
    assert (changed.display_name, changed.client_id, changed.enabled) == (None, "id", True)
    saml = {
        "idp_entity_id": "entity",
        "sso_url": "https://sso",
        "x509_certificates": ["CERT"],
        "rp_entity_id": "rp",
        "callback_url": "https://callback",
    }
    for name in ("saml.b", "saml.a"):
        auth.create_saml_provider_config(name, **saml, app=app)
    page = auth.list_saml_provider_configs(max_results=1, app=app)
    assert [config.provider_id for config in page.iterate_all()] == ["saml.a", "saml.b"]
    assert page.provider_configs[0].x509_certificates == ["CERT"]
    auth.delete_saml_provider_config("saml.a", app=app)
    with pytest.raises(auth.ConfigurationNotFoundError):
        auth.get_saml_provider_config("saml.a", app=app)
    inside = tenant_mgt.auth_for_tenant(tenant(rest), app=app)
    assert list(inside.list_oidc_provider_configs().iterate_all()) == []
    assert [config.provider_id for config in auth.list_oidc_provider_configs(app=app).iterate_all()] == [
        "oidc.one"
    ]
    again = rest.call("POST", f"{V2}/oauthIdpConfigs?oauthIdpConfigId=oidc.one", {}, OWNER)
    assert again.message == "CONFIGURATION_EXISTS"
    bad = rest.call("POST", f"{V2}/oauthIdpConfigs?oauthIdpConfigId=saml.x", {}, OWNER)
    assert bad.message == "INVALID_CONFIG_ID"
