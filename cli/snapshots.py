"""Finds the snapshot a user means, and tells what is in it by seeking, not by reading it all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cli.output import count, duration, printable, size
from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.errors import BadInput, NotFound
from shared.format.key import after_subtree, encode, key_of_path, path_of, segments_of
from shared.format.manifest import Manifest, Selected
from shared.jobs.commit import bytes_of, checksum, totals
from shared.repository import Repository
from shared.repository.tree import Root, count_range, get, scan

LATEST = "latest"
_NOUNS = {ENTRIES: "documents", MEDIA: "files", SETTINGS: "settings", USERS: "accounts"}


def sums(manifest: Manifest) -> dict[str, Any]:
    """What a snapshot holds, as facts: in all, and by content."""
    items, size_ = totals(manifest)
    return {
        "items": items,
        "bytes": size_,
        "root": checksum(manifest.roots),
        "contents": {
            name: {"items": root.count, "bytes": bytes_of(manifest, name), "root": root.id.hex()}
            for name, root in manifest.roots.items()
        },
        "skew": dict(manifest.skew),
    }


def content_lines(manifest: Manifest) -> list[str]:
    """What a snapshot holds, for people: a line for each content."""
    lines = []
    for name, root in manifest.roots.items():
        late = f", read up to {duration(manifest.skew[name])} later" if manifest.skew.get(name) else ""
        lines.append(f"  {_NOUNS[name]:<10} {count(root.count)}, {size(bytes_of(manifest, name))}{late}")
    return lines


def covered(manifest: Manifest) -> str:
    """What a snapshot covers, in a line."""
    told = []
    for name in manifest.roots:
        chosen = manifest.selection.get(name, Selected())
        names = ", ".join(chosen.include) or ("everything" if name == ENTRIES else f"all {_NOUNS[name]}")
        told.append(names + (f" but {', '.join(chosen.exclude)}" if chosen.exclude else ""))
    return printable("; ".join(told))


def entries(manifest: Manifest) -> Root:
    """The root of the documents. NotFound when the snapshot holds none."""
    if ENTRIES not in manifest.roots:
        raise NotFound(f"backup {manifest.id} holds no documents", hint=f"it holds {covered(manifest)}")
    return manifest.roots[ENTRIES]


def find(repository: Repository, name: str) -> Manifest:
    """The snapshot with this id, the only one whose id begins so, or the `latest`. NotFound or BadInput otherwise."""
    ids = list(repository.snapshots())
    if name in ids:
        return repository.manifest(name)
    if name == LATEST:
        newest = max(map(repository.manifest, ids), key=lambda one: (one.at, one.created), default=None)
        if newest is None:
            raise NotFound("the repository holds no snapshot yet", hint="`firekeep backup` makes one")
        return newest
    matching = [one for one in ids if name and one.startswith(name)]
    if len(matching) > 1:
        raise BadInput(
            f"{name} is the beginning of {len(matching)} snapshots", hint=f"such as {matching[-1]}"
        )
    if not matching:
        raise NotFound(f"there is no snapshot {name}", hint="`firekeep ls` lists them")
    return repository.manifest(matching[0])


@dataclass(frozen=True)
class Below:
    """A collection or a document, and how many documents are at and below it."""

    path: str
    documents: int


def collections(repository: Repository, root: Root, parent: str = "") -> Iterator[Below]:
    """The collections of the database, or of the document `parent`, in order. One seek for each."""
    start, end = b"", b""
    if parent:
        key = key_of_path(parent)
        start, end = key + b"\0", after_subtree(key)
    return _children(repository, root, (start, end), parent.count("/") + 2 if parent else 1)


def documents(repository: Repository, root: Root, collection: str) -> Iterator[Below]:
    """The documents of a collection in order, those that are missing but have something below them among them."""
    key = key_of_path(collection)
    return _children(repository, root, (key, after_subtree(key)), collection.count("/") + 2)


def record(repository: Repository, root: Root, path: str) -> bytes | None:
    """The record of the document, if it is there."""
    return get(repository, root, key_of_path(path))


def _children(repository: Repository, root: Root, span: tuple[bytes, bytes], depth: int) -> Iterator[Below]:
    start, end = span
    while (key := _first(repository, root, start, end)) is not None:
        child = encode(segments_of(key)[:depth])
        beyond = after_subtree(child)
        yield Below(path_of(child), count_range(repository, root, child, beyond))
        start = beyond


def _first(repository: Repository, root: Root, start: bytes, end: bytes) -> bytes | None:
    return next((keys[0] for keys, _ in scan(repository, root, start, end)), None)
