"""Security Rules: what is released for the database, or for each bucket. A restore makes a ruleset and releases it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from shared.errors import Corrupt
from shared.format import canonical
from shared.format.setting import RULES, JsonObject, Setting, decode, encode
from shared.sources.contract import Result
from shared.sources.settings.service import Service
from shared.sources.settings.verdict import Verdict

_RULESET = re.compile(r"projects/[^/?#]+/rulesets/[^/?#]+")


class RulesSection:
    """`releases` are the ids of the releases by key, such as `cloud.firestore` or `firebase.storage/BUCKET`."""

    makes_once = False

    def __init__(self, service: Service, project: str, path: str, releases: Mapping[bytes, str]) -> None:
        self.path = path
        self._service = service
        self._project = f"projects/{project}"
        self._releases = releases

    def read(self) -> dict[bytes, bytes]:
        found = {key: self.look(key) for key in self._releases}
        return {key: value for key, value in found.items() if value is not None}

    def look(self, key: bytes) -> bytes | None:
        release = self._release(key)
        if release is None:
            return None
        answer = self._service.get(f"/v1/{_ruleset_of(release)}")
        if answer is None:
            return None
        return encode(Setting(RULES, {"release": release, "ruleset": answer.json}))

    def put(self, key: bytes, value: bytes, live: bytes | None) -> Verdict:
        wanted = decode(value)
        if key not in self._releases or wanted.kind != RULES:
            return Verdict(
                Result.FAILED, "it is not among the databases and buckets whose rules are restored here"
            )
        body = canonical.encode(wanted.counted.get("ruleset", {}))
        verdict, answer = self._service.change("POST", f"/v1/{self._project}/rulesets", None, body)
        if verdict.result is not Result.DONE:
            # A ruleset has no name that could be taken: whatever was refused is the ruleset itself.
            return Verdict(Result.FAILED, verdict.reason)
        if self._moved(key, live):
            return Verdict(Result.MOVED, "other rules were released meanwhile")
        name = f"{self._project}/releases/{self._releases[key]}"
        release = {"name": name, "rulesetName": _name_of(answer.json)}
        if live is None:
            path, method, body = f"/v1/{self._project}/releases", "POST", canonical.encode(release)
        else:
            path, method, body = self._path(key), "PATCH", canonical.encode({"release": release})
        return self._service.change(method, path, None, body)[0]

    def drop(self, key: bytes, live: bytes) -> Verdict:
        del live
        return self._service.change("DELETE", self._path(key))[0]

    def _moved(self, key: bytes, live: bytes | None) -> bool:
        """Whether it is another ruleset by now. Making one takes a while."""
        release = self._release(key)
        seen = None if live is None else _ruleset_of(decode(live).resource["release"])
        return (None if release is None else _ruleset_of(release)) != seen

    def _release(self, key: bytes) -> JsonObject | None:
        if key not in self._releases:
            return None
        answer = self._service.get(self._path(key))
        return None if answer is None else answer.json

    def _path(self, key: bytes) -> str:
        return f"/v1/{self._project}/releases/{quote(self._releases[key])}"


def _ruleset_of(release: JsonObject) -> str:
    return _checked(release.get("rulesetName"))


def _name_of(ruleset: JsonObject) -> str:
    return _checked(ruleset.get("name"))


def _checked(name: object) -> str:
    if not isinstance(name, str) or not _RULESET.fullmatch(name):
        raise Corrupt("reading Security Rules: an answer names no ruleset")
    return name
