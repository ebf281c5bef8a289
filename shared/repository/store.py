"""What reading and writing share: the provider, the sealer, the index, and blobs by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from shared.errors import Corrupt, IntegrityError, Missing
from shared.format.index import MERGE_ROWS, Index, Location, Packs, parse_index
from shared.format.seal import Base, Sealer
from shared.providers.contract import Provider
from shared.repository.blobs import BlobKind
from shared.repository.cache import ByteCache
from shared.repository.fetch import PackReader
from shared.repository.layout import INDEX, get_named
from shared.repository.tuning import Tuning

_LOADERS = 8


class Store:
    """Blobs by id. Any number of threads may read while one adds."""

    def __init__(self, provider: Provider, sealer: Sealer, tuning: Tuning, *, salvage: bool = False) -> None:
        self.provider = provider
        self.sealer = sealer
        self.tuning = tuning
        self.index = Index()
        self.damage: list[IntegrityError] = []
        self._salvage = salvage
        self._packs = PackReader(provider, tuning.read_ahead)
        self._plain: ByteCache[tuple[int, bytes]] = ByteCache(tuning.cache_bytes)
        self._loaded: set[str] = set()
        self._lock = Lock()

    def refresh(self) -> None:
        """Take in the index objects that have appeared since the last time.

        Damage is raised; in a store opened for salvage it is kept in `damage`, and what it names stays missing.
        """
        with self._lock:
            new = [found.key for found in self.provider.list(INDEX) if found.key not in self._loaded]
            packs: list[Packs] = []
            rows: list[bytes] = []
            for key, parsed in self._parsed(new):
                if isinstance(parsed, IntegrityError):
                    self._tell(parsed)
                else:
                    packs += parsed[0]
                    rows += parsed[1]
                if len(rows) >= MERGE_ROWS or key == new[-1]:
                    # Sorting many small objects at once costs far less than merging them one by one.
                    self.index.add(packs, sorted(set(rows)))
                    packs, rows = [], []
            self._loaded.update(new)

    def add(self, index_key: str, packs: Iterable[Packs], rows: list[bytes]) -> None:
        """Take in what a writer of this process has just made durable."""
        with self._lock:
            self.index.add(packs, rows)
            self._loaded.add(index_key)

    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        """The plaintext. A blob that is stored twice is read from the second place when the first is damaged."""
        data = self._plain.get((kind, blob_id))
        if data is not None:
            return data
        failure: IntegrityError = Missing(f"blob {blob_id.hex()} is not in the index")
        for place in self.index.find(blob_id):
            try:
                data = self.read(kind, blob_id, place)
            except IntegrityError as error:
                failure = error
                continue
            if kind is not BlobKind.CHUNK:
                # Nodes and leaves are read again and again; chunks of files would only drive them out.
                self._plain.put((kind, blob_id), data)
            return data
        raise failure

    def read(self, kind: BlobKind, blob_id: bytes, place: Location) -> bytes:
        """The plaintext from that place, and no other."""
        return self._open(kind, blob_id, place, lambda base: self.base(kind, base))

    def base(self, kind: BlobKind, base: bytes) -> bytes:
        """The plaintext of a patch's base, from a place where it is stored whole: a patch of a patch is damage."""
        data = self._plain.get((kind, base))
        if data is not None:
            return data
        failure: IntegrityError = Missing(
            f"blob {base.hex()}, the base of a patch, is not stored whole anywhere"
        )
        for place in self.index.find(base):
            if place.base_prefix:
                continue
            try:
                data = self._open(kind, base, place, _refuse_chain)
            except IntegrityError as error:
                failure = error
                continue
            self._plain.put((kind, base), data)
            return data
        raise failure

    def base_for(self, kind: BlobKind, like: bytes) -> Base | None:
        """What a patch of `like` may stand on: itself when stored whole, else its base. None when neither is known."""
        places = [place for place in self.index.find(like) if place.kind == kind]
        if not places:
            return None
        if all(place.base_prefix for place in places):
            like = self.index.complete(places[0].base_prefix) or b""
            places = self.index.find(like) if like else []
        whole = next((place for place in places if place.kind == kind and not place.base_prefix), None)
        return None if whole is None else Base(like, self.base(kind, like), whole.length)

    def _parsed(
        self, keys: list[str]
    ) -> Iterator[tuple[str, tuple[list[Packs], list[bytes]] | IntegrityError]]:
        """Each index, or its damage, in order; several are asked for at once, as an answer may be long in coming."""
        if len(keys) < 2:
            yield from ((key, self._parse(self._fetch(key), key)) for key in keys)
            return
        with ThreadPoolExecutor(min(_LOADERS, len(keys))) as pool:
            for key, data in zip(keys, pool.map(self._fetch, keys), strict=True):
                yield key, self._parse(data, key)

    def _fetch(self, key: str) -> bytes | IntegrityError:
        try:
            return get_named(self.provider, key)
        except IntegrityError as error:
            return error

    def _parse(
        self, data: bytes | IntegrityError, key: str
    ) -> tuple[list[Packs], list[bytes]] | IntegrityError:
        try:
            return (
                data if isinstance(data, IntegrityError) else parse_index(data, self.sealer, f"object {key}")
            )
        except IntegrityError as error:
            return error

    def _tell(self, error: IntegrityError) -> None:
        if not self._salvage:
            raise error
        self.damage.append(error)

    def _open(self, kind: BlobKind, blob_id: bytes, place: Location, base: Callable[[bytes], bytes]) -> bytes:
        if place.kind != kind:
            raise Corrupt(f"blob {blob_id.hex()} is of another kind than its reference says")
        return self.sealer.open(kind, blob_id, self._packs.read(place), place.raw, base)

    def take(self, key: str, data: bytes) -> None:
        """Take in one index object; Corrupt when it is damaged or contradicts another."""
        self.index.add(*parse_index(data, self.sealer, f"object {key}"))
        self._loaded.add(key)


def _refuse_chain(base: bytes) -> bytes:
    raise Corrupt(f"a patch of blob {base.hex()} is itself the base of a patch")
