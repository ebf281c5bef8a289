"""What reading and writing share: the provider, the sealer, the index, and blobs by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from shared.errors import Corrupt, IntegrityError, Missing, Unavailable
from shared.format.index import MERGE_ROWS, Index, Location, Packs, parse_index
from shared.format.seal import Base, Sealer
from shared.providers.contract import Provider
from shared.repository.blobs import BlobKind
from shared.repository.cache import ByteCache
from shared.repository.fetch import PackReader
from shared.repository.layout import INDEX, get_named
from shared.repository.marks import doomed, load_marks
from shared.repository.tuning import Tuning

_LOADERS = 8
_PAGE = 1_000
"""Index objects that a store lists at once, as of one moment."""
_REPLACED_MEANWHILE = 5


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
        self._distrusted: frozenset[bytes] = frozenset()
        self._lock = Lock()

    def refresh(self) -> None:
        """Take in the index objects that have appeared since the last time, and which packs are marked for deletion.

        When some have been replaced by others, all are read again. Damage is raised; in a store opened for salvage it
        is kept in `damage`, and what it names stays missing.
        """
        with self._lock:
            # Before the index: a mark goes last, so what is marked no more has left the index as well.
            marks, _ = load_marks(self.provider, self.sealer)
            for _ in range(_REPLACED_MEANWHILE):
                listed = self._listed()
                if self._take_in(listed):
                    break
            else:
                raise Unavailable(
                    "reading the index failed: its objects are replaced faster than they are read",
                    hint="try again in a minute",
                )
            self._distrusted = doomed(marks.values())

    def _listed(self) -> list[str]:
        """The index objects. What is replaced while a long list is sent, a second one shows."""
        keys = {found.key for found in self.provider.list(INDEX)}
        while len(keys) >= _PAGE:
            more = {found.key for found in self.provider.list(INDEX)}
            if more <= keys:
                break
            keys |= more
        return sorted(keys)

    def _take_in(self, listed: list[str]) -> bool:
        """Load what is new there; False when some of it has gone since it was listed, and nothing was changed."""
        stale = not self._loaded <= {*listed}
        new = listed if stale else [key for key in listed if key not in self._loaded]
        index = Index() if stale else self.index
        parts: list[tuple[list[Packs], list[bytes]]] = []
        damage: list[IntegrityError] = []
        packs: list[Packs] = []
        rows: list[bytes] = []
        for key, parsed in self._parsed(new):
            if isinstance(parsed, Missing) and not any(found.key == key for found in self.provider.list(key)):
                return False
            if isinstance(parsed, IntegrityError):
                damage.append(self._tolerated(parsed))
            else:
                packs += parsed[0]
                rows += parsed[1]
            if len(rows) >= MERGE_ROWS or key == new[-1]:
                # Sorting many small objects at once costs far less than merging them one by one.
                parts.append((packs, sorted(set(rows))))
                packs, rows = [], []
        for part in parts:
            index.add(*part)
        self.index = index
        self._loaded = {*listed}
        self.damage = [*([] if stale else self.damage), *damage]
        return True

    def distrust(self, packs: frozenset[bytes]) -> None:
        """These, by id, are about to be deleted or gone already: what lies only there counts as not stored."""
        with self._lock:
            self._distrusted = packs

    def lasting(self, blob_id: bytes) -> bool:
        """Whether the blob is stored where it will stay, and the base it may need as well."""
        distrusted = self._distrusted
        if not distrusted:
            return blob_id in self.index
        return any(self._lasts(place, distrusted) for place in self.index.find(blob_id))

    def _lasts(self, place: Location, distrusted: frozenset[bytes]) -> bool:
        if place.pack in distrusted:
            return False
        base = self.index.complete(place.base_prefix) if place.base_prefix else None
        if base is None:
            return not place.base_prefix
        return any(not at.base_prefix and at.pack not in distrusted for at in self.index.find(base))

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
        staying = [place for place in places if place.pack not in self._distrusted]
        whole = next((place for place in staying if place.kind == kind and not place.base_prefix), None)
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

    def _tolerated(self, error: IntegrityError) -> IntegrityError:
        if not self._salvage:
            raise error
        return error

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
