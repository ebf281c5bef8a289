"""The services of a stack that serves: where they are, their HTTP, and whether there is anything in them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

from emulators.datasets.load import Database
from emulators.firestore.schema import message
from shared.errors import BadInput

_TIMEOUT_S = 120.0
_OWNER = {"Authorization": "Bearer owner"}


@dataclass(frozen=True)
class Services:
    """Where the services are, as HOST:PORT."""

    project: str
    firestore: str
    storage: str | None = None
    auth: str | None = None

    @classmethod
    def of(cls, project: str, env: Mapping[str, str]) -> Self:
        """Those that the variables of a stack name."""
        return cls(
            project,
            env["FIRESTORE_EMULATOR_HOST"],
            env.get("FIREBASE_STORAGE_EMULATOR_HOST"),
            env.get("FIREBASE_AUTH_EMULATOR_HOST"),
        )


class Http:
    """One connection to a service, closed at the end of a `with`. BadInput when the stack has no such service."""

    def __init__(self, address: str | None, name: str) -> None:
        if address is None:
            raise BadInput(f"loading a data set: there is no {name} in this stack")
        self._connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_S)
        self._name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def call(
        self,
        verb: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        fine: tuple[int, ...] = (),
    ) -> Any:
        """The parsed answer. BadInput when the service refuses with anything but `fine`."""
        self._connection.request(verb, path, body, {**_OWNER, **(headers or {})})
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 300 and answer.status not in fine:
            reason = data[:500].decode(errors="replace")
            raise BadInput(f"loading a data set: {self._name} refused it with {answer.status}: {reason}")
        return json.loads(data or b"{}")

    def post(self, path: str, body: Any, fine: tuple[int, ...] = ()) -> Any:
        return self.call("POST", path, json.dumps(body), {"Content-Type": "application/json"}, fine)


def holds_nothing(services: Services) -> bool:
    """Whether there is no document in the default database, no object and no account."""
    return not (_has_documents(services) or _has_objects(services) or _has_accounts(services))


def _has_documents(services: Services) -> bool:
    database = Database(services.firestore, services.project)
    query = message("RunQueryRequest")(parent=database.root)
    query.structured_query.from_.add(all_descendants=True)
    query.structured_query.limit.value = 1
    with database.channel() as channel:
        call = channel.unary_stream(
            "/google.firestore.v1.Firestore/RunQuery",
            request_serializer=None,
            response_deserializer=message("RunQueryResponse").FromString,
        )
        answers = call(query.SerializeToString(), timeout=_TIMEOUT_S, metadata=database.metadata)
        return any(answer.HasField("document") for answer in answers)


def _has_objects(services: Services) -> bool:
    if services.storage is None:
        return False
    storage = Http(services.storage, "Cloud Storage")
    buckets = storage.call("GET", f"/storage/v1/b?project={quote(services.project)}").get("items", ())
    return any(
        storage.call("GET", f"/storage/v1/b/{bucket['name']}/o?maxResults=1").get("items")
        for bucket in buckets
    )


def _has_accounts(services: Services) -> bool:
    if services.auth is None:
        return False
    path = f"/identitytoolkit.googleapis.com/v1/projects/{services.project}/accounts:batchGet?maxResults=1"
    return bool(Http(services.auth, "Auth").call("GET", path).get("users"))
