"""Small repositories with everything in them: many packs, patches, two snapshots, runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from shared.clock import SystemClock
from shared.format.config import Options
from shared.format.manifest import Manifest, seal_manifest
from shared.keys.contract import Keyring
from shared.keys.passphrase import Passphrase
from shared.providers.contract import Provider
from shared.providers.local import LocalProvider
from shared.repository import Repository
from shared.repository.layout import snapshot_key
from shared.repository.tree import Batch, Root, build, edit, scan
from shared.repository.tuning import Tuning

SMALL = Options(leaf_target=1024, leaf_min=256, leaf_max=4096, fan_target=8, fan_min=3, fan_max=16)
OPEN = Options(
    encryption=False, leaf_target=1024, leaf_min=256, leaf_max=4096, fan_target=8, fan_min=3, fan_max=16
)
PLAIN = Options(
    encryption=False,
    compression=False,
    leaf_target=1024,
    leaf_min=256,
    leaf_max=4096,
    fan_target=8,
    fan_min=3,
    fan_max=16,
)
TUNING = Tuning(pack_bytes=4096, queued=4, cache_bytes=1 << 16, read_ahead=2048)
AT = datetime(2026, 3, 29, 1, 59, 59, 999_999, UTC)

Model = dict[bytes, bytes]


def ring() -> Passphrase:
    return Passphrase("right", os.urandom, cost=16)


def rings_for(options: Options) -> Sequence[Keyring]:
    return [ring()] if options.encryption else []


def disk(place: Path) -> LocalProvider:
    return LocalProvider(place, SystemClock(), os.urandom)


def made(provider: Provider, options: Options = SMALL, tuning: Tuning = TUNING) -> Repository:
    """Always with the same keys, so that trees are cut in the same places in every run."""
    return Repository.create(provider, rings_for(options), options, Random(20260329).randbytes, tuning)


def opened(provider: Provider, options: Options = SMALL, tuning: Tuning = TUNING) -> Repository:
    return Repository.open(provider, rings_for(options), os.urandom, tuning)


def entries(seed: int, count: int = 300) -> Model:
    """Hostile keys: shared prefixes, bytes at the edges, both normal forms; values repetitive, random, empty, long."""
    random = Random(seed)
    model: Model = {}
    for number in range(count):
        stem = random.choice([b"a", b"a/b", b"a\x00", "é".encode(), "é".encode(), b"\xff\xff", b"users"])
        key = stem + b"/%d" % random.choice([number, number * 7919, 10**12 + number])
        value = random.choice(
            [b"", b'{"name":"x"}' * random.randrange(20), random.randbytes(random.randrange(300))]
        )
        model[key] = value
    return model


def batches(model: Model, size: int = 37) -> Iterator[Batch]:
    keys = sorted(model)
    for start in range(0, len(keys), size):
        part = keys[start : start + size]
        yield part, [model[key] for key in part]


def manifest(snapshot_id: str, root: Root, parent: str | None = None) -> Manifest:
    return Manifest(
        id=snapshot_id,
        at=AT,
        created=AT + timedelta(minutes=1),
        parent=parent,
        project="demo-firekeep",
        database="(default)",
        roots={"entries": root},
        excluded={"backups": 3},
        skew={"users": 0.25},
        statistics={"bytes": 10**15, "ratio": 0.1},
        backup={"id": snapshot_id, "content": {"entries": ["a", "é"]}},
    )


def put_unproven(repository: Repository, manifest: Manifest) -> None:
    """A snapshot that no commit would let through."""
    store = repository.store
    store.provider.put(snapshot_key(manifest.id), seal_manifest(manifest, store.sealer))


def take_snapshot(repository: Repository, snapshot_id: str, model: Model) -> Root:
    with repository.writer() as writer:
        root = build(writer, repository.chunking, batches(model))
        writer.flush()
    repository.commit(manifest(snapshot_id, root))
    return root


def take_next(
    repository: Repository, snapshot_id: str, parent: str, changes: dict[bytes, bytes | None]
) -> Root:
    before = repository.manifest(parent).roots["entries"]
    with repository.writer() as writer:
        root = edit(writer, repository.chunking, before, sorted(changes.items()))
        writer.flush()
    repository.commit(manifest(snapshot_id, root, parent))
    return root


def content(repository: Repository, snapshot_id: str) -> Model:
    root = repository.manifest(snapshot_id).roots["entries"]
    return {
        key: value for keys, values in scan(repository, root) for key, value in zip(keys, values, strict=True)
    }


def files(place: Path) -> list[Path]:
    """Every object's file, in order."""
    return sorted(
        path
        for path in place.rglob("*")
        if path.is_file() and "/." not in str(path.relative_to(place.parent))
    )
