"""A settings record: a Firestore document, or a resource of one of the services that configure an app.

    offset  what
    0       0xE2: a document: a Firestore record's value follows (`shared.format.record`)
    0       0xE1: a resource: canonical JSON follows, an object of
              kind      which rules apply, one of those below
              resource  as the service's REST API tells it, every field kept, known to us or not
              etag      only where the service has one

Two records are equal when a restore of one would give the other: what only the service sets, and so no restore can
bring back, is kept and does not count. A kind this release does not know is Unsupported, other bytes are Corrupt.

Keys are those of `shared.format.key`, so they sort by segment: `auth/config`, `auth/idps/COLLECTION/ID`,
`auth/tenants/T`, `auth/tenants/T/idps/COLLECTION/ID`, `firestore/documents/PATH`, `firestore/fields/GROUP/FIELD`,
`firestore/indexes/GROUP/ID`, `firestore/rules`, `remote-config/template`, `storage/rules/BUCKET`. In a segment `%` and
`/` are written `%25` and `%2F`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.errors import BadInput, Corrupt, Unsupported
from shared.format import canonical, key, record

JsonObject = dict[str, Any]

RESOURCE: Final = 0xE1
DOCUMENT: Final = 0xE2

AUTH_CONFIG: Final = "auth.config"
AUTH_IDP: Final = "auth.idp"
AUTH_TENANT: Final = "auth.tenant"
FIELD: Final = "firestore.field"
INDEX: Final = "firestore.index"
RULES: Final = "rules"
TEMPLATE: Final = "remoteconfig.template"

SECRET: Final = "clientSecret"  # noqa: S105  # a field's name
WHOLE: Final = frozenset({"smsRegionConfig", "testPhoneNumbers", "triggers"})
"""Fields in which an empty message means something, or names are data: compared and written as they are."""

_SET_BY_SERVICE: Final[Mapping[str, tuple[str, ...]]] = {
    AUTH_CONFIG: (
        *("name", "subtype", "defaultHostingSite", "client.apiKey", "client.firebaseSubdomain"),
        *("signIn.hashConfig", "notification.sendSms.smsTemplate", "notification.sendEmail.*.customized"),
        "notification.sendEmail.dnsInfo.customDomain",
        "notification.sendEmail.dnsInfo.customDomainState",
        "notification.sendEmail.dnsInfo.domainVerificationRequestTime",
        "notification.sendEmail.dnsInfo.pendingCustomDomain",
        *(
            "passwordPolicyConfig.lastUpdateTime",
            "passwordPolicyConfig.passwordPolicyVersions.*.schemaVersion",
        ),
    ),
    AUTH_TENANT: (
        *("name", "hashConfig", "tenantId"),
        *(
            "passwordPolicyConfig.lastUpdateTime",
            "passwordPolicyConfig.passwordPolicyVersions.*.schemaVersion",
        ),
    ),
    AUTH_IDP: ("name", "spConfig.spCertificates"),
    FIELD: (
        *("name", "ttlConfig.state", "indexConfig.usesAncestorConfig", "indexConfig.ancestorField"),
        *("indexConfig.reverting", "indexConfig.indexes.*.name", "indexConfig.indexes.*.state"),
    ),
    INDEX: ("name", "state"),
    RULES: (
        *("release", "ruleset.name", "ruleset.createTime", "ruleset.metadata", "ruleset.attachmentPoint"),
        "ruleset.source.files.*.fingerprint",
    ),
    TEMPLATE: ("version", "etag"),
}
"""Paths that do not count; `*` is any name, or every place in a list."""

_LEAN: Final = frozenset({AUTH_CONFIG, AUTH_IDP, AUTH_TENANT})
"""Kinds whose services leave out what is false, zero or empty at one time and tell it at another."""

_FIELDS: Final = ({"kind", "resource"}, {"kind", "resource", "etag"})


@dataclass(frozen=True)
class Setting:
    """A resource, decoded."""

    kind: str
    resource: JsonObject
    etag: str = ""

    @property
    def counted(self) -> JsonObject:
        """What a restore can bring back."""
        return _counted(self.kind, self.resource)


def encode(setting: Setting) -> bytes:
    """The value of a resource's record."""
    fields: JsonObject = {"kind": setting.kind, "resource": setting.resource}
    if setting.etag:
        fields["etag"] = setting.etag
    return bytes((RESOURCE,)) + canonical.encode(fields)


