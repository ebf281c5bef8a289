"""Pins: snapshots that no rule may drop, until somebody takes the pin back.

`pins/<snapshot id>`, sealed: when, who, why. They lie beside the snapshots, so that they outlive the catalog. Whatever
has the name of a pin is one, readable or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.errors import BadInput, Conflict, NotFound
from shared.format.canonical import decode, encode, instant_text, only, parse_instant
from shared.repository.layout import checked_id
from shared.repository.repository import Repository

PINS: Final = "pins/"
LABEL: Final = b"firekeep/1/pin/"
_LONGEST = 1_000


@dataclass(frozen=True)
class Pin:
    snapshot: str
    at: datetime
    by: str
    reason: str


def pin(repository: Repository, one: Pin) -> bool:
    """Pin a snapshot; False when it is pinned already. NotFound when there is none of this id, then and afterwards."""
    if len(one.reason) > _LONGEST or len(one.by) > _LONGEST:
        raise BadInput(f"the reason of a pin must have at most {_LONGEST} characters")
    repository.manifest(one.snapshot)
    store = repository.store
    body = encode({"at": instant_text(one.at), "by": one.by, "reason": one.reason})
    try:
        store.provider.put(_key(one.snapshot), store.sealer.seal_metadata(_label(one.snapshot), body))
    except Conflict:
        return False
    # A rotation looks at pins before it drops: one that dropped it all the same has done so by now.
    repository.manifest(one.snapshot)
    return True


def unpin(repository: Repository, snapshot: str) -> None:
    """Take a pin back. NotFound when there is none."""
    repository.store.provider.stat(_key(snapshot))
    repository.store.provider.delete(_key(snapshot))


def pinned(repository: Repository) -> set[str]:
    """The ids of what is pinned."""
    return {found.key.removeprefix(PINS) for found in repository.store.provider.list(PINS)}


def is_pinned(repository: Repository, snapshot: str) -> bool:
    try:
        repository.store.provider.stat(_key(snapshot))
    except NotFound:
        return False
    return True


def read_pin(repository: Repository, snapshot: str) -> Pin:
    """NotFound when there is none, Corrupt when it is damaged."""
    what = f"object {_key(snapshot)}"
    sealed = repository.store.provider.get(_key(snapshot))
    body = repository.store.sealer.open_metadata(_label(snapshot), sealed, what)
    fields = only(decode(body, what), {"at", "by", "reason"}, what)
    return Pin(snapshot, parse_instant(fields["at"], what), str(fields["by"]), str(fields["reason"]))


def _key(snapshot: str) -> str:
    return PINS + checked_id(snapshot)


def _label(snapshot: str) -> bytes:
    return LABEL + snapshot.encode()
