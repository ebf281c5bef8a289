"""The wrapped keys of a repository: told without opening it, added, replaced and removed by who can open it.

A key is proven before it counts, and before another goes. Whatever dies and whoever else is at it, a key that opened
before opens after, or the one that took its place does: `docs/format.md` has the order of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from shared.errors import BadInput, Conflict, Corrupt, Denied, IntegrityError, Missing, NotFound
from shared.format.config import parse_config
from shared.format.seal import RandomBytes
from shared.keys.contract import Keyring, Wrapped
from shared.providers.contract import Provider
from shared.repository.layout import KEYS, REMOVALS, get_named, put_named
from shared.repository.master import config_bytes, decode_wrapped, encode_wrapped, open_config


@dataclass(frozen=True)
class KeyEntry:
    """One wrapped key. `id` is its object's name; `wrapped` is None when it is damaged, and `removing` is whether a
    removal was begun."""

    id: str
    created: datetime
    wrapped: Wrapped | None
    removing: bool = False


@dataclass(frozen=True)
class Replaced:
    """What `replace` did: the new key's id, whether it was made now, and the ids of those it took the place of."""

    id: str
    made: bool
    removed: tuple[str, ...]


def list_keys(provider: Provider) -> list[KeyEntry]:
    """The wrapped keys of the repository here, oldest first; no key is needed. NotFound when there is no repository."""
    repository = parse_config(config_bytes(provider)).repository.hex()
    removals = {found.key.removeprefix(REMOVALS).partition("/")[0] for found in provider.list(REMOVALS)}
    entries = _entries(provider, repository, removals)
    return sorted(entries, key=lambda entry: (entry.created, entry.id))


def _entries(provider: Provider, repository: str, removals: set[str]) -> Iterator[KeyEntry]:
    for found in provider.list(KEYS):
        key_id = found.key.removeprefix(KEYS)
        try:
            owner, wrapped = decode_wrapped(get_named(provider, found.key), f"object {found.key}")
        except Missing:
            continue  # Somebody removed it since it was listed.
        except IntegrityError:
            yield KeyEntry(key_id, found.modified, None, key_id in removals)
            continue
        if owner == repository:
            yield KeyEntry(key_id, found.modified, wrapped, key_id in removals)


class Keychain:
    """Made by `open`, with one key that opens the repository. Holds the master key while it lives."""

    def __init__(self, provider: Provider, repository: bytes, master: bytes, random: RandomBytes) -> None:
        self.repository = repository.hex()
        self._provider = provider
        self._context = repository
        self._master = master
        self._random = random

    @classmethod
    def open(cls, provider: Provider, present: Sequence[Keyring], random: RandomBytes) -> Self:
        """As `Repository.open`, but nothing is read that keys have no part in. BadInput without encryption."""
        config, master = open_config(provider, present)
        if not config.options.encryption:
            raise BadInput("the repository is not encrypted: it has no keys")
        return cls(provider, config.repository, master, random)

    def entries(self) -> list[KeyEntry]:
        """As `list_keys`."""
        return list_keys(self._provider)

    def opened_by(self, ring: Keyring) -> list[KeyEntry]:
        """The wrapped keys that this keyring opens, those whose removal was begun among them."""
        return [entry for entry in self.entries() if self._opens(ring, entry)]

    def add(self, ring: Keyring) -> str:
        """Wrap the master key by one more keyring, once it is proven to open what it wraps; the new id."""
        wrapped = ring.wrap(self._master, self._context)
        if ring.unwrap(wrapped, self._context) != self._master:
            raise Corrupt("the new key does not open what it has just wrapped", hint="choose another key")
        key = put_named(self._provider, KEYS, encode_wrapped(wrapped, self._context))
        get_named(self._provider, key)
        return key.removeprefix(KEYS)

    def replace(self, old: Keyring, new: Keyring, *, again: bool) -> Replaced:
        """The keys that `old` opens give way to one for `new`.

        With `again`, `new` may be the same keyring, and always wraps anew; otherwise a key that it opens already, from
        an attempt that died, is taken. Conflict when the two are one and the same.
        """
        outdated = [entry.id for entry in self.opened_by(old)]
        found = [] if again else [entry.id for entry in self.opened_by(new) if not entry.removing]
        if set(found) & set(outdated):
            raise Conflict("the new key is the old one: nothing was changed", hint="give another one")
        added = found[0] if found else self.add(new)
        for key_id in outdated:
            self.remove(key_id, [new])
        return Replaced(added, not found, tuple(outdated))

    def find(self, name: str) -> KeyEntry:
        """The one whose id begins so. NotFound when none does, BadInput when several do."""
        found = [entry for entry in self.entries() if name and entry.id.startswith(name)]
        if not found:
            raise NotFound(f"no key's id begins with {name[:80]!r}", hint="`firekeep key list` tells them")
        if len(found) > 1:
            raise BadInput(f"the ids of {len(found)} keys begin with {name}", hint="write more of it")
        return found[0]

    def remove(self, key_id: str, trusted: Sequence[Keyring], *, force: bool = False) -> None:
        """Remove a wrapped key, once one of those left is proven to open by `trusted`.

        Conflict for the last one; Denied when `trusted` opens none of those left, unless `force`.
        """
        removal = f"{REMOVALS}{key_id}/{self._random(16).hex()}"
        self._provider.put(removal, b"")
        try:
            self._check_rest(key_id, trusted, force)
            self._provider.delete(KEYS + key_id)
        except (Conflict, Denied):
            self._provider.delete(removal)
            raise
        self._tidy()

    def _tidy(self) -> None:
        """Removals of keys that are gone, whoever began them, have nothing left to tell."""
        begun = [found.key for found in self._provider.list(REMOVALS)]
        there = {found.key.removeprefix(KEYS) for found in self._provider.list(KEYS)}
        for key in begun:
            if key.removeprefix(REMOVALS).partition("/")[0] not in there:
                self._provider.delete(key)

    def _check_rest(self, key_id: str, trusted: Sequence[Keyring], force: bool) -> None:
        """That a key is left. Whatever anybody is removing is not: they may not see ours before theirs is gone."""
        rest = [
            entry
            for entry in self.entries()
            if entry.id != key_id and not entry.removing and entry.wrapped is not None
        ]
        if not rest:
            raise Conflict(
                f"key {key_id[:12]} is the last one: without it nothing can ever be restored",
                hint="add another one first; `firekeep key list` tells whether somebody else removes one now",
            )
        if not force and not any(self._opens(ring, entry) for entry in rest for ring in trusted):
            raise Denied(
                f"key {key_id[:12]} is the only one that opens with the key given now",
                hint="open with another one, or add --force when you are sure that you have one",
            )

    def _opens(self, ring: Keyring, entry: KeyEntry) -> bool:
        if entry.wrapped is None:
            return False
        try:
            return ring.unwrap(entry.wrapped, self._context) == self._master
        except (Denied, BadInput, NotFound):
            return False
