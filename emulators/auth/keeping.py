"""What a change in a realm means for the shelf: which row is there, is another, or is gone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from emulators.auth.records import (
    ACCOUNT,
    CODE,
    REALM,
    Parameters,
    account_row,
    code_row,
    pack,
    realm_row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emulators.auth.accounts import Account
    from emulators.auth.codes import Code
    from emulators.journal import Journal

    Undo = Callable[[], object]


class Keeping:
    """Notes the changes of one realm in the journal, each with how it can be taken back."""

    def __init__(self, journal: Journal, project: str, tenant: str | None) -> None:
        self._journal = journal
        self._key = pack([project, tenant])
        self._prefix = self._key[:-1] + b","

    def realm(self, parameters: Parameters | None, undo: Undo) -> None:
        self._note(REALM, self._key, None if parameters is None else partial(realm_row, parameters), undo)

    def account(self, uid: str, account: Account | None, undo: Undo) -> None:
        self._note(
            ACCOUNT, self._inner(uid), None if account is None else partial(account_row, account), undo
        )

    def code(self, name: str, code: Code | None, undo: Undo) -> None:
        self._note(CODE, self._inner(name), None if code is None else partial(code_row, code), undo)

    def no_accounts(self, uids: Iterable[str], undo: Undo) -> None:
        """All of them are gone."""
        self._journal.done(undo)
        for uid in uids:
            self._journal.note(ACCOUNT, self._inner(uid), None)

    def _inner(self, name: str) -> bytes:
        """`[project, tenant, name]`, which no two rows of a kind share, whatever is in the names."""
        return self._prefix + pack(name) + b"]"

    def _note(self, kind: str, key: bytes, value: Callable[[], bytes] | None, undo: Undo) -> None:
        self._journal.note(kind, key, value)
        self._journal.done(undo)
