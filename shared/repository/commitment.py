"""Before a snapshot becomes visible: everything it needs is stored, and nothing of it is about to be deleted.

A writer may have left out a blob because the repository had it, in a pack that has been marked since, or that is gone
by now. What lies only in marked packs is stored anew; what is gone fails the commit. docs/adr/0004 has the argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from shared.errors import Conflict, Missing
from shared.format.manifest import Manifest
from shared.repository.layout import PACKS, hash_in
from shared.repository.marks import doomed, load_marks
from shared.repository.reach import Blob, Reach
from shared.repository.store import Store
from shared.repository.writer import Writer

_ATTEMPTS = 3

Find = Callable[[str], Manifest | None]
"""A snapshot by its id, read now; None when there is none."""


def make_lasting(store: Store, manifest: Manifest, find: Find) -> None:
    """Returns when the snapshot may be put. Conflict when something it needs was deleted meanwhile."""
    parent = find(manifest.parent) if manifest.parent else None
    needed = _needed(store, manifest, parent)
    for _ in range(_ATTEMPTS):
        marks, _damaged = load_marks(store.provider, store.sealer)
        if parent is not None and find(parent.id) is None:
            # What it had in common with its parent was safe as long as the parent was there.
            parent, needed = None, _needed(store, manifest, None)
            continue
        store.distrust(doomed(marks.values()) | _vanished(store))
        endangered = [blob for blob in needed if not store.lasting(blob.id)]
        if not endangered:
            return
        _store_anew(store, manifest.id, endangered)
    raise _gone(manifest.id)


def _needed(store: Store, manifest: Manifest, parent: Manifest | None) -> list[Blob]:
    try:
        return list(_reached(Reach(store), manifest, parent))
    except Missing as error:
        raise _gone(manifest.id) from error


def _reached(reach: Reach, manifest: Manifest, parent: Manifest | None) -> Iterator[Blob]:
    for content, root in manifest.roots.items():
        old = parent.roots.get(content) if parent else None
        yield from reach.root(content, root) if old is None else reach.unshared(content, old, root)


def _vanished(store: Store) -> frozenset[bytes]:
    """Packs that the index names, and that are not there."""
    listed = {hash_in(found.key): found.size for found in store.provider.list(PACKS)}
    return frozenset(pack for pack, size in store.index.packs() if listed.get(pack) != size)


def _store_anew(store: Store, snapshot: str, blobs: Iterable[Blob]) -> None:
    try:
        with Writer(store) as writer:
            for blob in blobs:
                writer.put(blob.kind, store.get(blob.kind, blob.id))
            writer.flush()
    except Missing as error:
        raise _gone(snapshot) from error


def _gone(snapshot: str) -> Conflict:
    return Conflict(
        f"snapshot {snapshot} was not committed: something it shares with earlier ones is no longer stored",
        hint="a rotation deleted it: start the backup again, and let FIREKEEP_COLLECT_GRACE_HOURS be longer than one",
    )
