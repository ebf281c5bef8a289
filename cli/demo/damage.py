"""A bad night: what people do to their databases, done to the demonstration's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from emulators.datasets.load import Database, commit_writes, put_documents
from emulators.datasets.values import Document, encoded
from emulators.datasets.wire import deletion, write

_MIGRATED = 10_000
_EVERY = 50
_JUNK = 500
_EDITED = 80

Documents = Mapping[str, bytes]


@dataclass(frozen=True)
class Damage:
    """How many documents were lost with their collection, lost singly, rewritten, and added."""

    collection: str
    dropped: int
    deleted: int
    rewritten: int
    added: int


def edit(database: Database, documents: Documents) -> dict[str, bytes]:
    """An ordinary day: a few documents, far from one another, get a new value. The documents as they are then."""
    cities = [path for path in documents if _is_city(path)]
    edited = {path: _changed(documents[path], _grow) for path in cities[:: max(len(cities) // _EDITED, 1)]}
    put_documents(database, edited)
    return {**documents, **edited}


def damage(database: Database, documents: Documents) -> Damage:
    """Drop a collection, let a migration go wrong, delete here and there, leave junk behind."""
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
    return Damage("airports", len(dropped), len(deleted), len(rewritten), len(added))


def tamper(database: Database, documents: Documents) -> None:
    """Change a single number in a single document, as nobody would notice."""
    path = next(path for path in documents if _is_city(path))
    put_documents(database, {path: _changed(documents[path], _grow)})


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
