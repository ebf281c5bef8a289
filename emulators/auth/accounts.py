"""The accounts of one realm: records by uid in order, found by e-mail, phone number and provider.

A record is the service's JSON for an account without its password, and is replaced as a whole, never changed.
Several accounts may share an e-mail or a number (imports do not check); the first of them is the one found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from sortedcontainers import SortedDict

from emulators.auth.shapes import to_base64

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emulators.auth.hashing import Scheme, Secret
    from emulators.auth.keeping import Keeping

    Record = dict[str, Any]

# "REDACTED" in base64: what the service shows to those who may not see hashes.
REDACTED = "UkVEQUNURUQ="


@dataclass(frozen=True, slots=True)
class Account:
    """`order` says which of those that share an e-mail came first."""

    record: Record
    secret: Secret | None = None
    order: int = field(default=0, compare=False)

    @property
    def uid(self) -> str:
        return str(self.record["localId"])

    def get(self, name: str) -> Any:
        return self.record.get(name)

    @property
    def disabled(self) -> bool:
        return bool(self.record.get("disabled"))

    def shown(self, native: Scheme | None) -> Record:
        """The record as an answer. With `native`, the realm's own scheme, hashes are shown: an imported
        password of another scheme has an empty one until its first sign-in. Without, they are redacted."""
        if self.secret is None:
            return self.record
        if native is None:
            return {**self.record, "passwordHash": REDACTED}
        known = self.secret.scheme == native
        shown = {"passwordHash": to_base64(self.secret.hash) if known else ""}
        return {**self.record, **shown, "salt": to_base64(self.secret.salt) if known else ""}


class Accounts:
    """`keeping` is told of each change, and how it can be taken back."""

    def __init__(self, keeping: Keeping | None = None) -> None:
        self._keeping = keeping
        self._accounts: SortedDict = SortedDict()
        self._index: dict[tuple[str, str], dict[str, None]] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._accounts)

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def get(self, uid: str) -> Account | None:
        found: Account | None = self._accounts.get(uid)
        return found

    def by_email(self, email: str) -> Account | None:
        return self._first(("email", email))

    def by_phone(self, number: str) -> Account | None:
        return self._first(("phone", number))

    def by_provider(self, provider: str, raw_id: str) -> Account | None:
        return self._first((f"provider:{provider}", raw_id))

    def page(self, after: str, size: int) -> list[Account]:
        """At most `size` accounts whose uid is greater than `after`, in order of uid."""
        keys = self._accounts.irange(after or None, inclusive=(False, False))
        return [self._accounts[key] for key in islice(keys, size)]

    def put(self, record: Record, secret: Secret | None) -> Account:
        """Stores the account in the place of any other of its uid."""
        self._last += 1
        account = Account(_with_own_providers(record, secret), secret, self._last)
        old = self._take(account.uid)
        self._add(account)
        if self._keeping is not None:
            self._keeping.account(account.uid, account, partial(self._again, account.uid, old))
        return account

    def remove(self, uid: str) -> None:
        old = self._take(uid)
        if old is not None and self._keeping is not None:
            self._keeping.account(uid, None, partial(self._again, uid, old))

    def clear(self) -> None:
        old = self._accounts, self._index
        self._accounts, self._index = SortedDict(), {}
        if self._keeping is not None:
            self._keeping.no_accounts(old[0], partial(self._refill, *old))

    def load(self, accounts: Iterable[Account]) -> None:
        """Accounts as they were when they were put, in any order."""
        ordered = sorted(accounts, key=lambda account: account.order)
        self._accounts.update({account.uid: account for account in ordered})
        for account in ordered:
            for key in _keys(account.record):
                self._index.setdefault(key, {})[account.uid] = None
        self._last = ordered[-1].order if ordered else 0

    def _refill(self, accounts: SortedDict, index: dict[tuple[str, str], dict[str, None]]) -> None:
        self._accounts, self._index = accounts, index

    def _add(self, account: Account) -> None:
        self._accounts[account.uid] = account
        for key in _keys(account.record):
            self._index.setdefault(key, {})[account.uid] = None

    def _take(self, uid: str) -> Account | None:
        account: Account | None = self._accounts.pop(uid, None)
        for key in _keys(account.record) if account else ():
            uids = self._index[key]
            uids.pop(uid, None)
            if not uids:
                del self._index[key]
        return account

    def _again(self, uid: str, old: Account | None) -> None:
        """Takes a change back: the account is as it was, also among those that share something with it."""
        self._take(uid)
        if old is None:
            return
        self._add(old)
        for key in _keys(old.record):
            uids = sorted(self._index[key], key=lambda each: self._accounts[each].order)
            self._index[key] = dict.fromkeys(uids)

    def _first(self, key: tuple[str, str]) -> Account | None:
        uids = self._index.get(key)
        return self._accounts[next(iter(uids))] if uids else None


def _keys(record: Record) -> set[tuple[str, str]]:
    keys = {
        (f"provider:{info['providerId']}", info["rawId"])
        for info in record.get("providerUserInfo", ())
        if info["providerId"] not in {"password", "phone"}
    }
    if email := record.get("email"):
        keys.add(("email", email))
    if number := record.get("phoneNumber"):
        keys.add(("phone", number))
    return keys


def _with_own_providers(record: Record, secret: Secret | None) -> Record:
    """A password and a phone number are providers too; their entries follow from the rest of the record."""
    given = record.get("providerUserInfo", ())
    infos = [info for info in given if info["providerId"] not in {"password", "phone"}]
    email, number = record.get("email"), record.get("phoneNumber")
    if email and (secret or record.get("emailLinkSignin")):
        own = {"providerId": "password", "rawId": email, "email": email, "federatedId": email}
        shared = {name: record[name] for name in ("displayName", "photoUrl") if name in record}
        infos.append({**own, **shared})
    if number:
        infos.append({"providerId": "phone", "rawId": number, "phoneNumber": number})
    rest = {name: value for name, value in record.items() if value is not None and name != "providerUserInfo"}
    shown = {"emailVerified": False, "disabled": False, **rest}
    return {**shown, "providerUserInfo": infos} if infos else shown
