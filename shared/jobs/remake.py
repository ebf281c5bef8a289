"""Makes blobs anew, from documents and files that have not changed since, where no place holds them whole any more.

Nothing counts but a blob of exactly the id that is missing. A damaged pack leaves the index only when everything that
its snapshots need of it is stored elsewhere; what it still holds whole is moved before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from shared.contents import ENTRIES, MEDIA
from shared.errors import FirekeepError
from shared.format.forms import FORMS
from shared.format.manifest import Manifest
from shared.format.media import decode
from shared.format.node import Root, encode_leaf
from shared.jobs.ports import Ports
from shared.jobs.repair import Repaired, findings_of
from shared.jobs.selecting import chosen
from shared.repository import Repository
from shared.repository.blobs import BlobKind
from shared.repository.checking.steps import Steps
from shared.repository.compact import compact_index
from shared.repository.files import put_file
from shared.repository.findings import Finding, Tally
from shared.repository.layout import PACKS, hash_in, pack_key
from shared.repository.tree import leaves, scan
from shared.repository.writer import Writer
from shared.sources.contract import Scope, Source

_SPAN: Final = 8 << 20
_LARGEST: Final = 64 << 20
"""Bytes of live records between two keys that are read in the hope that they are one leaf."""


def remake(ports: Ports, repository: Repository, snapshots: Sequence[str], done: Repaired) -> None:
    """Make anew what these snapshots lack. What cannot be is left as it is, for a check to name."""
    found = findings_of(repository, snapshots)
    bad = {pack for one in found if one.key.startswith(PACKS) and (pack := hash_in(one.key)) is not None}
    if not bad:
        return
    repository.store.distrust(frozenset(bad))
    with repository.writer() as writer:
        for finding in found:
            if finding.lost is None or finding.content not in ports.sources:
                continue
            try:
                manifest = repository.manifest(finding.snapshot)
                made = _files if finding.content == MEDIA else _leaves
                done.remade += [
                    one
                    for one in made(ports, repository, writer, manifest, finding)
                    if one not in done.remade
                ]
            except FirekeepError:
                # One range that cannot be had does not keep the others from being had; a check names it again.
                continue
        _move(repository, writer, bad)
        writer.flush()
    _retire(repository, snapshots, bad)


def _leaves(
    ports: Ports, repository: Repository, writer: Writer, manifest: Manifest, finding: Finding
) -> Iterator[str]:
    """The leaves of a lost range, each from the live records between its neighbours."""
    above, last = finding.lost or (b"", b"")
    root = manifest.roots[finding.content]
    for end, leaf in _lost_leaves(repository, root, above, last):
        records = list(_live(ports.sources[finding.content], manifest, finding.content, above, end))
        data = encode_leaf([key for key, _ in records], [value for _, value in records])
        if repository.store.sealer.identify(BlobKind.LEAF, data) == leaf:
            writer.put(BlobKind.LEAF, data)
            told = FORMS[finding.content].name(records[0][0])
            yield f"{finding.content}: {len(records)} records from {told} on, from what is live"
        above = end


def _lost_leaves(
    repository: Repository, root: Root, above: bytes, last: bytes
) -> Iterator[tuple[bytes, bytes]]:
    """The last key and the id of each leaf there; an empty key for the end of the tree."""
    if not root.level:
        yield b"", root.id
        return
    for ref in leaves(repository, root, above + b"\0" if above else b"", last + b"\0" if last else b""):
        yield ref.last, ref.id


def _live(
    source: Source, manifest: Manifest, content: str, above: bytes, last: bytes
) -> Iterator[tuple[bytes, bytes]]:
    """What is live now above one key, up to and with another, of what the snapshot means."""
    asked = manifest.selection.get(content)
    meant = chosen(content, asked.include, asked.exclude) if asked is not None else chosen(content)
    exclude = tuple(manifest.excluded) if content == ENTRIES else ()
    plan = source.plan(Scope(meant.prefixes, exclude), source.now())
    parts = (
        part for part in plan.parts if (not part.end or part.end > above) and not (last and part.start > last)
    )
    batches = chain.from_iterable(source.read(part, above if above >= part.start else b"") for part in parts)
    size = 0
    for keys, values in batches:
        for key, value in zip(keys, values, strict=True):
            size += len(value)
            if (last and key > last) or size > _LARGEST:
                return
            if key > above and (meant.keeps is None or meant.keeps(key)):
                yield key, value


def _files(
    ports: Ports, repository: Repository, writer: Writer, manifest: Manifest, finding: Finding
) -> Iterator[str]:
    """Files of which a chunk is lost, each from its live self, where that has the same bytes."""
    source = ports.files(MEDIA)
    if source is None:
        return
    above, last = finding.lost or (b"", b"")
    span = (above + b"\0" if above else b"", last + b"\0" if last else b"")
    for keys, values in scan(repository, manifest.roots[MEDIA], *span):
        for key, value in zip(keys, values, strict=True):
            (live,) = source.lookup([key])
            wanted = decode(value)
            if live is None or (decode(live).size, decode(live).crc32c) != (wanted.size, wanted.crc32c):
                continue
            spans = (
                source.fetch(key, live, at, min(_SPAN, wanted.size - at))
                for at in range(0, wanted.size, _SPAN)
            )
            if put_file(writer, repository.chunking, spans) == wanted.content:
                yield f"{MEDIA}: {FORMS[MEDIA].name(key)}, from what is live"


def _move(repository: Repository, writer: Writer, bad: set[bytes]) -> None:
    """Store once more what the damaged packs still hold whole."""
    store = repository.store
    short = {pack[:8] for pack in bad}
    for row in [row for row in store.index.rows() if row[32:40] in short]:
        for place in store.index.find(row[:32]):
            if place.pack not in bad:
                continue
            try:
                data = store.read(BlobKind(place.kind), row[:32], place)
            except (FirekeepError, ValueError):
                # What does not open here was made anew, or is lost: the next check says which.
                continue
            writer.put(BlobKind(place.kind), data)


def _retire(repository: Repository, snapshots: Sequence[str], bad: set[bytes]) -> None:
    """Take damaged packs that nothing needs any more out of the index, and then away."""
    store, steps, needed = repository.store, Steps(repository, Tally()), set[bytes]()
    steps.frame()
    steps.forget(bad)
    for snapshot in sorted({*snapshots, *repository.snapshots()}):
        found, packs = steps.walk(snapshot)
        if any(finding.lost is not None for finding in found):
            return
        needed |= packs
    for key in compact_index(store, bad, needed - bad):
        store.provider.delete(key)
    for pack in sorted(bad):
        store.provider.delete(pack_key(pack))
    repository.refresh()
