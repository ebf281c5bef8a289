"""All accounts of a realm, page after page, as the service lists them or sorted.

The service can only be asked for the page after a page: whoever wants the accounts behind a key has to pass over all
before it, at a thousand a request.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import Corrupt, Incomplete
from shared.format import user
from shared.sources.contract import Batch
from shared.sources.users.accounts import Resource, denied, fields_of, hidden, uid_of
from shared.sources.users.realms import Realms
from shared.sources.users.service import Service
from shared.sources.users.sorting import in_order

PAGE = 1000
_DOING = "listing the accounts"
_EMPTY_MOST = 100


class Lister:
    """`without_hashes` goes on where hashes are not told; otherwise that is Denied."""

    def __init__(self, service: Service, realms: Realms, *, without_hashes: bool, run_bytes: int) -> None:
        self._service = service
        self._realms = realms
        self._without_hashes = without_hashes
        self._run_bytes = run_bytes

    def pages(self, realm: str, size: int = PAGE) -> Iterator[list[Resource]]:
        """A token is not a promise of more, and an empty page not the end. Corrupt when the tokens go in a circle."""
        query: dict[str, str | int] = {"maxResults": size}
        empty = 0
        while True:
            answer = self._service.ask(self._realms.path(realm, "batchGet"), _DOING, None, query)
            users = answer.get("users", [])
            if not isinstance(users, list) or not all(isinstance(one, dict) for one in users):
                raise Corrupt(f"{_DOING}: the answer holds no list of accounts")
            yield users
            token, before = answer.get("nextPageToken"), query.get("nextPageToken")
            empty = 0 if users else empty + 1
            if not token or (not users and token == before):
                return
            if token == before or empty > _EMPTY_MOST:
                raise Corrupt(f"{_DOING}: the service answers with the same page for ever")
            query["nextPageToken"] = str(token)

    def value(self, realm: str, resource: Resource) -> bytes:
        """The record of an account as it was listed. Denied as the class says."""
        if not self._without_hashes and hidden(resource):
            raise denied(uid_of(resource))
        return user.encode(fields_of(resource, self._realms.found_as(realm)))

    def listed(self, realm: str, start: bytes, end: bytes, after: bytes) -> Iterator[Batch]:
        """The records of a range behind a key. Incomplete when the service does not list in key order."""
        last = b""
        for page in self.pages(realm):
            keys = [self._key(realm, one) for one in page]
            for key in keys:
                if key <= last:
                    raise Incomplete(
                        "listing the accounts: they did not come in the order of their ids",
                        hint="they can be sorted instead; nothing was committed",
                    )
                last = key
            chosen = [number for number, key in enumerate(keys) if _within(key, start, end, after)]
            if chosen:
                yield (
                    [keys[number] for number in chosen],
                    [self.value(realm, page[number]) for number in chosen],
                )
            if end and last >= end:
                return

    def gathered(self, realm: str, start: bytes, end: bytes, after: bytes) -> Iterator[Batch]:
        """The same whatever the service's order: everything is listed, and sorted on disk, before the first comes."""
        records = (
            (key, self.value(realm, one))
            for page in self.pages(realm)
            for one in page
            if _within(key := self._key(realm, one), start, end, after)
        )
        batch: Batch = ([], [])
        for key, value in in_order(records, self._run_bytes):
            batch[0].append(key)
            batch[1].append(value)
            if len(batch[0]) == PAGE:
                yield batch
                batch = ([], [])
        if batch[0]:
            yield batch

    def check_hashes(self) -> None:
        """See that hashes are told, by the first page of the first realm in which somebody has a password."""
        for realm in () if self._without_hashes else self._realms.known():
            page = next(self.pages(realm))
            unseen = next((one for one in page if hidden(one)), None)
            if unseen is not None:
                raise denied(uid_of(unseen))
            if any(one.get("passwordHash") for one in page):
                return

    def _key(self, realm: str, resource: Resource) -> bytes:
        return self._realms.key(self._realms.found_as(realm), uid_of(resource))


def _within(key: bytes, start: bytes, end: bytes, after: bytes) -> bool:
    return key >= start and key > after and (not end or key < end)
