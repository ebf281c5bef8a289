"""Brings back what is damaged or missing in a repository from another place that has it; see `remake` for the rest.

Nothing counts that is not exactly what it was: an object must have the hash its name promises. What is whole
is never touched, and a damaged object is replaced only by its whole self.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.errors import Conflict, FirekeepError
from shared.format.manifest import open_manifest
from shared.providers.contract import Provider
from shared.repository import Repository
from shared.repository.checking.steps import Steps
from shared.repository.findings import Finding, Tally
from shared.repository.layout import INDEX, PACKS, SNAPSHOTS, get_named

_ROUNDS: Final = 4
"""A mended index shows packs that nobody had looked for."""


@dataclass(frozen=True)
class Elsewhere:
    """Another place that may hold the same objects, and how messages call it."""

    name: str
    provider: Provider


@dataclass
class Repaired:
    """What was done, in lines for people."""

    copied: list[str] = field(default_factory=list)
    """Objects, each with the place it came from."""
    remade: list[str] = field(default_factory=list)
    """Leaves and files that were made anew from what is live."""


def mend(
    repository: Repository, others: Sequence[Elsewhere], snapshots: Sequence[str], done: Repaired
) -> None:
    """Copy into this place, opened alone and for salvage, what is damaged here and whole in one of the others."""
    for _ in range(_ROUNDS):
        keys = {finding.key for finding in findings_of(repository, snapshots)}
        mended = [_mended(repository, key, others) for key in _expanded(keys, others)]
        if not any(mended):
            return
        done.copied += filter(None, mended)
        repository.refresh()


def findings_of(repository: Repository, snapshots: Sequence[str]) -> list[Finding]:
    """Everything that is wrong with these snapshots, every byte that they need read."""
    steps = Steps(repository, Tally())
    found = steps.frame()
    needed: set[bytes] = set()
    for snapshot in snapshots:
        needed |= steps.walk(snapshot)[1]
    found += steps.look(sorted(needed))
    for snapshot in snapshots:
        found += steps.walk(snapshot)[0]
    return list(dict.fromkeys(found))


def _expanded(keys: Iterable[str], others: Sequence[Elsewhere]) -> Iterator[str]:
    """The keys of objects; where no index names a blob, those of all indexes that the others have."""
    for key in sorted(keys):
        if key == INDEX:
            yield from sorted({found.key for other in others for found in other.provider.list(INDEX)})
        elif key.startswith((INDEX, PACKS, SNAPSHOTS)) and not key.endswith("/"):
            yield key


def _mended(repository: Repository, key: str, others: Sequence[Elsewhere]) -> str:
    """What was done for this object; empty when it is whole, or nobody has it."""
    if _whole_in(repository, repository.store.provider, key) is not None:
        return ""
    for other in others:
        data = _whole_in(repository, other.provider, key)
        if data is not None:
            _replace(repository.store.provider, key, data)
            if _whole_in(repository, repository.store.provider, key) is not None:
                return f"{key}, from {other.name}"
    return ""


def _whole_in(repository: Repository, provider: Provider, key: str) -> bytes | None:
    """The object's bytes, proven; None when they are not there whole, or cannot be read."""
    try:
        if not key.startswith(SNAPSHOTS):
            return get_named(provider, key)
        data = provider.get(key)
        open_manifest(key.removeprefix(SNAPSHOTS), data, repository.store.sealer)
    except FirekeepError:
        return None
    return data


def _replace(provider: Provider, key: str, data: bytes) -> None:
    try:
        provider.put(key, data)
    except Conflict:
        provider.put(key, data, provider.stat(key).version)
