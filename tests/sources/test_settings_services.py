"""Each service's settings: what comes back, what is guarded, what only people can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from settings_rig import Place, field, idp, index, new_project, one, read, rules, template
from settings_services.discovery import Discovery

from shared.contents import SETTINGS
from shared.format import setting
from shared.format.forms import FORMS
from shared.format.setting import (
    AUTH_CONFIG,
    AUTH_IDP,
    AUTH_TENANT,
    CONFIG_KEY,
    FIELD,
    INDEX,
    Setting,
    decode,
    encode,
    equal,
    guard,
    hash_config,
    key_of,
    tenant_key,
)
from shared.sources.contract import Kind, Result, Scope, Write
from shared.sources.settings import BY_HAND, SettingsSource

TEMPLATE_KEY = key_of("remote-config", "template")
RULES_KEY = key_of("firestore", "rules")
GOOGLE = key_of("auth", "idps", "defaultSupportedIdpConfigs", "google.com")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


def copied(source: SettingsSource, records: dict[bytes, bytes]) -> dict[str, str]:
    """Restore records into an empty place: what was not DONE, by name."""
    live = source.lookup(list(records))
    writes = [
        Write(key, Kind.PUT, value, None if there is None else guard(there))
        for (key, value), there in zip(records.items(), live, strict=True)
        if there is None or not equal(value, there)
    ]
    outcomes = source.apply(writes)
    return {FORMS[SETTINGS].name(one.key): one.reason for one in outcomes if one.result is not Result.DONE}


# Authentication


CONFIG: dict[str, Any] = {
    "signIn": {
        "email": {"enabled": True, "passwordRequired": True},
        "phoneNumber": {"enabled": True, "testPhoneNumbers": {"+1 650-555-3434": "654321"}},
    },
    "authorizedDomains": ["app.example", "localhost"],
    "smsRegionConfig": {"allowlistOnly": {"allowedRegions": ["DE"]}},
    "passwordPolicyConfig": {"passwordPolicyEnforcementState": "ENFORCE"},
    "mfa": {"state": "ENABLED", "enabledProviders": ["PHONE_SMS"]},
}


def test_a_project_gets_the_configuration_of_another_but_keeps_its_own_name_and_domains(place: Place) -> None:
    one_, other = new_project(), new_project()
    theirs, ours = place.source(one_), place.source(other)
    seed(theirs, {**CONFIG, "authorizedDomains": [*CONFIG["authorizedDomains"], f"{one_}.web.app"]})
    seed(ours, {"authorizedDomains": ["old.example", f"{other}.web.app", f"{other}.firebaseapp.com"]})
    wanted = read(theirs, "auth/config")
    assert copied(ours, wanted) == {}
    found = read(ours, "auth/config")[CONFIG_KEY]
    assert equal(found, wanted[CONFIG_KEY])
    resource = decode(found).resource
    assert resource["name"] == f"projects/{other}/config"
    own = {f"{other}.web.app", f"{other}.firebaseapp.com"}
    assert set(resource["authorizedDomains"]) == {"app.example", "localhost", *own}
    assert resource["smsRegionConfig"] == CONFIG["smsRegionConfig"]
    assert resource["signIn"]["phoneNumber"]["testPhoneNumbers"] == {"+1 650-555-3434": "654321"}
    assert "anonymous" not in resource["signIn"] or not resource["signIn"]["anonymous"].get("enabled")


def test_the_hash_parameters_of_a_project_are_in_its_record(place: Place) -> None:
    found = hash_config(read(place.source(need_hashes=True), "auth")[CONFIG_KEY])
    assert found and found["hashAlgorithm"] == "SCRYPT" and found["rounds"] == 8 and found["memoryCost"] == 14
    assert len(found["signerKey"]) > 40


def test_tenants_come_with_their_providers_and_are_brought_back_where_they_are(place: Place) -> None:
    source = place.source()
    tenant = make_tenant(place, source)
    provider = key_of("auth", "tenants", tenant, "idps", "oauthIdpConfigs", "oidc.a")
    assert (
        one(source, provider, idp(clientId="c", issuer="https://i", clientSecret="s")).result is Result.DONE
    )
    before = read(source, f"auth/tenants/{tenant}")
    assert list(before) == [tenant_key(tenant), provider]

    changed = encode(Setting(AUTH_TENANT, {"displayName": "other-name", "disableAuth": True}))
    assert one(source, tenant_key(tenant), changed, guard(before[tenant_key(tenant)])).result is Result.DONE
    assert not equal(read(source, "auth")[tenant_key(tenant)], before[tenant_key(tenant)])
    live = read(source, "auth")[tenant_key(tenant)]
    assert one(source, tenant_key(tenant), before[tenant_key(tenant)], guard(live)).result is Result.DONE
    assert all(equal(value, before[key]) for key, value in read(source, f"auth/tenants/{tenant}").items())


def test_a_tenant_that_is_gone_is_for_people_and_so_is_deleting_one(place: Place) -> None:
    source = place.source()
    outcome = one(source, tenant_key("gone-1"), encode(Setting(AUTH_TENANT, {"displayName": "gone"})))
    assert outcome.result is Result.FAILED and outcome.reason.startswith(BY_HAND)
    within = key_of("auth", "tenants", "gone-1", "idps", "oauthIdpConfigs", "oidc.a")
    outcome = one(source, within, idp(clientId="c", issuer="https://i"))
    assert outcome.result is Result.FAILED and outcome.reason.startswith(BY_HAND)

    tenant = make_tenant(place, source)
    live = read(source, "auth")[tenant_key(tenant)]
    outcome = one(source, tenant_key(tenant), b"", guard(live), Kind.DROP)
    assert outcome.result is Result.FAILED and outcome.reason.startswith(BY_HAND)
    assert source.lookup([tenant_key(tenant)]) == [live]


def test_a_tenant_is_brought_back_under_another_id(place: Place) -> None:
    theirs, project = place.source(), new_project()
    tenant, made = make_tenant(place, theirs), make_tenant(place, place.source(project))
    provider = key_of("auth", "tenants", tenant, "idps", "inboundSamlConfigs", "saml.a")
    assert one(theirs, provider, idp(displayName="x")).result is Result.DONE
    wanted = read(theirs, f"auth/tenants/{tenant}")
    ours = place.source(project, tenants={tenant: made})
    assert copied(ours, wanted) == {}
    found = read(ours, "auth/tenants")
    assert found.keys() == wanted.keys() and all(equal(found[key], wanted[key]) for key in wanted)
    assert (
        decode(found[provider]).resource["name"]
        == f"projects/{project}/tenants/{made}/inboundSamlConfigs/saml.a"
    )


def test_a_secret_that_the_backup_does_not_know_is_left_alone(place: Place) -> None:
    source = place.source()
    assert one(source, GOOGLE, idp(enabled=True, clientId="c", clientSecret="s3cret")).result is Result.DONE
    (live,) = source.lookup([GOOGLE])
    assert live
    assert one(source, GOOGLE, idp(enabled=True, clientId="d"), guard(live)).result is Result.DONE
    assert decode(read(source, "auth")[GOOGLE]).resource["clientSecret"] == "s3cret"
    assert decode(read(source, "auth")[GOOGLE]).resource["clientId"] == "d"


# Security Rules


def test_rules_are_released_for_their_database_and_their_buckets(place: Place) -> None:
    project = new_project()
    source = place.source(
        project, database="other", buckets=["b.example"], elsewhere={"b.example": "c.example"}
    )
    bucket = key_of("storage", "rules", "b.example")
    assert copied(source, {RULES_KEY: rules("a"), bucket: rules("b")}) == {}
    made = {
        name.partition("/releases/")[2] for name in place.services.rules.releases if f"/{project}/" in name
    }
    assert made == {"cloud.firestore/other", "firebase.storage/c.example"}
    first = read(source)[RULES_KEY]
    assert one(source, RULES_KEY, rules("c"), guard(first)).result is Result.DONE
    assert equal(read(source)[RULES_KEY], rules("c"))


def test_rules_that_do_not_compile_are_refused_without_repeating_them(place: Place) -> None:
    source = place.source()
    outcome = one(source, RULES_KEY, rules("syntax error"))
    assert outcome.result is Result.FAILED and "HTTP 400" in outcome.reason and "secret" not in outcome.reason
    assert source.lookup([RULES_KEY]) == [None]


def test_rules_released_while_ours_are_made_are_not_replaced(place: Place) -> None:
    project = new_project()
    source, services = place.source(project), place.services
    services.rules.release(project, "cloud.firestore", "seen")
    (live,) = source.lookup([RULES_KEY])
    assert live

    def meanwhile(verb: str, path: str) -> None:
        if verb == "POST" and path.endswith("/rulesets"):
            services.rules.release(project, "cloud.firestore", "somebody's")

    services.fault = meanwhile
    try:
        assert one(source, RULES_KEY, rules("ours"), guard(live)).result is Result.MOVED
    finally:
        services.fault = lambda _verb, _path: None
    released = decode(read(source)[RULES_KEY]).resource["ruleset"]["source"]["files"]
    assert [file["content"] for file in released] == ["somebody's"]


# Remote Config


def test_a_template_comes_back_with_what_no_release_knows(place: Place) -> None:
    source = place.source()
    resource = decode(template(a="1", b="")).resource
    resource["conditions"] = [
        {"name": "z", "expression": "true", "tagColor": "PINK"},
        {"name": "a", "expression": "x"},
    ]
    resource["parameterGroups"] = {
        "ü": {"parameters": {"p": {"conditionalValues": {"z": {"useInAppDefault": True}}}}}
    }
    wanted = encode(Setting("remoteconfig.template", resource, "etag-9-9"))
    assert copied(source, {TEMPLATE_KEY: wanted}) == {}
    found = read(source)[TEMPLATE_KEY]
    assert equal(found, wanted)
    assert decode(found).resource["version"]["versionNumber"] == "1" and decode(found).etag == "etag-123456-1"


def test_a_published_template_says_again_what_it_was_published_for(place: Place) -> None:
    source = place.source()
    version = {"versionNumber": "7", "updateTime": "2026-01-01T00:00:00Z", "description": "for the sale"}
    wanted = encode(
        Setting("remoteconfig.template", {"parameters": {"a": {}}, "version": version}, "etag-1-7")
    )
    assert one(source, TEMPLATE_KEY, wanted).result is Result.DONE
    told = decode(read(source)[TEMPLATE_KEY]).resource["version"]
    assert (told["description"], told["versionNumber"]) == ("for the sale", "1")


def test_a_publication_between_look_and_write_is_not_lost(place: Place) -> None:
    source, services = place.source(), place.services
    assert one(source, TEMPLATE_KEY, template(a="1")).result is Result.DONE
    (live,) = source.lookup([TEMPLATE_KEY])
    assert live
    name = f"projects/{project_of(services.calls[-1])}"

    def meanwhile(verb: str, _path: str) -> None:
        if verb == "PUT":
            services.remote_config.templates[name] = (9, {"parameters": {"theirs": {}}})

    services.fault = meanwhile
    try:
        outcome = one(source, TEMPLATE_KEY, template(a="2"), guard(live))
    finally:
        services.fault = lambda _verb, _path: None
    assert outcome.result is Result.MOVED and "412" in outcome.reason
    assert "theirs" in decode(read(source)[TEMPLATE_KEY]).resource["parameters"]


def test_a_template_that_the_service_refuses_is_told_without_its_values(place: Place) -> None:
    outcome = one(place.source(), TEMPLATE_KEY, template(invalid="secret value"))
    assert outcome.result is Result.FAILED and "secret" not in outcome.reason


# Indexes

ASCENDING = {"fieldPath": "a", "order": "ASCENDING"}
DESCENDING = {"fieldPath": "b", "order": "DESCENDING"}


def index_key(source: SettingsSource, group: str) -> bytes:
    return next(key for key in read(source, f"firestore/indexes/{group}"))


def test_missing_indexes_are_made_and_named_and_others_stay(place: Place) -> None:
    theirs, ours = place.source(), place.source()
    seed_indexes(
        place, theirs, index(ASCENDING, DESCENDING), index(DESCENDING, ASCENDING), index(ASCENDING, group="ü")
    )
    seed_indexes(
        place, ours, index(ASCENDING, DESCENDING), index(ASCENDING, DESCENDING, queryScope="COLLECTION_GROUP")
    )
    wanted, before = read(theirs, "firestore/indexes"), read(ours, "firestore/indexes")
    assert len(wanted) == 3 and len(before) == 2 and len(wanted.keys() & before.keys()) == 1
    missing = {key: value for key, value in wanted.items() if key not in before}
    outcomes = ours.apply([Write(key, Kind.PUT, value, None) for key, value in missing.items()])
    assert [one.result for one in outcomes] == [Result.DONE] * 2
    assert all("/operations/" in one.reason for one in outcomes), "what is under way is named"
    after = read(ours, "firestore/indexes")
    assert after.keys() == wanted.keys() | before.keys()
    assert all(equal(after[key], value) for key, value in wanted.items())


def test_no_index_and_no_field_is_ever_deleted(place: Place) -> None:
    source = place.source()
    seed_indexes(place, source, index(ASCENDING, DESCENDING))
    assert (
        one(source, key_of("firestore", "fields", "g", "f"), field("g", "f", indexConfig={})).result
        is Result.DONE
    )
    before = read(source, "firestore")
    for key, value in before.items():
        outcome = one(source, key, b"", guard(value), Kind.DROP)
        assert (
            outcome.result is Result.FAILED
            and outcome.reason.startswith(BY_HAND)
            and "gcloud" in outcome.reason
        )
    assert read(source, "firestore") == before and len(before) == 2


def test_an_index_that_is_there_needs_nothing(place: Place) -> None:
    source = place.source()
    seed_indexes(place, source, index(ASCENDING, DESCENDING))
    ((key, live),) = read(source, "firestore/indexes").items()
    calls = len(place.services.calls)
    assert one(source, key, live, guard(live)).result is Result.DONE
    assert not any(call.startswith("POST") for call in place.services.calls[calls:])


def test_an_index_that_somebody_else_made_meanwhile_is_met_and_found_equal(place: Place) -> None:
    source = place.source()
    seed_indexes(place, source, index(ASCENDING, DESCENDING))
    ((key, live),) = read(source, "firestore/indexes").items()
    assert one(source, key, live).result is Result.MOVED
    assert source.lookup([key]) == [live]


def test_an_index_under_the_name_of_another_is_refused(place: Place) -> None:
    source = place.source()
    seed_indexes(place, source, index(ASCENDING, DESCENDING))
    key = index_key(source, "posts")
    other = place.source()
    assert one(other, key, index(DESCENDING, ASCENDING)).result is Result.FAILED


FIELDS = {
    key_of("firestore", "fields", "logs", "at"): field("logs", "at", ttlConfig={"state": "ACTIVE"}),
    key_of("firestore", "fields", "logs", "`a/b %`"): field("logs", "`a/b %`", indexConfig={}),
    key_of("firestore", "fields", "__default__", "*"): field("__default__", "*", indexConfig={
        "indexes": [{"queryScope": "COLLECTION", "fields": [{"fieldPath": "*", "order": "ASCENDING"}]}]}),
    key_of("firestore", "fields", "é", "x"): field("é", "x", ttlConfig={}, indexConfig={
        "indexes": [{"queryScope": "COLLECTION_GROUP", "fields": [{"fieldPath": "x", "arrayConfig": "CONTAINS"}]}]}),
}  # fmt: skip


def test_fields_get_their_indexes_and_their_time_to_live(place: Place) -> None:
    source = place.source()
    assert copied(source, FIELDS) == {}
    found = read(source, "firestore/fields")
    assert found.keys() == FIELDS.keys()
    assert all(equal(value, FIELDS[key]) for key, value in found.items())
    assert copied(source, FIELDS) == {}
    key = key_of("firestore", "fields", "é", "x")
    assert one(source, key, field("é", "x", indexConfig={}), guard(found[key])).result is Result.DONE
    assert decode(read(source, "firestore/fields")[key]).counted == {"indexConfig": {}}


def test_an_inherited_field_is_nobodys_setting(place: Place) -> None:
    source = place.source()
    assert source.lookup([key_of("firestore", "fields", "g", "f")]) == [None]


# All of them


@pytest.mark.parametrize(
    "name",
    [
        *("auth/x", "auth/config/x", "auth/tenants", "firestore/rules/x", "firestore/documents/a/b"),
        *("storage/rules/other", "remote-config", "hosting"),
    ],
)
def test_what_is_no_setting_is_not_there_and_cannot_be_written(place: Place, name: str) -> None:
    source, key = place.source(), FORMS[SETTINGS].key(name)
    assert source.lookup([key]) == [None]
    outcome = one(source, key, template(a="1"))
    assert outcome.result is Result.FAILED and outcome.reason


def test_scopes_cut_and_leave_out_and_tell_what_they_left_out(place: Place) -> None:
    source = place.source()
    for key, value in {
        TEMPLATE_KEY: template(a="1"),
        RULES_KEY: rules("r"),
        GOOGLE: idp(clientId="c"),
    }.items():
        assert one(source, key, value).result is Result.DONE
    at = source.instant()
    plan = source.plan(Scope(exclude=("auth", "storage")), at)
    assert plan.excluded == {"auth": 2, "storage": 0} and plan.expected == 2
    calls = len(place.services.calls)
    plan = source.plan(Scope(("remote-config/template", "remote-config", "auth/idps/oauthIdpConfigs")), at)
    assert [part.expected for part in plan.parts] == [0, 1]
    assert not any("releases" in call or "collectionGroups" in call for call in place.services.calls[calls:])


# What only the service sets


@pytest.mark.parametrize(
    ("kind", "api", "schema"),
    [
        (AUTH_CONFIG, "identitytoolkit", "GoogleCloudIdentitytoolkitAdminV2Config"),
        (AUTH_TENANT, "identitytoolkit", "GoogleCloudIdentitytoolkitAdminV2Tenant"),
        (AUTH_IDP, "identitytoolkit", "GoogleCloudIdentitytoolkitAdminV2DefaultSupportedIdpConfig"),
        (AUTH_IDP, "identitytoolkit", "GoogleCloudIdentitytoolkitAdminV2InboundSamlConfig"),
        (AUTH_IDP, "identitytoolkit", "GoogleCloudIdentitytoolkitAdminV2OAuthIdpConfig"),
        (INDEX, "firestore", "GoogleFirestoreAdminV1Index"),
        (FIELD, "firestore", "GoogleFirestoreAdminV1Field"),
    ],
)
def test_nothing_counts_that_is_output_only(kind: str, api: str, schema: str) -> None:
    for path in Discovery(api).read_only(schema):
        resource: Any = "told"
        for name in reversed(path.split(".")):
            resource = [resource] if name == "*" else {name: resource, "kept": 1}
        counted = str(decode(encode(Setting(kind, resource))).counted)
        assert "told" not in counted and "kept" in counted, path


def seed(source: SettingsSource, config: dict[str, Any]) -> None:
    (live,) = source.lookup([CONFIG_KEY])
    assert live
    wanted = {**decode(live).counted, **config}
    assert one(source, CONFIG_KEY, encode(Setting(AUTH_CONFIG, wanted)), guard(live)).result is Result.DONE


def seed_indexes(place: Place, source: SettingsSource, *indexes: bytes) -> None:
    """As somebody makes them who does not know our names."""
    read(source, "firestore/indexes")
    parent = place.services.calls[-1].removeprefix("GET v1/").split("?")[0].removesuffix("/-/indexes")
    for value in indexes:
        group = setting.inner(decode(value).resource, "name").split("/")[5]
        place.services.indexes.make(f"{parent}/{group}", decode(value).counted)


def make_tenant(place: Place, source: SettingsSource) -> str:
    read(source, "auth/config")
    config = next(call for call in reversed(place.services.calls) if call.endswith("/config"))
    path = config.removeprefix("GET ").removesuffix("/config") + "/tenants"
    made = place.services.answer("POST", f"/identitytoolkit/{path}", {}, b'{"displayName":"tenant"}')
    return str(json.loads(made[1])["name"]).rpartition("/")[2]


def project_of(call: str) -> str:
    return call.split("/projects/")[1].split("/", maxsplit=1)[0]