def decode(value: bytes) -> Setting:
    """The resource. Corrupt unless `value` is exactly what `encode` makes of one."""
    if not value or value[0] != RESOURCE:
        raise Corrupt("reading a setting: it is not a service's resource")
    fields = canonical.decode(value[1:], "a setting")
    if set(fields) not in _FIELDS or not fields.get("etag", "-") or not isinstance(fields["resource"], dict):
        raise Corrupt("reading a setting: it has not the form of one")
    if fields["kind"] not in _SET_BY_SERVICE:
        raise Unsupported(
            f"reading a setting: it is of the kind {str(fields['kind'])[:40]!r}, which this release does not know",
            hint="a newer release may; nothing was dropped",
        )
    return Setting(fields["kind"], fields["resource"], str(fields.get("etag", "")))


def encode_document(value: bytes) -> bytes:
    """The value of a document's record; `value` is as `shared.format.record` has it."""
    return bytes((DOCUMENT,)) + value


def decode_document(value: bytes) -> bytes:
    """The Firestore record's value. Corrupt when it is none."""
    if not is_document(value):
        raise Corrupt("reading a setting: it is not a document")
    return value[1:]


def is_document(value: bytes) -> bool:
    return bool(value) and value[0] == DOCUMENT


def equal(a: bytes, b: bytes) -> bool:
    """Whether a restore of one would give the other. A secret that only one of them tells does not count."""
    if a == b:
        return True
    if is_document(a) or is_document(b):
        return is_document(a) and is_document(b) and record.equal(a[1:], b[1:])
    one, other = decode(a), decode(b)
    left, right = one.counted, other.counted
    if SECRET not in left or SECRET not in right:
        left.pop(SECRET, None)
        right.pop(SECRET, None)
    return one.kind == other.kind and canonical.encode(left) == canonical.encode(right)


def guard(value: bytes) -> datetime | str:
    """A document's update time; the digest of what counts of a resource, and of its ETag where it has one."""
    if is_document(value):
        return record.update_time(value[1:])
    return hashlib.sha256(bare(value) + decode(value).etag.encode()).hexdigest()


def bare(value: bytes) -> bytes:
    """The record without what does not count."""
    if is_document(value):
        return encode_document(record.strip_times(value[1:]))
    setting = decode(value)
    return encode(Setting(setting.kind, setting.counted))


def to_json(value: bytes) -> JsonObject:
    """The record for people and files: a document as Firestore's REST JSON, a resource as its service tells it."""
    return record.to_json(value[1:]) if is_document(value) else decode(value).resource


def group(name: bytes) -> tuple[str, bytes]:
    """What a setting belongs to, the first two segments of its path, and the bound behind all that does."""
    first = key.segments_of(name)[:2]
    return b"/".join(first).decode(), key.after_subtree(key.encode(first))


def key_of(*segments: str) -> bytes:
    """The key of a path given by its segments, which may hold anything but nothing."""
    if not all(segments):
        raise BadInput("naming a setting: a part of its name is empty")
    escaped = [segment.replace("%", "%25").replace("/", "%2F") for segment in segments]
    try:
        return key.encode([segment.encode() for segment in escaped])
    except UnicodeEncodeError:
        raise BadInput("naming a setting: a part of its name is not valid unicode") from None


def segments_of(name: bytes) -> list[str]:
    """The segments `key_of` was given. Corrupt when there are no such."""
    return [segment.decode().replace("%2F", "/").replace("%25", "%") for segment in key.segments_of(name)]


