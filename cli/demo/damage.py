"""A bad night, and a worse one: what happens to apps, done to the demonstration's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from cli.demo.accounts import accounts
from cli.demo.app import App, Services
from cli.demo.reader import every
from emulators.datasets.auth import (
    Auth,
    change_account,
    configure,
    delete_accounts,
    forget_project,
    put_people,
)
from emulators.datasets.bucket import Bucket, delete_files, list_files, patch_file, put_files
from emulators.datasets.load import Database, commit_writes, put_documents
from emulators.datasets.people import People, Person
from emulators.datasets.pictures import LOG, File, Files, log_lines, png
from emulators.datasets.values import Document, encoded
from emulators.datasets.wire import deletion, write

_MIGRATED = 10_000
_EVERY = 50
_JUNK = 500
_EDITED = 80

_GONE = ("photos/CH.jpg", "photos/Zu\u0308rich.png", "photos/nothing.png")
_LOCKED = 5
_APPENDED = 200
_OTHER_KEY = "YW5vdGhlciBwcm9qZWN0IGhhcyBhbm90aGVyIGtleQ=="

Documents = Mapping[str, bytes]


@dataclass(frozen=True)
class Damage:
    """How many documents were lost with their collection, singly, rewritten, and added; how much else is wrong."""

    collection: str
    dropped: int
    deleted: int
    rewritten: int
    added: int
    files: int
    accounts: int
    settings: int

    @property
    def documents(self) -> int:
        """Each was damaged in one way."""
        return self.dropped + self.deleted + self.rewritten + self.added


def edit(services: Services, app: App) -> App:
    """An ordinary day: a few documents, far from one another, and a few files change. The app as it is then."""
    documents = _edit_documents(services.database, app.documents)
    files = _edit_files(services.bucket, app.files)
    people = _edit_people(services.auth, app.people)
    return App(documents, files, accounts(services.auth), app.settings, people)


def damage(services: Services, app: App) -> Damage:
    """Drop a collection, let a migration go wrong, delete here and there, lock files and people out, leave junk."""
    files = _damage_files(services.bucket, app.files)
    people = _damage_people(services.auth)
    configure(services.auth, {"authorizedDomains": ["localhost", "evil.example.org"]})
    return _damage_documents(services.database, app.documents, (files, people, 1))


def lose(services: Services) -> None:
    """Everything: each document, those of the backup system too, each file and account, and how people sign in."""
    database, bucket = services.database, services.bucket
    paths = [path for path, _ in every(database)]
    commit_writes(database, (deletion(f"{database.root}/{path}") for path in paths))
    delete_files(bucket, list_files(bucket))
    forget_project(services.auth, _OTHER_KEY)


def tamper(services: Services, app: App, what: str) -> None:
    """Change one number in one document, one bit of one file, or one claim of one account, as nobody would notice."""
    if what == "file":
        name = next(name for name, file in app.files.items() if file.data)
        file = app.files[name]
        put_files(services.bucket, {name: replace(file, data=file.data[:-1] + bytes((file.data[-1] ^ 1,)))})
    elif what == "account":
        claims = app.accounts["editor"]["customAttributes"].replace('"level": 3', '"level": 4')
        change_account(services.auth, "editor", {"customAttributes": claims})
    else:
        path = next(path for path in app.documents if _is_city(path))
        put_documents(services.database, {path: _changed(app.documents[path], _grow)})


def _edit_files(bucket: Bucket, files: Files) -> Files:
    """One is replaced, one grows, one is new, of one only the attributes change, and one goes."""
    replaced, gone, told = "photos/AR.png", "private/contract.pdf", "photos/AT.jpg"
    log = files[LOG]
    longer = log.data + log_lines(log.data.count(b"\n"), _APPENDED)
    new = {
        replaced: replace(files[replaced], data=png(99, "another day")),
        LOG: replace(log, data=longer),
        "photos/new.png": File(png(50, "new"), {"contentType": "image/png", "storageClass": "STANDARD"}),
    }
    put_files(bucket, new)
    patch_file(bucket, told, {"cacheControl": "no-store"})
    delete_files(bucket, [gone])
    patched = replace(files[told], fields={**files[told].fields, "cacheControl": "no-store"})
    return {name: file for name, file in {**files, **new, told: patched}.items() if name != gone}


def _damage_files(bucket: Bucket, files: Files) -> int:
    """How many are wrong then."""
    locked = {name: File(b"LOCKED", {"contentType": "text/plain"}) for name in [*files][:_LOCKED]}
    put_files(bucket, {**locked, "READ_ME.txt": File(b"pay", {"contentType": "text/plain"})})
    gone = [name for name in _GONE if name not in locked]
    delete_files(bucket, gone)
    return len(locked) + len(gone) + 1


def _edit_people(auth: Auth, people: People) -> People:
    """One chooses another password, one is promoted, one comes and one goes."""
    new = Person({"email": "new@example.org", "displayName": "new"}, "brand-new-here")
    moved = replace(people["traveller-03"], password="much better than before")  # noqa: S106  # an example
    put_people(auth, {"new": new})
    change_account(auth, "traveller-03", {"password": moved.password})
    change_account(auth, "traveller-04", {"customAttributes": '{"role": "guide"}'})
    delete_accounts(auth, ["traveller-05"])
    everybody = {**people, "traveller-03": moved, "new": new}
    return {uid: person for uid, person in everybody.items() if uid != "traveller-05"}


def _damage_people(auth: Auth) -> int:
    """How many are wrong then."""
    delete_accounts(auth, ["careful", "traveller-00"])
    change_account(auth, "traveller-01", {"customAttributes": '{"role": "editor"}'})
    change_account(auth, "traveller-02", {"email": "thief@example.org", "password": "mine-now"})
    put_people(auth, {"junk": Person({"email": "junk@example.org"}, "junk-junk")})
    return 5


def _edit_documents(database: Database, documents: Documents) -> dict[str, bytes]:
    cities = [path for path in documents if _is_city(path)]
    edited = {path: _changed(documents[path], _grow) for path in cities[:: max(len(cities) // _EDITED, 1)]}
    put_documents(database, edited)
    return {**documents, **edited}


def _damage_documents(database: Database, documents: Documents, others: tuple[int, int, int]) -> Damage:
    dropped = [path for path in documents if path.startswith("airports/")]
    languages = [path for path in documents if path.startswith("languages/")]
    singles = ("countries/CH", "types/all", "missing/nobody/kept/one", *languages[::_EVERY])
    deleted = [path for path in singles if path in documents]
    cities = islice((path for path in documents if _is_city(path)), _MIGRATED)
    rewritten = {path: _changed(documents[path], _migrate) for path in cities}
    types = [path for path in documents if path.startswith("types/") and path not in deleted]
    rewritten |= {path: _changed(documents[path], _flatten) for path in types}
    junk = [*(f"junk/{number}" for number in range(_JUNK)), "countries/CH/cities/junk", "types/all/junk/1"]
    added = dict.fromkeys(junk, encoded({"junk": True}, database.root))
    commit_writes(database, _writes(database, [*dropped, *deleted], {**rewritten, **added}))
    return Damage("airports", len(dropped), len(deleted), len(rewritten), len(added), *others)


def _writes(database: Database, gone: Iterable[str], put: Documents) -> Iterable[bytes]:
    for path in gone:
        yield deletion(f"{database.root}/{path}")
    for path, fields in put.items():
        yield write(f"{database.root}/{path}", fields)


def _is_city(path: str) -> bool:
    return path.startswith("countries/") and "/cities/" in path


def _changed(fields: bytes, change: Callable[[Any], None]) -> bytes:
    document = Document.FromString(fields)
    change(document.fields)
    data: bytes = document.SerializeToString(deterministic=True)
    return data


def _grow(fields: Any) -> None:
    fields["population"].integer_value += 1


def _migrate(fields: Any) -> None:
    """Numbers become text, a reference becomes a path, lists are lost."""
    fields["population"].string_value = str(fields["population"].integer_value)
    fields["country"].string_value = fields["country"].reference_value
    del fields["names"]
    fields["migrated"].boolean_value = True


def _flatten(fields: Any) -> None:
    for name in list(fields):
        fields[name].string_value = "[object Object]"
    fields["flattened"].boolean_value = True
