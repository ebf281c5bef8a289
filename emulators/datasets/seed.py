"""Loads a data set into a stack that serves, over the services' own protocols.

A data set is `world`, a file of documents (`*.jsonl`), or a directory with any of these:
    firestore.jsonl       a document a line: `{"path": "users/ada", "data": {"name": "Ada"}}`, or its exact `fields`
                          as Firestore's REST API has them; `"database"` names one that is not the default
    storage/BUCKET/NAME   objects, by their names
    auth.json             accounts as `firebase auth:export` writes them: `{"users": […]}`; what is beside `users`
                          (`hashAlgorithm`, `signerKey`, …) goes into the request
What is there already under these names is replaced.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
from google.protobuf import json_format

from emulators.datasets.load import Database, commit_writes, load_world
from emulators.datasets.services import Http, Services, holds_nothing
from emulators.datasets.values import encoded
from emulators.datasets.wire import write
from emulators.firestore.schema import message
from emulators.state import StateDirectory
from shared.errors import BadInput, NotFound, Unavailable

WORLD = "world"
_DOCUMENTS, _OBJECTS, _ACCOUNTS = "firestore.jsonl", "storage", "auth.json"
_USERS_AT_ONCE = 1000


def check_seed(what: str) -> None:
    """Raises NotFound or BadInput for what is no data set, before anything is started."""
    path = Path(what)
    if what == WORLD:
        return
    if not path.exists():
        raise NotFound(
            f"loading {what}: there is no such data set, file or directory",
            hint=f"the data set is called {WORLD}; a file is of JSON lines",
        )
    if path.is_dir():
        names = {each.name for each in path.iterdir() if not each.name.startswith(".")}
        if not names or names - {_DOCUMENTS, _OBJECTS, _ACCOUNTS}:
            raise BadInput(
                f"loading {what}: a data set has {_DOCUMENTS}, {_OBJECTS}/ or {_ACCOUNTS}, and nothing else",
                hint="an exported state is a file, for --import",
            )
    elif path.suffix != ".jsonl":
        raise BadInput(
            f"loading {what}: it is neither a directory nor a file of JSON lines (*.jsonl)",
            hint="an exported state is for --import",
        )


def seed_once(what: str, services: Services, state: StateDirectory | None) -> None:
    """Loads a data set where there is nothing yet, or where its loading was cut short; `state` remembers that.

    Raises what `load_seed` does.
    """
    if state is None:
        load_seed(what, services)
    elif state.seeding or holds_nothing(services):
        state.mark_seeding(True)
        load_seed(what, services)
        state.mark_seeding(False)


def load_seed(what: str, services: Services) -> None:
    """Raises BadInput for what cannot be read or is refused, Unavailable when a service does not answer."""
    check_seed(what)
    database = Database(services.firestore, services.project)
    try:
        if what == WORLD:
            _load_world(database)
        elif Path(what).is_file():
            _load_documents(Path(what), database)
        else:
            _load_directory(Path(what), services, database)
    except grpc.RpcError as refusal:
        raise BadInput(f"loading {what}: Firestore refused it: {refusal.details()}") from refusal
    except OSError as problem:
        raise Unavailable(f"loading {what}: {problem}") from problem


def _load_world(database: Database) -> None:
    try:
        load_world(database)
    except ModuleNotFoundError as problem:
        raise BadInput(
            f"loading {WORLD}: the package {problem.name} is not installed",
            hint="pip install 'firekeep[demo]'",
        ) from problem


def _load_directory(path: Path, services: Services, database: Database) -> None:
    if (path / _DOCUMENTS).exists():
        _load_documents(path / _DOCUMENTS, database)
    if (path / _OBJECTS).exists():
        _load_objects(path / _OBJECTS, Http(services.storage, "Cloud Storage"), services.project)
    if (path / _ACCOUNTS).exists():
        _load_accounts(path / _ACCOUNTS, Http(services.auth, "Auth"), services.project)


# Firestore


def _load_documents(file: Path, database: Database) -> None:
    """Databases one after the other, each in the order of the file."""
    names = dict.fromkeys(name for name, _ in _lines(file, database))
    for name in names:
        into = replace(database, database=name)
        commit_writes(into, (made for of, made in _lines(file, database) if of == name))


def _lines(file: Path, database: Database) -> Iterator[tuple[str, bytes]]:
    """Database and encoded `Write` of each line."""
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield _write(json.loads(line), database)
                except (ValueError, TypeError, KeyError, AttributeError, json_format.ParseError) as problem:
                    raise BadInput(
                        f"loading {file}, line {number}: it is not a document",
                        hint='a line is {"path": "users/ada", "data": {…}} or has typed "fields"',
                    ) from problem


def _write(line: dict[str, Any], database: Database) -> tuple[str, bytes]:
    into = replace(database, database=line.get("database", database.database))
    path = str(line["path"]).strip("/")
    if len(path.split("/")) % 2 or line.keys() - {"path", "database", "data", "fields"}:
        raise ValueError("not a document's path, or an unknown key")
    if "fields" in line:
        document = json_format.ParseDict({"fields": line["fields"]}, message("Document")())
        fields: bytes = document.SerializeToString(deterministic=True)
    else:
        fields = encoded(line["data"], into.root)
    return into.database, write(f"{into.root}/{path}", fields)


# Cloud Storage and Auth


def _load_objects(path: Path, storage: Http, project: str) -> None:
    for bucket in sorted(path.iterdir()):
        if not bucket.is_dir():
            raise BadInput(f"loading {path}: {bucket.name} is not a directory, which a bucket is")
        # 409: it is there already.
        storage.post(f"/storage/v1/b?project={quote(project)}", {"name": bucket.name}, fine=(409,))
        for file in sorted(each for each in bucket.rglob("*") if each.is_file()):
            name = quote(file.relative_to(bucket).as_posix(), safe="")
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            headers = {"Content-Type": kind, "Content-Length": str(file.stat().st_size)}
            with file.open("rb") as content:
                target = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name={name}"
                storage.call("POST", target, content, headers)


def _load_accounts(file: Path, auth: Http, project: str) -> None:
    try:
        request = json.loads(file.read_text(encoding="utf-8"))
        users = iter([_account(user) for user in request.pop("users")])
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BadInput(f'loading {file}: it is not {{"users": […]}}') from problem
    path = f"/identitytoolkit.googleapis.com/v1/projects/{project}/accounts:batchCreate"
    while batch := list(islice(users, _USERS_AT_ONCE)):
        answer = auth.post(path, {**request, "allowOverwrite": True, "users": batch})
        for error in answer.get("error", ()):
            uid = batch[error["index"]].get("localId")
            raise BadInput(f"loading {file}: the account {uid!r} is refused: {error['message']}")


def _account(user: dict[str, Any]) -> dict[str, Any]:
    """As the service's import takes it: an export calls one field otherwise."""
    if "lastSignedInAt" not in user:
        return user
    rest = {name: value for name, value in user.items() if name != "lastSignedInAt"}
    return {**rest, "lastLoginAt": user["lastSignedInAt"]}
