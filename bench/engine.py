"""Back up a directory with our repository: `python -m bench.engine REPOSITORY CORPUS DOING ...`, a process of its own
as other tools are.

    init                    a new repository, its key beside it
    backup ID [PARENT]      through intake and writer, committed
    verify                  every byte of every pack, every blob opened
    restore ID TO           files, several at once, into an empty directory
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.corpus import Corpus
from bench.directory import DirectorySource
from shared import wiring
from shared.contents import MEDIA
from shared.format.config import Options
from shared.format.manifest import Manifest
from shared.jobs.intake import Intaken, Limits, intake
from shared.repository import Repository
from shared.repository.check import ALL, check_data
from shared.repository.files import open_file
from shared.repository.tree import Root, build_run, join, scan
from shared.settings import Settings
from shared.sources.contract import Kind, Scope, Write

_AT_ONCE = 512


def main(repository: str, corpus: str, doing: str, *words: str) -> None:
    chosen = Settings(repository=repository, key_file=Path(repository + ".key"), project="bench")
    files = Corpus(Path(corpus) / "files", Path(corpus) / "listing.json")
    if doing == "init":
        wiring.make_key_file(Path(repository + ".key"))
        wiring.create_repository(chosen, Options())
        return
    opened = wiring.open_repository(chosen)
    if doing == "backup":
        _backup(opened, DirectorySource(files), *words)
    elif doing == "verify":
        findings = list(check_data(opened, ALL))
        if findings:
            raise RuntimeError(str(findings[0]))
    elif doing == "restore":
        _restore(opened, words[0], DirectorySource(files, Path(words[1])))
    else:
        raise ValueError(doing)


def _backup(repository: Repository, source: DirectorySource, name: str, parent: str = "") -> None:
    at = datetime.now(UTC)
    like: Root | None = repository.manifest(parent).roots[MEDIA] if parent else None
    known = scan(repository, like) if like else iter(())
    (part,) = source.plan(Scope(), at).parts
    with repository.writer() as writer:
        batches = intake(
            repository, writer, source, source.read(part), known, limits=Limits(), told=Intaken()
        )
        run = build_run(writer, repository.chunking, batches, like)
        root = join(writer, repository.chunking, [run], like)
        writer.flush()
    repository.commit(Manifest(name, at, at, parent or None, "bench", "(default)", {MEDIA: root}))


def _restore(repository: Repository, name: str, source: DirectorySource) -> None:
    root = repository.manifest(name).roots[MEDIA]
    waiting: list[Write] = []
    for write in _writes(repository, root):
        waiting.append(write)
        if len(waiting) >= _AT_ONCE:
            source.apply(waiting)
            waiting = []
    source.apply(waiting)


def _writes(repository: Repository, root: Root) -> Iterator[Write]:
    for keys, values in scan(repository, root):
        for key, value in zip(keys, values, strict=True):
            yield Write(key, Kind.PUT, value, None, partial(open_file, repository, value))


if __name__ == "__main__":
    main(*sys.argv[1:])
