"""Accounts by their ids, or by what only one account may have: as they are now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.errors import Corrupt
from shared.format import user
from shared.sources.users.accounts import Resource, hidden, uid_of
from shared.sources.users.listing import Lister
from shared.sources.users.realms import Realms
from shared.sources.users.service import Service

_MOST = 100
"""Ids, addresses and so on in one request."""

Identifier = tuple[str, ...]
"""`("email", ADDRESS)`, `("phone", NUMBER)` or `("provider", PROVIDER, ID)`."""


def identifiers(fields: Resource) -> set[Identifier]:
    """What an account has that no other one may have."""
    found: set[Identifier] = {
        ("provider", info["providerId"], info["rawId"])
        for info in user.federated(fields)
        if "providerId" in info and "rawId" in info
    }
    if fields.get("email"):
        found.add(("email", fields["email"].lower()))
    if fields.get("phoneNumber"):
        found.add(("phone", fields["phoneNumber"]))
    return found


class Finder:
    """Look-ups by hundreds, several at once."""

    def __init__(self, service: Service, realms: Realms, lister: Lister, threads: int) -> None:
        self._service = service
        self._realms = realms
        self._lister = lister
        self._threads = threads

    def now(self, realm: str, uids: Iterable[str]) -> dict[str, Resource]:
        """Those that are there, by id. Hashes may be hidden even from who may see them."""
        asked = list(dict.fromkeys(uids))
        bodies = [{"localId": group} for group in _groups(asked)]
        return {uid_of(one): one for found in self._asked(realm, bodies) for one in found}

    def with_hashes(self, realm: str, uids: Iterable[str]) -> dict[str, Resource]:
        """The same with what only a list tells: where hashes are hidden, the realm is listed until all are found."""
        found = self.now(realm, uids)
        missing = {uid for uid, one in found.items() if hidden(one)}
        pages = self._lister.pages(realm) if missing else iter(())
        for page in pages:
            for one in page:
                if uid_of(one) in missing:
                    found[uid_of(one)] = one
                    missing.discard(uid_of(one))
            if not missing:
                break
        # Those that the list no longer has were deleted meanwhile.
        return {uid: one for uid, one in found.items() if uid not in missing}

    def holders(self, realm: str, wanted: Iterable[Identifier]) -> dict[Identifier, str]:
        """Which account has each of these, where one has."""
        bodies = [_body(group) for group in _groups(sorted(wanted))]
        return {
            identifier: uid_of(one)
            for found in self._asked(realm, bodies)
            for one in found
            for identifier in identifiers(one)
        }

    def _asked(self, realm: str, bodies: Sequence[dict[str, Any]]) -> Iterator[list[Resource]]:
        path = self._realms.path(realm, "lookup")

        def ask(body: dict[str, Any]) -> list[Resource]:
            users = self._service.ask(path, "looking up accounts", body).get("users", [])
            if not isinstance(users, list) or not all(isinstance(one, dict) for one in users):
                raise Corrupt("looking up accounts: the answer holds no list of accounts")
            return users

        if len(bodies) < 2:
            yield from map(ask, bodies)
            return
        with ThreadPoolExecutor(min(self._threads, len(bodies)), "look-up") as pool:
            yield from pool.map(ask, bodies)


def _groups(items: Sequence[Any]) -> list[list[Any]]:
    return [list(items[at : at + _MOST]) for at in range(0, len(items), _MOST)]


def _body(group: Iterable[Identifier]) -> dict[str, Any]:
    body: dict[str, Any] = {"email": [], "phoneNumber": [], "federatedUserId": []}
    for kind, *rest in group:
        if kind == "provider":
            body["federatedUserId"].append({"providerId": rest[0], "rawId": rest[1]})
        else:
            body["email" if kind == "email" else "phoneNumber"].append(rest[0])
    return {name: items for name, items in body.items() if items}
