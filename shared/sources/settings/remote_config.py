"""The Remote Config template. The service has one for each project from the start: an empty one counts as none.

Writes carry the ETag of the template that was looked at, so nobody's publication is lost in between.
"""

from __future__ import annotations

from typing import Final

from shared.errors import Corrupt
from shared.format import canonical
from shared.format.setting import TEMPLATE, JsonObject, Setting, decode, encode, inner, key_of
from shared.sources.contract import Result
from shared.sources.settings.service import Service
from shared.sources.settings.verdict import Verdict

_KEY: Final = key_of("remote-config", "template")
_EMPTY: Final[tuple[object, ...]] = (None, [], {})


class RemoteConfigSection:
    path = "remote-config"
    makes_once = False

    def __init__(self, service: Service, project: str) -> None:
        self._service = service
        self._path = f"/v1/projects/{project}/remoteConfig"

    def read(self) -> dict[bytes, bytes]:
        value = self.look(_KEY)
        return {} if value is None else {_KEY: value}

    def look(self, key: bytes) -> bytes | None:
        if key != _KEY:
            return None
        template, etag = self._template()
        return None if _is_empty(template) else encode(Setting(TEMPLATE, template, etag))

    def put(self, key: bytes, value: bytes, live: bytes | None) -> Verdict:
        wanted = decode(value)
        if key != _KEY or wanted.kind != TEMPLATE:
            return Verdict(Result.FAILED, "it is no Remote Config template")
        template = wanted.counted
        description = inner(wanted.resource, "version", "description")
        if description:
            template["version"] = {"description": description}
        return self._publish(template, live)

    def drop(self, key: bytes, live: bytes) -> Verdict:
        del key
        return self._publish({}, live)

    def _publish(self, template: JsonObject, live: bytes | None) -> Verdict:
        if live is None:
            there, etag = self._template()
            if not _is_empty(there):
                return Verdict(Result.MOVED, "a template was published meanwhile")
        else:
            etag = decode(live).etag
        body = canonical.encode(template)
        return self._service.change("PUT", self._path, None, body, {"If-Match": etag})[0]

    def _template(self) -> tuple[JsonObject, str]:
        answer = self._service.get(self._path)
        if answer is None:
            return {}, "*"
        etag = answer.headers.get("etag", "")
        if not etag:
            raise Corrupt("reading Remote Config: the answer has no ETag")
        return answer.json, etag


def _is_empty(template: JsonObject) -> bool:
    return all(field in _EMPTY for name, field in template.items() if name != "version")
