"""Started stand-ins of the settings' services, sources on them, and settings."""

from __future__ import annotations

import itertools
import random
from typing import Any

from firestore_rig import TestClock, flat
from settings_services.server import Services

from shared.format.setting import AUTH_IDP, FIELD, INDEX, RULES, TEMPLATE, Setting, encode, key_of
from shared.sources.contract import Kind, Outcome, Scope, Write
from shared.sources.settings import Patience, SettingsSource, open_http

_NUMBERS = itertools.count()


class Place:
    """The services, with a project of its own for each source that names none."""

    def __init__(self) -> None:
        self.services = Services()
        self.clock = TestClock()

    def close(self) -> None:
        self.services.close()
        assert not self.services.broken, self.services.broken

    def source(self, project: str = "", **more: Any) -> SettingsSource:
        return SettingsSource(
            open_http(emulated=True),
            project or new_project(),
            clock=self.clock,
            jitter=random.Random(1).random,
            endpoints=more.pop("endpoints", self.services.endpoints),
            patience=Patience(connect_s=5, read_s=10, attempts=3),
            **more,
        )


def new_project() -> str:
    return f"demo-s{next(_NUMBERS):03d}"


def read(source: SettingsSource, *prefixes: str) -> dict[bytes, bytes]:
    plan = source.plan(Scope(prefixes), source.instant())
    return dict(pair for part in plan.parts for pair in flat(source.read(part)))


def one(source: SettingsSource, key: bytes, value: bytes, seen: Any = None, kind: Kind = Kind.PUT) -> Outcome:
    (outcome,) = source.apply([Write(key, kind, value, seen)])
    return outcome


def rules(content: str) -> bytes:
    files = [{"name": "firestore.rules", "content": content}]
    return encode(
        Setting(
            RULES, {"release": {"name": "projects/x/releases/y"}, "ruleset": {"source": {"files": files}}}
        )
    )


def template(**parameters: str) -> bytes:
    told = {name: {"defaultValue": {"value": value}} for name, value in parameters.items()}
    return encode(Setting(TEMPLATE, {"parameters": told, "version": {"versionNumber": "7"}}, "etag-1-7"))


def idp(**fields: Any) -> bytes:
    return encode(Setting(AUTH_IDP, fields))


def index(*fields: dict[str, Any], group: str = "posts", **more: Any) -> bytes:
    name = f"projects/x/databases/(default)/collectionGroups/{group}/indexes/CIC"
    told = {"name": name, "queryScope": "COLLECTION", "fields": list(fields), "state": "READY", **more}
    return encode(Setting(INDEX, told))


def field(group: str, path: str, **more: Any) -> bytes:
    name = f"projects/x/databases/(default)/collectionGroups/{group}/fields/{path}"
    return encode(Setting(FIELD, {"name": name, **more}))


WRITABLE = {
    key_of("auth", "idps", "defaultSupportedIdpConfigs", "google.com"): idp(
        enabled=True, clientId="1.apps", clientSecret="s3cret"
    ),
    key_of("auth", "idps", "oauthIdpConfigs", "oidc.a"): idp(
        displayName="日本 ü",
        enabled=True,
        clientId="c",
        issuer="https://a.example",
        responseType={"idToken": True},
    ),
    key_of("auth", "idps", "oauthIdpConfigs", "oidc.a-b"): idp(clientId="c2", issuer="https://b.example"),
    key_of("auth", "idps", "inboundSamlConfigs", "saml.a"): idp(
        enabled=True,
        idpConfig={
            "idpEntityId": "e",
            "ssoUrl": "https://sso",
            "idpCertificates": [{"x509Certificate": "x"}],
        },
        spConfig={"spEntityId": "sp", "callbackUri": "https://p.example/__/auth/handler"},
    ),
    key_of("firestore", "rules"): rules("rules_version = '2'; // ü\r\n"),
    key_of("remote-config", "template"): template(a="1", b="", ü="é"),
    key_of("storage", "rules", "a.appspot.com"): rules("service firebase.storage {}"),
    key_of("storage", "rules", "a"): rules(""),
}