CONFIG_KEY: Final = key_of("auth", "config")
"""Where a project's hash parameters are."""


def inner(value: Any, *names: str) -> Any:
    """What lies below these names; None where nothing does, or something that has no names."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def own_domains(config: JsonObject) -> set[str]:
    """The domains that a project has from the start, of the project whose Auth configuration this is."""
    subdomain, place = inner(config, "client", "firebaseSubdomain"), str(config.get("name", "")).split("/")
    names = [name for name in (subdomain, *place[1:2]) if isinstance(name, str)]
    return {f"{name}.{end}" for name in names for end in ("firebaseapp.com", "web.app")}


def tenant_key(tenant: str) -> bytes:
    """Where a tenant's are, if it has its own."""
    return key_of("auth", "tenants", tenant)


def tenant_of(name: bytes) -> str:
    """The tenant whose configuration stands under a key; empty for the project's own."""
    segments = segments_of(name)
    return segments[2] if segments[:2] == ["auth", "tenants"] and len(segments) == 3 else ""


def hash_config(value: bytes) -> JsonObject | None:
    """What `accounts:batchCreate` must be told to take the password hashes of the project (or tenant) this is the
    record of: `hashAlgorithm`, and as far as the algorithm has them `signerKey` and `saltSeparator` (base64), `rounds`
    and `memoryCost`. None when the record does not tell.
    """
    setting = decode(value)
    places = {AUTH_CONFIG: ("signIn", "hashConfig"), AUTH_TENANT: ("hashConfig",)}
    told = inner(setting.resource, *places[setting.kind]) if setting.kind in places else None
    if not isinstance(told, dict) or not told.get("algorithm"):
        return None
    names = ("signerKey", "saltSeparator", "rounds", "memoryCost")
    return {"hashAlgorithm": told["algorithm"], **{name: told[name] for name in names if name in told}}


def _counted(kind: str, resource: JsonObject) -> JsonObject:
    left: JsonObject = json.loads(canonical.encode(resource))
    if kind == FIELD and inner(left, "indexConfig", "usesAncestorConfig"):
        del left["indexConfig"]
    if kind == AUTH_CONFIG:
        _leave_out_own(left)
    for path in _SET_BY_SERVICE[kind]:
        _remove(left, path.split("."))
    if kind in _LEAN:
        return dict(_lean(left))
    for *above, name in (("indexConfig", "indexes"), ("ruleset", "source", "files")):
        holder = inner(left, *above)
        if isinstance(inner(holder, name), list):
            holder[name] = sorted(holder[name], key=lambda item: json.dumps(item, sort_keys=True))
    return left


def _leave_out_own(config: JsonObject) -> None:
    """What names the project itself: it must not come to another one, nor be lost there."""
    own = own_domains(config)
    domains, mail = config.get("authorizedDomains"), inner(config, "notification", "sendEmail")
    if isinstance(domains, list):
        config["authorizedDomains"] = sorted({str(domain) for domain in domains} - own)
    if inner(mail, "callbackUri") in {f"https://{domain}/__/auth/action" for domain in own}:
        del mail["callbackUri"]


def _remove(value: Any, path: list[str]) -> None:
    name, *rest = path
    if isinstance(value, list):
        below = value if name == "*" else []
    elif isinstance(value, dict):
        if not rest:
            value.pop(name, None)
            return
        below = list(value.values()) if name == "*" else [value.get(name)]
    else:
        return
    for inner in below:
        _remove(inner, rest)


def _lean(value: Any) -> Any:
    if isinstance(value, list):
        return [_lean(item) for item in value]
    if not isinstance(value, dict):
        return value
    lean = {name: field if name in WHOLE else _lean(field) for name, field in value.items()}
    return {name: field for name, field in lean.items() if field not in (None, False, 0, "", [], {})}
