"""Packs, each read whole: its bytes against its name, its table against the index, its blobs against their ids."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from shared.errors import FirekeepError, Unsupported
from shared.format.index import Location
from shared.format.node import decode_leaf, decode_node
from shared.format.pack import PackEntry, parse_pack
from shared.repository.blobs import BlobKind
from shared.repository.checking.scene import Scene, attempt
from shared.repository.findings import Finding, of_error
from shared.repository.layout import get_named, pack_key
from shared.repository.store import Store

T = TypeVar("T")
R = TypeVar("R")


class _Looked(NamedTuple):
    pack: bytes
    bytes: int
    blobs: int
    findings: list[Finding]


def check_sizes(scene: Scene) -> Iterator[Finding]:
    """Packs that snapshots need and that are not there in the size the index says; they are not worth reading."""
    for pack, promised in scene.store.index.packs():
        size = scene.sizes.get(pack)
        if pack not in scene.referenced or size == promised:
            continue
        scene.unfit.add(pack)
        key = pack_key(pack)
        if size is None:
            yield Finding("missing", key, f"object {key} does not exist, but the index names it")
        else:
            yield Finding("corrupt", key, f"object {key} has {size} bytes; the index says {promised}")


def check_packs(scene: Scene, packs: Iterable[bytes], *, open_blobs: bool) -> Iterator[Finding]:
    """Reads `packs`; notes in the scene which blobs of a damaged pack do not open."""
    indexed = Counter(row[32:40] for row in scene.store.index.rows())
    look = partial(_look, scene.store, indexed, open_blobs)
    for looked in _in_order(look, packs, scene.store.tuning.threads):
        scene.tally.objects += 1
        scene.tally.bytes += looked.bytes
        scene.tally.blobs += looked.blobs
        if looked.findings:
            scene.broken.update(_broken(scene.store, looked.pack))
        yield from looked.findings


def _look(store: Store, indexed: Counter[bytes], open_blobs: bool, pack: bytes) -> _Looked:
    key = pack_key(pack)
    try:
        data = get_named(store.provider, key)
        entries = parse_pack(data, store.sealer, f"object {key}")
    except FirekeepError as error:
        return _Looked(pack, 0, 0, [of_error(error, key)])
    findings = _against_index(store, pack, entries, indexed[pack[:8]])
    if open_blobs:
        for entry in entries:
            findings += attempt(key, partial(_open, store, data, entry))
    return _Looked(pack, len(data), len(entries) if open_blobs else 0, findings)


def _against_index(store: Store, pack: bytes, entries: list[PackEntry], indexed: int) -> list[Finding]:
    """A pack that no index knows is what a crash left: only a contradiction is a finding."""
    if not indexed:
        return []
    agreeing = sum(
        any(_agrees(place, pack, entry) for place in store.index.find(entry.id)) for entry in entries
    )
    if agreeing == len(entries) == indexed:
        return []
    message = (
        f"pack {pack.hex()} holds {len(entries)} blobs; the index names {indexed} there, and {agreeing} agree"
    )
    return [Finding("mismatch", pack_key(pack), message)]


def _agrees(place: Location, pack: bytes, entry: PackEntry) -> bool:
    stored = (place.pack, place.kind, place.offset, place.length, place.raw, place.base_prefix)
    return stored == (pack, entry.kind, entry.offset, entry.length, entry.raw, entry.base[:8])


def _open(store: Store, data: bytes, entry: PackEntry) -> None:
    try:
        kind = BlobKind(entry.kind)
    except ValueError:
        raise Unsupported(f"blob {entry.id.hex()} is of a kind this release does not know") from None
    sealed = data[entry.offset : entry.offset + entry.length]
    plain = store.sealer.open(kind, entry.id, sealed, entry.raw, partial(store.base, kind))
    if kind is BlobKind.LEAF:
        decode_leaf(plain)
    elif kind is BlobKind.NODE:
        decode_node(plain)


def _broken(store: Store, pack: bytes) -> Iterator[tuple[bytes, int]]:
    """The blobs of a damaged pack that do not open, so that what is still whole is not called lost."""
    for row in [row for row in store.index.rows() if row[32:40] == pack[:8]]:
        for place in store.index.find(row[:32]):
            if place.pack == pack and attempt("", partial(store.read, BlobKind(place.kind), row[:32], place)):
                yield pack, place.offset


def _in_order(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """`work` of each item, on a few threads, never more than one item ahead of them."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads, "check") as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
