"""Reading the kept state at the start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from emulators.auth.realms import Realm, Realms, Tenant
from emulators.auth.records import (
    ACCOUNT,
    CODE,
    FORMAT,
    REALM,
    read_account,
    read_code,
    read_realm,
)
from emulators.journal import claim
from shared.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from emulators.journal import Journal
    from emulators.shelf import Shelf

    T = TypeVar("T")


def load(shelf: Shelf, journal: Journal) -> Realms:
    """All realms of the shelf. Raises BadInput when it is another service's, Corrupt when a row is damaged."""
    claim(shelf, FORMAT)
    try:
        return _load(shelf, journal)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Corrupt(
            f"reading {shelf.path}: a row is damaged: {type(problem).__name__}",
            hint="bring the directory back from an export, or choose another",
        ) from problem


def _load(shelf: Shelf, journal: Journal) -> Realms:
    realms = Realms(journal)
    for key, row in shelf.items(REALM):
        project, tenant = json.loads(key.decode())
        parameters = read_realm(row)
        parent = realms.project(project)
        realm: Realm = parent
        if tenant is not None:
            realm = parent.tenants[tenant] = Tenant(parent, tenant, {}, journal)
        realm.set(settings=parameters.settings, providers=parameters.providers, scheme=parameters.scheme)
    for place, accounts in _grouped(shelf, ACCOUNT, read_account):
        realms.find(*place).accounts.load(accounts)
    for place, codes in _grouped(shelf, CODE, read_code):
        realms.find(*place).codes.load(codes)
    return realms


def _grouped(
    shelf: Shelf, kind: str, read: Callable[[bytes], T]
) -> Iterator[tuple[tuple[str, str | None], list[T]]]:
    """What each realm has."""
    found: dict[tuple[str, str | None], list[T]] = {}
    for key, row in shelf.items(kind):
        project, tenant, _ = json.loads(key.decode())
        found.setdefault((project, tenant), []).append(read(row))
    yield from found.items()
