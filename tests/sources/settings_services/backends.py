"""What the stand-ins remember and answer. Statuses and messages are as the services' references have them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import urllib3

Json = dict[str, Any]
Reply = tuple[int, Json, dict[str, str]]


def ok(body: Json, **headers: str) -> Reply:
    return 200, body, headers


def refusal(status: int, name: str, message: str = "", details: list[Json] | None = None) -> Reply:
    error = {"code": status, "status": name, "message": message or name, "details": details or []}
    return status, {"error": error}, {}


class Rules:
    """Releases by name, rulesets that are made and never changed."""

    def __init__(self) -> None:
        self.releases: dict[str, Json] = {}
        self.rulesets: dict[str, Json] = {}
        self._numbers = itertools.count(1)

    def answer(
        self, method: str, name: str, query: Mapping[str, str], body: Json, headers: Mapping[str, str]
    ) -> Reply:
        del query, headers
        step = getattr(self, "_" + method.split(".", 1)[1].replace(".", "_"))
        reply: Reply = step(name, body)
        return reply

    def release(self, project: str, release: str, content: str, **more: Any) -> None:
        ruleset = self._rulesets_create(
            f"projects/{project}", {"source": {"files": [{"name": "r", "content": content}], **more}}
        )
        name = f"projects/{project}/releases/{release}"
        self.releases[name] = self._released(name, ruleset[1]["name"])

    def _released(self, name: str, ruleset: str) -> Json:
        time = f"2026-01-01T00:00:{next(self._numbers) % 60:02d}Z"
        return {"name": name, "rulesetName": ruleset, "createTime": time, "updateTime": time}

    def _releases_get(self, name: str, _: Json) -> Reply:
        return ok(self.releases[name]) if name in self.releases else refusal(404, "NOT_FOUND")

    def _releases_create(self, _: str, body: Json) -> Reply:
        if body["name"] in self.releases:
            return refusal(409, "ALREADY_EXISTS")
        if body["rulesetName"] not in self.rulesets:
            return refusal(404, "NOT_FOUND")
        self.releases[body["name"]] = self._released(body["name"], body["rulesetName"])
        return ok(self.releases[body["name"]])

    def _releases_patch(self, name: str, body: Json) -> Reply:
        if name not in self.releases or body["release"]["rulesetName"] not in self.rulesets:
            return refusal(404, "NOT_FOUND")
        self.releases[name] = self._released(name, body["release"]["rulesetName"])
        return ok(self.releases[name])

    def _releases_delete(self, name: str, _: Json) -> Reply:
        return ok({}) if self.releases.pop(name, None) else refusal(404, "NOT_FOUND")

    def _rulesets_get(self, name: str, _: Json) -> Reply:
        return ok(self.rulesets[name]) if name in self.rulesets else refusal(404, "NOT_FOUND")

    def _rulesets_create(self, project: str, body: Json) -> Reply:
        files = body["source"]["files"]
        if any("syntax error" in file["content"] for file in files):
            return refusal(400, "INVALID_ARGUMENT", "Line 1: secret of the rules")
        name = f"{project}/rulesets/{next(self._numbers):08d}-0000"
        files = [{**file, "fingerprint": "Zm9v"} for file in files]
        source = {**body["source"], "files": files}
        self.rulesets[name] = {"name": name, "createTime": "2026-01-01T00:00:00Z", "source": source}
        return ok(self.rulesets[name])


class Indexes:
    """Composite indexes and field overrides of databases; changes are operations that never end."""

    def __init__(self) -> None:
        self.indexes: dict[str, Json] = {}
        self.fields: dict[str, Json] = {}
        self.missing: set[str] = set()
        self._numbers = itertools.count(1)

    def answer(
        self, method: str, name: str, query: Mapping[str, str], body: Json, headers: Mapping[str, str]
    ) -> Reply:
        del headers
        database = name.split("/collectionGroups/", maxsplit=1)[0]
        if database in self.missing:
            return refusal(404, "NOT_FOUND", f"The database {database} does not exist")
        reply: Reply = getattr(self, "_" + method.rsplit(".", 2)[1] + "_" + method.rsplit(".", 1)[1])(
            name, query, body
        )
        return reply

    def _page(self, what: str, parent: str, found: dict[str, Json], query: Mapping[str, str]) -> Reply:
        prefix = parent.removesuffix("-")
        items = [item for name, item in sorted(found.items()) if name.startswith(prefix)]
        first = int(query.get("pageToken", 0))
        more = {"nextPageToken": str(first + 2)} if len(items) > first + 2 else {}
        return ok({what: items[first : first + 2], **more} if items else more)

    def _indexes_list(self, parent: str, query: Mapping[str, str], _: Json) -> Reply:
        return self._page("indexes", parent, self.indexes, query)

    def make(self, parent: str, index: Json) -> str:
        name = f"{parent}/indexes/CIC{next(self._numbers)}"
        self.indexes[name] = {**index, "name": name, "state": "CREATING"}
        return name

    def _indexes_create(self, parent: str, _: Mapping[str, str], body: Json) -> Reply:
        defined = [
            {**one, "name": name.rpartition("/indexes/")[0], "state": 0} for name, one in self.indexes.items()
        ]
        if {**body, "name": parent, "state": 0} in defined:
            return refusal(409, "ALREADY_EXISTS")
        self.make(parent, body)
        return self._operation(parent)

    def _operation(self, name: str) -> Reply:
        database = name.partition("/collectionGroups")[0]
        return ok({"name": f"{database}/operations/op{next(self._numbers)}"})

    def _fields_list(self, parent: str, query: Mapping[str, str], _: Json) -> Reply:
        assert query["filter"] == "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
        return self._page("fields", parent, self.fields, query)

    def _fields_get(self, name: str, _: Mapping[str, str], __: Json) -> Reply:
        return ok(self.fields.get(name, {"name": name, "indexConfig": {"usesAncestorConfig": True}}))

    def _fields_patch(self, name: str, query: Mapping[str, str], body: Json) -> Reply:
        field = {"name": name, "indexConfig": {"usesAncestorConfig": True}, **self.fields.get(name, {})}
        for part in query["updateMask"].split(","):
            field.pop(part, None)
            if part in body:
                field[part] = body[part]
        for index in field.get("indexConfig", {}).get("indexes", []):
            index["state"] = "CREATING"
        self.fields[name] = field
        return self._operation(name)


class RemoteConfig:
    """One template for each project; version 0 is empty."""

    def __init__(self) -> None:
        self.templates: dict[str, tuple[int, Json]] = {}

    def answer(
        self, method: str, name: str, query: Mapping[str, str], body: Json, headers: Mapping[str, str]
    ) -> Reply:
        del query
        version, template = self.templates.get(name, (0, {}))
        if method.endswith("update" + "RemoteConfig"):
            if headers.get("if-match") not in ("*", _etag(version)):
                return refusal(412, "FAILED_PRECONDITION", "[VERSION_MISMATCH]: Expected another one")
            if "invalid" in body.get("parameters", {}):
                return refusal(400, "INVALID_ARGUMENT", "[VALIDATION_ERROR]: secret value")
            version += 1
            told = {
                **body.get("version", {}),
                "versionNumber": str(version),
                "updateTime": f"2026-01-01T00:00:{version:02d}Z",
            }
            template = {**body, "version": told}
            self.templates[name] = version, template
        return 200, template, {"ETag": _etag(version)}


def _etag(version: int) -> str:
    return f"etag-123456-{version}"


class Auth:
    """An Auth emulator behind the service's paths."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/identitytoolkit.googleapis.com"
        self._http = urllib3.PoolManager()

    def forward(self, verb: str, path: str, query: str, body: bytes) -> Reply:
        answer = self._http.request(
            verb,
            f"{self._url}{quote(path, safe='/%')}{'?' + query if query else ''}",
            body=body or None,
            headers={"Authorization": "Bearer owner", "Content-Type": "application/json"},
        )
        return answer.status, json.loads(answer.data), {}
