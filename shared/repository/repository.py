"""A repository in an object store: blobs by id, snapshots by id, and nothing outside of it needed to read them.

Write order is packs, index, snapshot; `docs/format.md` says what a crash after each step leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import BadInput, Conflict, Corrupt, IntegrityError, Missing, NotFound
from shared.format.chunker import Chunking
from shared.format.config import (
    REPOSITORY_ID_BYTES,
    Config,
    Options,
    check_config,
    encode_config,
    parse_config,
)
from shared.format.manifest import Manifest, open_manifest, seal_manifest
from shared.format.seal import MASTER_BYTES, Keys, RandomBytes, Sealer, derive
from shared.keys.contract import Keyring
from shared.providers.contract import Provider
from shared.repository.blobs import BlobKind
from shared.repository.commitment import make_lasting
from shared.repository.layout import (
    CONFIG,
    INDEX,
    KEYS,
    PACKS,
    RUNS,
    SNAPSHOTS,
    checked_id,
    get_named,
    put_named,
    snapshot_key,
)
from shared.repository.master import open_config, store_wrapped
from shared.repository.store import Store
from shared.repository.tuning import Tuning
from shared.repository.writer import Writer

_RUN_KEY = re.compile(r"runs/([^/]+)/[0-9a-f]{64}")
_RUN_LABEL: Final = b"firekeep/1/run/"


@dataclass(frozen=True)
class Usage:
    """Objects and bytes of one kind, as the provider lists them."""

    objects: int
    bytes: int


class Repository:
    """Made by `create` or `open`. Reading is safe from many threads; each writer belongs to one."""

    def __init__(
        self,
        provider: Provider,
        config: Config,
        keys: Keys,
        random: RandomBytes,
        tuning: Tuning,
        *,
        salvage: bool = False,
    ) -> None:
        options = config.options
        sealer = Sealer(
            keys,
            random,
            encrypt=options.encryption,
            compress=options.compression,
            level=tuning.zstd_level,
        )
        self.id = config.repository.hex()
        self.options = options
        self.chunking: Chunking = options.chunking(keys.chunker_seed)
        self.store = Store(provider, sealer, tuning, salvage=salvage)
        self._provider = provider
        self._sealer = sealer
        self._keys = keys

    @classmethod
    def create(
        cls,
        provider: Provider,
        keyrings: Sequence[Keyring],
        options: Options,
        random: RandomBytes,
        tuning: Tuning | None = None,
    ) -> Repository:
        """Make an empty repository, its master key wrapped by every keyring. Conflict when there is one.

        The wrapped keys are stored first and `config` last: a creation that dies leaves no repository.
        """
        if options.encryption != bool(keyrings):
            raise BadInput(
                "an encrypted repository needs at least one key, and one that is not encrypted takes none",
                hint="give a key file or a passphrase, or turn encryption off",
            )
        _check_absent(provider)
        master, repository = random(MASTER_BYTES), random(REPOSITORY_ID_BYTES)
        keys = derive(master, repository)
        config = Config(repository, options, None if options.encryption else master)
        for keyring in keyrings:
            store_wrapped(provider, keyring, master, repository)
        try:
            provider.put(CONFIG, encode_config(config, keys.config))
        except Conflict:
            raise _exists_already() from None
        return cls(provider, config, keys, random, tuning or Tuning())

    @classmethod
    def open(
        cls,
        provider: Provider,
        keyrings: Sequence[Keyring],
        random: RandomBytes,
        tuning: Tuning | None = None,
        *,
        salvage: bool = False,
    ) -> Repository:
        """Open what `create` made, by any one of its keys, and load the index.

        NotFound when there is none, WrongKey when no key opens it, Corrupt or Missing when it is damaged. With
        `salvage`, damaged indexes do not prevent it: they are told in `damage`, and what only they name is Missing
        when it is asked for. For checks, and for restoring what can be restored.
        """
        config, master = open_config(provider, keyrings)
        keys = derive(master, config.repository)
        repository = cls(provider, config, keys, random, tuning or Tuning(), salvage=salvage)
        repository.refresh()
        return repository

    @property
    def damage(self) -> list[IntegrityError]:
        """What `open` passed over for the sake of salvage; empty otherwise."""
        return list(self.store.damage)

    def get(self, kind: BlobKind, blob_id: bytes) -> bytes:
        """As `BlobReader.get`."""
        return self.store.get(kind, blob_id)

    def holds(self, kind: BlobKind, blob_id: bytes) -> bool:
        """Whether it is stored where it will stay. It is not read."""
        return self.store.lasting(blob_id) and any(
            place.kind == kind for place in self.store.index.find(blob_id)
        )

    def writer(self) -> Writer:
        """A new writer, as a context manager: `put` blobs, then `flush`."""
        return Writer(self.store)

    def refresh(self) -> None:
        """See what others have made durable since this repository was opened."""
        self.store.refresh()

    def commit(self, manifest: Manifest) -> None:
        """Make a snapshot visible. Everything it names must have been flushed.

        Committing the same manifest again succeeds. Conflict when the id stands for another, or when a rotation has
        deleted in the meantime what the snapshot counted on.
        """
        key = snapshot_key(manifest.id)
        for name, root in manifest.roots.items():
            if not self.store.index.find(root.id):
                raise Missing(
                    f"committing snapshot {manifest.id} failed: the root of {name!r} is not in the index"
                )
        make_lasting(self.store, manifest, self._manifest_or_none)
        try:
            self._provider.put(key, seal_manifest(manifest, self._sealer))
        except Conflict:
            if self.manifest(manifest.id) != manifest:
                raise Conflict(f"snapshot {manifest.id} exists already, and is another") from None

    def snapshots(self) -> Iterator[str]:
        """The ids of all snapshots, ascending. Foreign names are passed on, so that a check can name them."""
        return (found.key.removeprefix(SNAPSHOTS) for found in self._provider.list(SNAPSHOTS))

    def manifest(self, snapshot_id: str) -> Manifest:
        """NotFound when there is no such snapshot, Corrupt when it is damaged."""
        try:
            data = self._provider.get(snapshot_key(snapshot_id))
        except NotFound:
            raise NotFound(f"there is no snapshot {snapshot_id}", hint="`firekeep ls` lists them") from None
        return open_manifest(snapshot_id, data, self._sealer)

    def _manifest_or_none(self, snapshot_id: str) -> Manifest | None:
        try:
            return self.manifest(snapshot_id)
        except NotFound:
            return None

    def put_run(self, backup_id: str, data: bytes) -> str:
        """Hand bytes to whoever commits this backup; returns the name to fetch them by."""
        sealed = self._sealer.seal_metadata(_RUN_LABEL + checked_id(backup_id).encode(), data)
        return put_named(self._provider, f"{RUNS}{backup_id}/", sealed)

    def get_run(self, name: str) -> bytes:
        """The bytes `put_run` was given. Missing or Corrupt when they are not there whole."""
        match = _RUN_KEY.fullmatch(name)
        if match is None:
            raise BadInput(f"{name[:80]!r} is not the name of a run")
        sealed = get_named(self._provider, name)
        return self._sealer.open_metadata(_RUN_LABEL + match[1].encode(), sealed, f"object {name}")

    def usage(self) -> dict[str, Usage]:
        """How much is stored, by kind of object. Costs one listing."""
        return {
            prefix.rstrip("/"): _usage(self._provider, prefix)
            for prefix in (KEYS, PACKS, INDEX, SNAPSHOTS, RUNS)
        }

    def check_config(self) -> None:
        """Read `config` again and prove it. Missing or Corrupt when it is not what it was."""
        try:
            data = self._provider.get(CONFIG)
        except NotFound:
            raise Missing("object config does not exist") from None
        config = parse_config(data)
        if config.repository.hex() != self.id:
            raise Corrupt("config is damaged: it is another repository's")
        check_config(data, self._keys.config)


def _usage(provider: Provider, prefix: str) -> Usage:
    objects = size = 0
    for found in provider.list(prefix):
        objects, size = objects + 1, size + found.size
    return Usage(objects, size)


def _check_absent(provider: Provider) -> None:
    try:
        provider.stat(CONFIG)
    except NotFound:
        return
    raise _exists_already()


def _exists_already() -> Conflict:
    return Conflict("there is a repository here already", hint="open it, or choose an empty place")
