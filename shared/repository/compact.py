"""Rewriting what is stored without changing what it says: indexes without dead rows, packs without dead blobs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from shared.errors import Missing
from shared.format.index import MERGE_ROWS, Packs, encode_index, parse_index, row_of
from shared.format.pack import PackBuilder, parse_pack
from shared.format.seal import Sealed
from shared.repository.layout import INDEX, PACKS, get_named, hash_in, pack_key, put_named, put_once
from shared.repository.store import Store
from shared.repository.survey import Homes

_SMALL_BYTES = 1 << 20
_MOST_SMALL = 16
"""As many small index objects may lie about before they are merged."""


def compact_index(store: Store, dead: Collection[bytes], needed: Collection[bytes]) -> list[str]:
    """Put indexes that say the same without packs that are `dead` or not there; the keys that they stand in for.

    Those are the caller's to delete. With nothing dead and few small objects, nothing is put. Missing when a pack that
    is `needed` is not listed: a store that forgets is not one to delete from.
    """
    listed = list(store.provider.list(INDEX))
    small = {found.key for found in listed if found.size < _SMALL_BYTES}
    if len(small) <= _MOST_SMALL:
        small = set()
        if not {pack.id for pack in store.index.packs()} & {*dead} and not _absent(store):
            return []
    named = {found.key: {pack.id for pack in _parsed(store, found.key)[0]} for found in listed}
    # Packs are put before an index names them: listed after the indexes were read, a pack that is not there is gone.
    there = _listed(store)
    if not {*needed} <= there:
        raise Missing(
            "collecting what is not needed: the store no longer lists a pack that is; nothing was deleted"
        )
    staying = there - {*dead}
    merge = [key for key, packs in named.items() if key in small or not packs <= staying]
    new = {put_named(store.provider, INDEX, data) for data in _merged(store, merge, staying)}
    return sorted({*merge} - new)


def _merged(store: Store, keys: Iterable[str], staying: Collection[bytes]) -> Iterator[bytes]:
    """Index objects of at most about as many rows as are sorted at a time."""
    packs: dict[bytes, Packs] = {}
    rows: set[bytes] = set()
    for key in keys:
        named, read = _parsed(store, key)
        kept = {pack.id[:8]: pack for pack in named if pack.id in staying}
        packs |= kept
        rows.update(row for row in read if row[32:40] in kept)
        if len(rows) >= MERGE_ROWS:
            yield encode_index(packs.values(), rows, store.sealer)
            packs, rows = {}, set()
    if rows:
        yield encode_index(packs.values(), rows, store.sealer)


def _parsed(store: Store, key: str) -> tuple[list[Packs], list[bytes]]:
    return parse_index(get_named(store.provider, key), store.sealer, f"object {key}")


def _listed(store: Store) -> set[bytes]:
    return {pack for found in store.provider.list(PACKS) if (pack := hash_in(found.key)) is not None}


def _absent(store: Store) -> bool:
    """Whether an index names a pack that is not there: what died or was deleted left it."""
    there = _listed(store)
    return any(pack.id not in there for pack in store.index.packs())


def repack(store: Store, homes: Homes, packs: Collection[bytes]) -> int:
    """Copy what is at home in these packs into new ones, as it is stored, and index it. Bytes that were copied."""
    builder, stored, rows, copied = PackBuilder(), list[Packs](), list[bytes](), 0

    def land() -> None:
        nonlocal builder
        name, data = builder.finish(store.sealer)
        put_once(store.provider, pack_key(name), data)
        stored.append(Packs(name, len(data)))
        rows.extend(row_of(name, entry) for entry in builder.entries)
        builder = PackBuilder()

    for pack in packs:
        key = pack_key(pack)
        data = get_named(store.provider, key)
        for entry in parse_pack(data, store.sealer, f"object {key}"):
            home = homes.of(entry.id)
            if home is None or (home.pack, home.offset) != (pack, entry.offset):
                continue
            sealed = data[entry.offset : entry.offset + entry.length]
            builder.add(entry.kind, entry.id, Sealed(sealed, entry.raw, entry.base))
            copied += entry.length
            if builder.size >= store.tuning.pack_bytes:
                land()
    if builder.entries:
        land()
    if rows:
        store.add(
            put_named(store.provider, INDEX, encode_index(stored, rows, store.sealer)), stored, sorted(rows)
        )
    return copied
