"""The composition root: the only module that names concrete classes.

Everything is made at first use and kept for the life of the process, so that an instance pays for a connection,
for the key and for the index once, and for nothing its job does not need.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from shared import settings
from shared.clock import SystemClock
from shared.errors import BadInput, Conflict
from shared.format.forms import ENTRIES
from shared.jobs.ports import Place, Ports

if TYPE_CHECKING:
    from shared.format.config import Options
    from shared.keys.contract import Keyring
    from shared.providers.contract import Provider
    from shared.publishing.contract import Publisher
    from shared.publishing.inline import InlinePublisher
    from shared.repository import Repository
    from shared.repository.tuning import Tuning
    from shared.sources.contract import Source
    from shared.state.contract import Catalog, Ledger

_HEARTBEATS_PER_LEASE = 4


@cache
def ports() -> Ports:
    """The ports of this process, as its environment describes them."""
    return build_ports(settings.load())


def build_ports(chosen: settings.Settings, publisher: Publisher | None = None) -> Ports:
    """The ports for these settings. `publisher` takes the place of Pub/Sub for a process that does it all itself."""
    place = Place(chosen.needed_project(), chosen.database)
    return Ports(
        place=place,
        state=Place(chosen.needed_project(), chosen.state_database),
        sources=sources(chosen, place),
        target=cache(lambda other, known_as: sources(chosen, other, known_as)),
        repository=_fresh(lambda: open_repository(chosen)),
        salvage=lambda: open_repository(chosen, salvage=True),
        storage={"provider": "local", "path": chosen.needed_repository()},
        ledger=ledger(chosen),
        catalog=catalog(chosen),
        publisher=publisher or pubsub_publisher(chosen),
        clock=SystemClock(),
        random=secrets.token_bytes,
        heartbeat_s=chosen.lease_s / _HEARTBEATS_PER_LEASE,
        checkpoint_bytes=chosen.checkpoint_bytes,
    )


def _fresh(opening: Callable[[], Repository]) -> Callable[[], Repository]:
    opened: list[Repository] = []

    def repository() -> Repository:
        if opened:
            opened[0].refresh()
        else:
            opened.append(opening())
        return opened[0]

    return repository


def inline_ports(chosen: settings.Settings) -> tuple[Ports, InlinePublisher]:
    """The ports of a process that does every job itself, and the queue that it drains."""
    from shared.publishing.inline import InlinePublisher

    queue = InlinePublisher()
    return build_ports(chosen, queue), queue


def deadline_margin() -> float:
    """How long before its time limit a worker hands on, in seconds."""
    return settings.load().deadline_margin_s


def sources(chosen: settings.Settings, place: Place, known_as: str = "") -> Mapping[str, Source]:
    """The source of each content, of one project and database."""
    return {ENTRIES: firestore_source(chosen, place, known_as)}


def firestore_source(chosen: settings.Settings, place: Place, known_as: str = "") -> Source:
    """The source for one database; `known_as` when the records come from another."""
    from shared.sources.firestore import FirestoreSource, Limits, Options

    emulator = bool(chosen.firestore_emulator)
    return FirestoreSource(
        _firestore_channel(chosen.firestore_emulator),
        place.project,
        place.database,
        clock=SystemClock(),
        jitter=SystemRandom().random,
        emulator=emulator,
        known_as=known_as,
        options=Options(
            page_size=chosen.page_size,
            whole_minutes=not emulator,
            ramp=chosen.ramp,
            limits=Limits(part=chosen.part_documents, paged=10 * chosen.part_documents),
        ),
    )


@cache
def _firestore_channel(emulator: str) -> Any:
    from shared.sources.firestore import open_channel

    return open_channel(emulator)


def open_repository(chosen: settings.Settings, *, salvage: bool = False) -> Repository:
    """The repository that exists at the configured place; `salvage` passes over damaged indexes."""
    from shared.repository import Repository

    return Repository.open(
        provider(chosen), keyrings(chosen), secrets.token_bytes, tuning(chosen), salvage=salvage
    )


def create_repository(chosen: settings.Settings, options: Options) -> Repository:
    """A new one there."""
    from shared.repository import Repository

    return Repository.create(provider(chosen), keyrings(chosen), options, secrets.token_bytes, tuning(chosen))


def tuning(chosen: settings.Settings) -> Tuning:
    from shared.repository.tuning import Tuning

    return Tuning(pack_bytes=chosen.pack_bytes, cache_bytes=chosen.cache_bytes, zstd_level=chosen.zstd_level)


def provider(chosen: settings.Settings) -> Provider:
    from shared.providers.local import LocalProvider
    from shared.providers.retry import Backoff, RetryingProvider

    place = chosen.needed_repository()
    if "://" in place:
        raise BadInput(f"a repository at {place} is not supported yet", hint="name a local directory")
    clock = SystemClock()
    local = LocalProvider(Path(place).expanduser(), clock, secrets.token_bytes)
    return RetryingProvider(local, Backoff(), sleep=clock.sleep, jitter=SystemRandom().random)


def keyrings(chosen: settings.Settings) -> list[Keyring]:
    """The ways to the master key that the settings name; none for a repository that is not encrypted."""
    from shared.keys.local import KeyFile
    from shared.keys.passphrase import Passphrase, read_passphrase

    rings: list[Keyring] = []
    if chosen.key_file is not None:
        rings.append(KeyFile(chosen.key_file, secrets.token_bytes))
    if chosen.passphrase_file is not None:
        rings.append(Passphrase(read_passphrase(chosen.passphrase_file), secrets.token_bytes))
    return rings


def make_key_file(path: Path) -> bool:
    """Make a key file if there is none; says whether it did. One that exists is never touched."""
    from shared.keys.local import create_key_file

    try:
        create_key_file(path, secrets.token_bytes)
    except Conflict:
        return False
    return True


def ledger(chosen: settings.Settings) -> Ledger:
    from shared.state.firestore import FirestoreLedger

    return FirestoreLedger(_state_client(chosen), SystemClock(), timedelta(seconds=chosen.lease_s))


def catalog(chosen: settings.Settings) -> Catalog:
    from shared.state.firestore import FirestoreCatalog

    return FirestoreCatalog(_state_client(chosen))


def pubsub_publisher(chosen: settings.Settings) -> Publisher:
    from shared.publishing.pubsub import PubSubPublisher

    return PubSubPublisher(chosen.needed_project(), _pubsub_client)


def _pubsub_client() -> Any:
    from google.cloud import pubsub_v1

    return pubsub_v1.PublisherClient()


@cache
def _state_client(chosen: settings.Settings) -> Any:
    from google.cloud import firestore

    return firestore.Client(project=chosen.needed_project(), database=chosen.state_database)
