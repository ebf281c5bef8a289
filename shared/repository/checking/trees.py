"""The trees of a snapshot, walked from their roots. Says which keys are lost with what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from shared.contents import MEDIA
from shared.errors import Corrupt, FirekeepError, IntegrityError, Missing, Unsupported
from shared.format.index import Location
from shared.repository.blobs import BlobKind
from shared.repository.checking.files import check_files
from shared.repository.checking.scene import Scene
from shared.repository.findings import Finding, merged, of_error
from shared.repository.layout import INDEX, SNAPSHOTS, pack_key
from shared.repository.tree import Problem, verify


def check_snapshot(scene: Scene, snapshot_id: str, *, leaves: bool) -> Iterator[Finding]:
    """The manifest and its trees; with `leaves`, every leaf is read too, else only looked for. Leaves of media are
    always read, as only they name the chunks of files, which are looked for.
    """
    key = SNAPSHOTS + snapshot_id
    scene.snapshots += 1
    try:
        manifest = scene.repository.manifest(snapshot_id)
    except FirekeepError as error:
        yield from scene.once([of_error(error, key, snapshot_id)])
        return
    scene.tally.objects += 1
    if not manifest.roots:
        yield from scene.once([Finding("nothing", key, "the snapshot has no content", snapshot_id)])
    reader = _Reader(scene)
    for content, root in manifest.roots.items():
        files = content == MEDIA
        scene.files = scene.files or files
        look = partial(check_files, reader, reader.exists) if files else None
        problems = verify(reader, root, leaves or files, reader.exists, look)
        findings = (reader.finding(problem, snapshot_id, content) for problem in problems)
        yield from scene.once(merged(findings))


class _Reader:
    """The store as the tree's own check sees it; notes which packs were needed."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._index = scene.store.index
        self._unreadable: dict[bytes, FirekeepError] = {}

    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        """As `BlobReader.get`. What is no damage (no answer, no permission) is kept aside, so that the walk goes on."""
        for place in self._places(kind, blob_id):
            self._base_places(place)
        self._scene.tally.blobs += 1
        try:
            return self._scene.store.get(kind, blob_id)
        except (IntegrityError, Unsupported):
            raise
        except FirekeepError as error:
            self._unreadable[blob_id] = error
            raise Missing(error.message) from error

    def exists(self, kind: BlobKind, blob_id: bytes) -> bool:
        """True when a pack of the right size holds the blob, and the base it may need; else why not, raised."""
        places = self._places(kind, blob_id)
        self._scene.tally.blobs += 1
        if not places:
            raise Missing("no index names it")
        faults = [self._fault(place) for place in places]
        if None in faults:
            return True
        raise next(fault for fault in faults if fault is not None)

    def finding(self, problem: Problem, snapshot: str, content: str) -> Finding:
        """The tree's problem, with the object it lies in."""
        places = self._index.find(problem.id)
        error = self._unreadable.get(problem.id)
        key = pack_key(places[0].pack) if places else INDEX
        code = problem.code if error is None else error.code
        return Finding(code, key, problem.message, snapshot, content, (problem.after, problem.last))

    def _fault(self, place: Location) -> IntegrityError | None:
        size = self._scene.sizes.get(place.pack)
        if size is None:
            return Missing(f"its pack {place.pack.hex()} does not exist")
        if size != place.pack_size:
            return Corrupt(f"its pack {place.pack.hex()} has another size than the index says")
        if (place.pack, place.offset) in self._scene.broken:
            return Corrupt(f"it does not open in pack {place.pack.hex()}")
        if place.base_prefix:
            faults = [self._fault(base) for base in self._base_places(place)] or [
                Missing("its base is not stored")
            ]
            return None if None in faults else faults[0]
        return None

    def _places(self, kind: BlobKind, blob_id: bytes) -> list[Location]:
        places = [place for place in self._index.find(blob_id) if place.kind == kind]
        self._scene.referenced.update(place.pack for place in places)
        return places

    def _base_places(self, place: Location) -> list[Location]:
        """Where the base of a patch is stored whole; none for a blob that is no patch."""
        base = self._index.complete(place.base_prefix) if place.base_prefix else None
        return (
            []
            if base is None
            else [at for at in self._places(BlobKind(place.kind), base) if not at.base_prefix]
        )
