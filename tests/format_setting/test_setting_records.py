"""Settings records: one spelling, what counts and what does not, and names that sort."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contents import SETTINGS
from shared.errors import BadInput, Corrupt, Unsupported
from shared.format import canonical, setting
from shared.format.forms import FORMS
from shared.format.setting import (
    AUTH_CONFIG,
    AUTH_IDP,
    AUTH_TENANT,
    FIELD,
    INDEX,
    RULES,
    TEMPLATE,
    Setting,
    bare,
    decode,
    encode,
    equal,
    guard,
    hash_config,
    key_of,
    segments_of,
)

HASH = {"algorithm": "SCRYPT", "signerKey": "a2V5", "saltSeparator": "Bw==", "rounds": 8, "memoryCost": 14}


def value(kind: str, resource: dict[str, Any], etag: str = "") -> bytes:
    return encode(Setting(kind, resource, etag))


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"a": None},
        {"ü": "é", "é": [1, 1.5, True, None, {"": ""}]},
        {"n": 2**70},
        {"future": {"field": [[]]}},
    ],
)
def test_a_resource_comes_back_as_it_was(resource: dict[str, Any]) -> None:
    assert decode(value(TEMPLATE, resource, "etag-1")) == Setting(TEMPLATE, resource, "etag-1")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xe1",
        b"\xe1{}",
        b'\xe1{"kind":"rules"}',
        b'\xe1{"kind":"rules","resource":[]}',
        b'\xe1{"kind":"rules", "resource":{}}',
        b'\xe1{"etag":"","kind":"rules","resource":{}}',
        b'\xe1{"kind":"rules","more":1,"resource":{}}',
        b"\xe2\x12",
    ],
)
def test_other_bytes_are_damage(data: bytes) -> None:
    with pytest.raises(Corrupt):
        decode(data)


def test_a_kind_of_a_later_release_is_not_passed_over() -> None:
    data = b"\xe1" + canonical.encode({"kind": "hosting.site", "resource": {}})
    for look in (decode, bare, guard, lambda one: equal(one, b"\xe1" + one)):
        with pytest.raises(Unsupported, match=r"hosting\.site"):
            look(data)


SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (AUTH_CONFIG, {"name": "projects/a/config"}, {"name": "projects/b/config"}),
    (AUTH_CONFIG, {"signIn": {"hashConfig": HASH}}, {"signIn": {}}),
    (AUTH_CONFIG, {"signIn": {"email": {"enabled": False}}}, {}),
    (
        AUTH_CONFIG,
        {
            "client": {"apiKey": "a", "firebaseSubdomain": "a"},
            "authorizedDomains": ["a.web.app", "x", "localhost"],
        },
        {
            "client": {"apiKey": "b", "firebaseSubdomain": "b"},
            "authorizedDomains": ["localhost", "x", "b.web.app"],
        },
    ),
    (
        AUTH_CONFIG,
        {
            "name": "projects/a/config",
            "notification": {"sendEmail": {"callbackUri": "https://a.firebaseapp.com/__/auth/action"}},
        },
        {
            "name": "projects/b/config",
            "notification": {"sendEmail": {"callbackUri": "https://b.firebaseapp.com/__/auth/action"}},
        },
    ),
    (AUTH_TENANT, {"hashConfig": HASH, "displayName": "t"}, {"displayName": "t"}),
    (AUTH_IDP, {"clientId": "c", "clientSecret": "s"}, {"clientId": "c"}),
    (AUTH_IDP, {"spConfig": {"spEntityId": "e", "spCertificates": [{}]}}, {"spConfig": {"spEntityId": "e"}}),
    (INDEX, {"name": "a", "state": "READY", "fields": []}, {"name": "b", "state": "CREATING", "fields": []}),
    (
        FIELD,
        {"indexConfig": {"indexes": [{"queryScope": "A", "state": "READY"}, {"queryScope": "B"}]}},
        {"indexConfig": {"indexes": [{"queryScope": "B"}, {"queryScope": "A", "state": "CREATING"}]}},
    ),
    (
        FIELD,
        {"ttlConfig": {"state": "ACTIVE"}},
        {"ttlConfig": {}, "indexConfig": {"usesAncestorConfig": True, "indexes": [{}]}},
    ),
    (TEMPLATE, {"parameters": {}, "version": {"versionNumber": "1"}}, {"parameters": {}}),
    (
        RULES,
        {
            "release": {"name": "a"},
            "ruleset": {"name": "x", "source": {"files": [{"content": "c", "fingerprint": "f"}]}},
        },
        {"release": {"name": "b"}, "ruleset": {"source": {"files": [{"content": "c"}]}}},
    ),
]


@pytest.mark.parametrize(("kind", "a", "b"), SAME)
def test_what_only_the_service_sets_does_not_count(kind: str, a: dict[str, Any], b: dict[str, Any]) -> None:
    one, other = value(kind, a), value(kind, b)
    assert equal(one, other) and equal(other, one)
    assert decode(one).resource == a, "but it is kept"


DIFFERENT: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (AUTH_CONFIG, {"smsRegionConfig": {"allowByDefault": {}}}, {"smsRegionConfig": {"allowlistOnly": {}}}),
    (AUTH_CONFIG, {"authorizedDomains": ["x"]}, {"authorizedDomains": ["x", "y"]}),
    (AUTH_CONFIG, {"signIn": {"email": {"enabled": True}}}, {}),
    (AUTH_CONFIG, {"future": {"field": 1}}, {}),
    (AUTH_IDP, {"clientSecret": "a"}, {"clientSecret": "b"}),
    (
        INDEX,
        {"fields": [{"fieldPath": "a"}, {"fieldPath": "b"}]},
        {"fields": [{"fieldPath": "b"}, {"fieldPath": "a"}]},
    ),
    (
        INDEX,
        {"fields": [{"vectorConfig": {"dimension": 3, "flat": {}}}]},
        {"fields": [{"vectorConfig": {"dimension": 3}}]},
    ),
    (FIELD, {"indexConfig": {}}, {"indexConfig": {"usesAncestorConfig": True}}),
    (FIELD, {"ttlConfig": {}, "indexConfig": {}}, {"indexConfig": {}}),
    (
        TEMPLATE,
        {"conditions": [{"name": "a"}, {"name": "b"}]},
        {"conditions": [{"name": "b"}, {"name": "a"}]},
    ),
    (
        TEMPLATE,
        {"parameters": {"a": {"defaultValue": {"value": ""}}}},
        {"parameters": {"a": {"defaultValue": {}}}},
    ),
    (
        RULES,
        {"ruleset": {"source": {"files": [{"content": "\u00e9"}]}}},
        {"ruleset": {"source": {"files": [{"content": "e\u0301"}]}}},
    ),
]


@pytest.mark.parametrize(("kind", "a", "b"), DIFFERENT)
def test_what_a_restore_brings_back_counts(kind: str, a: dict[str, Any], b: dict[str, Any]) -> None:
    one, other = value(kind, a), value(kind, b)
    assert not equal(one, other) and not equal(other, one)
    assert bare(one) != bare(other)
    assert guard(one) != guard(other)


def test_the_same_fields_of_another_kind_are_not_equal() -> None:
    assert not equal(value(AUTH_IDP, {}), value(AUTH_TENANT, {}))
    assert not equal(value(AUTH_IDP, {}), setting.encode_document(b""))


def test_an_etag_is_part_of_the_guard_and_of_nothing_else() -> None:
    one, other = value(TEMPLATE, {}, "etag-1"), value(TEMPLATE, {}, "etag-2")
    assert guard(one) != guard(other)
    assert equal(one, other)
    assert bare(one) == bare(other)


@pytest.mark.parametrize(
    "segments", [("auth", "config"), ("a/b", "%2F%25", "%"), ("__id5__", "\u00e9", "e\u0301", "..", "`a/b`")]
)
def test_a_name_may_hold_anything(segments: tuple[str, ...]) -> None:
    key = key_of(*segments)
    assert segments_of(key) == list(segments)
    form = FORMS[SETTINGS]
    assert form.key(form.name(key)) == key


@pytest.mark.parametrize("segments", [("a", ""), ("\ud800",)])
def test_a_name_that_is_none_is_refused(segments: tuple[str, ...]) -> None:
    with pytest.raises(BadInput):
        key_of(*segments)


def test_what_lies_below_follows_and_groups_have_bounds() -> None:
    order = [
        "auth/config",
        "auth/idps/oauthIdpConfigs/oidc.a",
        "auth/tenants/t",
        "auth/tenants/t/idps/oauthIdpConfigs/oidc.a",
        "auth/tenants/t-1",
        "firestore/documents/a/b",
        "firestore/fields/g/f",
        "firestore/indexes/g/a 1",
        "firestore/rules",
        "remote-config/template",
        "storage/rules/b",
    ]
    form = FORMS[SETTINGS]
    keys = [form.key(name) for name in order]
    assert keys == sorted(keys)
    for key in keys:
        name, bound = form.group(key)
        assert form.name(key).startswith(name)
        assert all((other < bound) == form.name(other).startswith(name) for other in keys if other >= key)


def test_hash_parameters_are_told_as_an_import_takes_them() -> None:
    wanted = {
        "hashAlgorithm": "SCRYPT",
        **{name: field for name, field in HASH.items() if name != "algorithm"},
    }
    assert hash_config(value(AUTH_CONFIG, {"signIn": {"hashConfig": HASH}})) == wanted
    assert hash_config(value(AUTH_TENANT, {"hashConfig": HASH})) == wanted
    assert hash_config(value(AUTH_CONFIG, {"signIn": {"hashConfig": {"algorithm": "BCRYPT"}}})) == {
        "hashAlgorithm": "BCRYPT"
    }


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        (AUTH_CONFIG, {}),
        (AUTH_CONFIG, {"signIn": None}),
        (AUTH_CONFIG, {"signIn": {"hashConfig": {}}}),
        (AUTH_IDP, {"hashConfig": HASH}),
    ],
)
def test_no_hash_parameters_are_made_up(kind: str, resource: dict[str, Any]) -> None:
    assert hash_config(value(kind, resource)) is None


def test_the_bytes_are_those_of_the_format() -> None:
    assert (
        value(RULES, {"b": 1, "a": "ü"}, "e")
        == b'\xe1{"etag":"e","kind":"rules","resource":{"a":"\xc3\xbc","b":1}}'
    )
    assert value(AUTH_IDP, {}) == b'\xe1{"kind":"auth.idp","resource":{}}'
    assert setting.encode_document(b"\x12\x00") == b"\xe2\x12\x00"
    assert key_of("auth", "tenants", "a/b%") == b"auth\x00tenants\x00a%2Fb%25"
