"""Writing blobs: deduplicate, compress and seal on a few threads, pack, put, and index last.

Ids are computed at once. Sealing runs on a pool with a bounded queue; sealed blobs enter packs in the order they
were put, and packs are stored as they fill, several at once on threads of their own, because a store makes one wait.
After `flush` everything put so far is durable and indexed. A writer that is left without a flush leaves nothing
visible: packs that no index names.

A failure in the background surfaces at the next call, and from then on at every call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import NamedTuple

from shared.errors import Internal
from shared.format.index import Index, Packs, encode_index, row_of
from shared.format.pack import PackBuilder, PackEntry
from shared.format.seal import Sealed
from shared.repository.blobs import BlobKind
from shared.repository.layout import INDEX, pack_key, put_named, put_once
from shared.repository.store import Store


@dataclass
class Written:
    """What a writer has done so far. Bytes of plaintexts, and as stored, new blobs only."""

    blobs: int = 0
    known: int = 0
    patches: int = 0
    raw_bytes: int = 0
    stored_bytes: int = 0
    packs: int = 0


class _Held(NamedTuple):
    """A blob that is not durable yet."""

    kind: BlobKind
    sealed: Future[Sealed]


class _Flying(NamedTuple):
    """A pack on its way to the provider."""

    entries: list[PackEntry]
    stored: Future[Packs]


class Writer:
    """A `BlobWriter` for one thread; use it as a context manager."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(store.tuning.threads, "seal")
        self._storing = ThreadPoolExecutor(store.tuning.packs_in_flight, "store")
        self._held: dict[bytes, _Held] = {}
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._pack = PackBuilder()
        self._flying: deque[_Flying] = deque()
        self._durable = Index()
        self._failure: Exception | None = None
        self.written = Written()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failure = self._failure or Internal("the writer was left; it takes nothing more")
        for pool in (self._pool, self._storing):
            pool.shutdown(wait=True, cancel_futures=True)

    def put(self, kind: BlobKind, data: bytes, like: bytes | None = None) -> bytes:
        """As `BlobWriter.put`. Waits when the queue is full."""
        with self._guarded():
            blob_id = self._store.sealer.identify(kind, data)
            if blob_id in self._held or blob_id in self._durable or self._store.lasting(blob_id):
                self.written.known += 1
                return blob_id
            self._held[blob_id] = _Held(kind, self._pool.submit(self._seal, kind, blob_id, data, like))
            self._queue.append(blob_id)
            self._queued += len(data)
            self._collect(self._store.tuning.queued)
            return blob_id

    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        """As `BlobReader.get`, including what this writer was given and has not made durable yet."""
        with self._guarded():
            held = self._held.get(blob_id)
            if held is not None and held.kind == kind:
                store, sealed = self._store, held.sealed.result()
                return store.sealer.open(kind, blob_id, sealed.data, sealed.raw, partial(store.base, kind))
            for place in self._durable.find(blob_id):
                return self._store.read(kind, blob_id, place)
        return self._store.get(kind, blob_id)

    def flush(self) -> None:
        """Make everything put so far durable: the last pack, then the index that names them all."""
        with self._guarded():
            self._collect(0)
            if self._pack.entries:
                self._launch()
            self._land(0)
            if not len(self._durable):
                return
            packs, rows = self._durable.packs(), sorted(self._durable.rows())
            data = encode_index(packs, rows, self._store.sealer)
            self._store.add(put_named(self._store.provider, INDEX, data), packs, rows)
            self._durable = Index()

    def _seal(self, kind: BlobKind, blob_id: bytes, data: bytes, like: bytes | None) -> Sealed:
        sealer = self._store.sealer
        base = self._store.base_for(kind, like) if like is not None and sealer.compresses else None
        return sealer.seal(kind, blob_id, data, base)

    def _collect(self, left: int) -> None:
        """Move sealed blobs from the queue into the pack until at most `left` wait and the first is not ready."""
        most = self._store.tuning.queued_bytes if left else 0
        while self._queue and (
            len(self._queue) > left or self._queued > most or self._held[self._queue[0]].sealed.done()
        ):
            blob_id = self._queue.popleft()
            kind, sealed = self._held[blob_id].kind, self._held[blob_id].sealed.result()
            self._queued -= sealed.raw
            self._pack.add(kind, blob_id, sealed)
            self._count(sealed)
            if self._pack.size >= self._store.tuning.pack_bytes:
                self._launch()

    def _launch(self) -> None:
        """Send the pack off, when not too many are on their way."""
        self._land(self._store.tuning.packs_in_flight - 1)
        pack, self._pack = self._pack, PackBuilder()
        self._flying.append(_Flying(pack.entries, self._storing.submit(self._store_pack, pack)))

    def _store_pack(self, pack: PackBuilder) -> Packs:
        name, data = pack.finish(self._store.sealer)
        put_once(self._store.provider, pack_key(name), data)
        return Packs(name, len(data))

    def _land(self, left: int) -> None:
        """Wait until at most `left` packs are on their way, and note where their blobs are."""
        while len(self._flying) > left:
            entries, stored = self._flying.popleft()
            pack = stored.result()
            self._durable.add_recent([pack], [row_of(pack.id, entry) for entry in entries])
            self.written.packs += 1
            for entry in entries:
                del self._held[entry.id]

    def _count(self, sealed: Sealed) -> None:
        written = self.written
        written.blobs += 1
        written.patches += bool(sealed.base)
        written.raw_bytes += sealed.raw
        written.stored_bytes += len(sealed.data)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except Exception as error:
            self._failure = error
            raise
