"""Index definitions of one database: composite indexes, and fields with indexes or a time to live of their own.

A restore makes what is missing and waits for none of it: the service builds indexes for minutes or hours. It deletes
none, whatever it is asked.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final
from urllib.parse import quote

from shared.errors import Corrupt
from shared.format import canonical
from shared.format.setting import FIELD, INDEX, JsonObject, Setting, decode, encode, key_of, segments_of
from shared.sources.contract import Result
from shared.sources.settings.answers import Answer
from shared.sources.settings.service import Service
from shared.sources.settings.verdict import DONE, Verdict, by_hand

_NAME = re.compile(
    r"projects/[^/]+/databases/[^/]+/collectionGroups/([^/]+)/(?:indexes|fields)/(.+)", re.DOTALL
)
_OVERRIDES: Final = "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
_SHOWN: Final = 60
_PAGE: Final = {"pageSize": "300"}


class IndexesSection:
    """One record for each composite index. Its key is its definition, so that none can differ: it is there or not."""

    path = "firestore/indexes"
    makes_once = True

    def __init__(self, service: Service, project: str, database: str) -> None:
        self._service = service
        self._groups = f"/v1/projects/{project}/databases/{quote(database, safe='()')}/collectionGroups"

    def read(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for index in self._service.items(f"{self._groups}/-/indexes", "indexes", _PAGE):
            value = encode(Setting(INDEX, index))
            found.setdefault(_index_key(_place(index)[0], value), value)
        return found

    def look(self, key: bytes) -> bytes | None:
        return self.read().get(key)

    def put(self, key: bytes, value: bytes, live: bytes | None) -> Verdict:
        wanted, segments = decode(value), segments_of(key)
        if wanted.kind != INDEX or len(segments) != 4 or _index_key(segments[2], value) != key:
            return Verdict(Result.FAILED, "it is no index of this name")
        if live is not None:
            return DONE
        body = canonical.encode(wanted.counted)
        path = f"{self._groups}/{quote(segments[2], safe='')}/indexes"
        return _begun(*self._service.change("POST", path, None, body))

    def drop(self, key: bytes, live: bytes) -> Verdict:
        del key
        name = _place(decode(live).resource)[1]
        return by_hand(f"no restore deletes indexes: gcloud firestore indexes composite delete {name}")


class FieldsSection:
    """One record for each field whose indexes or time to live are not its collection's or its database's."""

    path = "firestore/fields"
    makes_once = False

    def __init__(self, service: Service, project: str, database: str) -> None:
        self._service = service
        self._groups = f"/v1/projects/{project}/databases/{quote(database, safe='()')}/collectionGroups"

    def read(self) -> dict[bytes, bytes]:
        query = {**_PAGE, "filter": _OVERRIDES}
        fields = self._service.items(f"{self._groups}/-/fields", "fields", query)
        settings = [Setting(FIELD, one) for one in fields]
        return {
            key_of("firestore", "fields", *_place(one.resource)): encode(one)
            for one in settings
            if one.counted
        }

    def look(self, key: bytes) -> bytes | None:
        path = self._path(key)
        answer = None if path is None else self._service.get(path)
        if answer is None:
            return None
        setting = Setting(FIELD, answer.json)
        return encode(setting) if setting.counted else None

    def put(self, key: bytes, value: bytes, live: bytes | None) -> Verdict:
        wanted, path = decode(value), self._path(key)
        if path is None or wanted.kind != FIELD:
            return Verdict(Result.FAILED, "it is no field of this name")
        ours, theirs = wanted.counted, {} if live is None else decode(live).counted
        mask = [name for name in ("indexConfig", "ttlConfig") if ours.get(name) != theirs.get(name)]
        if not mask:
            return DONE
        body = canonical.encode({name: ours[name] for name in mask if name in ours})
        return _begun(*self._service.change("PATCH", path, {"updateMask": ",".join(mask)}, body))

    def drop(self, key: bytes, live: bytes) -> Verdict:
        del live
        _, _, group, field = segments_of(key)
        return by_hand(
            "no restore deletes indexes: gcloud firestore indexes fields update "
            f"{field} --collection-group={group} --clear-exemption"
        )

    def _path(self, key: bytes) -> str | None:
        segments = segments_of(key)
        if len(segments) != 4:
            return None
        return f"{self._groups}/{quote(segments[2], safe='')}/fields/{quote(segments[3], safe='')}"


def _index_key(group: str, value: bytes) -> bytes:
    """Fields to be read by people, and a digest of the whole definition to tell it from every other."""
    counted = decode(value).counted
    shown = ",".join(str(field.get("fieldPath", "")) for field in _fields(counted))
    digest = hashlib.sha256(canonical.encode(counted)).hexdigest()[:16]
    return key_of("firestore", "indexes", group, f"{shown[:_SHOWN]} {digest}".lstrip())


def _fields(index: JsonObject) -> list[Any]:
    fields = index.get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise Corrupt("reading Firestore's indexes: one has no list of fields")
    return fields


def _place(resource: JsonObject) -> tuple[str, str]:
    """Collection group and id, or field, of a resource's name."""
    found = _NAME.fullmatch(str(resource.get("name", "")))
    if found is None:
        raise Corrupt("reading Firestore's indexes: one has a name that none can have")
    return found[1], found[2]


def _begun(verdict: Verdict, answer: Answer) -> Verdict:
    """Which operation the service goes on with."""
    if verdict.result is not Result.DONE:
        return verdict
    return Verdict(Result.DONE, f"under way: {str(answer.json.get('name', ''))[:200]}")
