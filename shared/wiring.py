"""The composition root: the only module that names concrete classes.

Everything is made at first use and kept for the life of the process, so that an instance pays for a connection,
for the key and for the index once, and for nothing its job does not need.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from shared import settings
from shared.clock import SystemClock
from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.errors import BadInput, Conflict, FirekeepError
from shared.jobs.ports import Names, Place, Ports

if TYPE_CHECKING:
    from shared.exporting.linking import Linking
    from shared.format.config import Options
    from shared.identity.contract import Identity
    from shared.jobs.monitor import Watch
    from shared.keys.contract import Keyring
    from shared.monitoring.contract import Metrics
    from shared.notify.contract import Channel
    from shared.providers.contract import Provider
    from shared.providers.transfer import Transfer
    from shared.publishing.contract import Publisher
    from shared.publishing.inline import InlinePublisher
    from shared.repository import Repository
    from shared.repository.keychain import Keychain
    from shared.repository.tuning import Tuning
    from shared.sources.contract import Source
    from shared.state.contract import Answers, Board, Catalog, Ledger, Schedules

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
        target=cache(lambda other, names: sources_elsewhere(chosen, other, names)),
        settings_collections=chosen.settings_collections if SETTINGS in chosen.contents else (),
        repository=_fresh(lambda: open_repository(chosen)),
        salvage=lambda: open_repository(chosen, salvage=True),
        lagging=lambda: sorted(_lagging),
        storage=_storage(chosen),
        ledger=ledger(chosen),
        catalog=catalog(chosen),
        board=board(chosen),
        schedules=schedules(chosen),
        answers=answers(chosen),
        publisher=publisher or pubsub_publisher(chosen),
        clock=SystemClock(),
        random=secrets.token_bytes,
        heartbeat_s=chosen.lease_s / _HEARTBEATS_PER_LEASE,
        checkpoint_bytes=chosen.checkpoint_bytes,
        collect_grace=timedelta(seconds=chosen.collect_grace_s),
    )


def _storage(chosen: settings.Settings) -> dict[str, str]:
    """As the catalog shows it: the first place's kind, and all of them."""
    from shared.providers.places import parse_places

    named = parse_places(chosen.needed_repository())
    return {"provider": named[0].kind, "path": " ".join(map(str, named))}


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


def calls_per_minute() -> int:
    """How often an account may call a callable."""
    return settings.load().calls_per_minute


@cache
def identity() -> Identity:
    """Who calls. BadInput where tokens would not be verified although the data are real."""
    from shared.identity.firebase import FirebaseIdentity, open_app

    chosen = settings.load()
    if chosen.auth_emulator and not chosen.firestore_emulator:
        raise BadInput(
            "accounts are an emulator's, whose tokens anybody can make, and the documents are real",
            hint="unset FIREBASE_AUTH_EMULATOR_HOST, or set FIRESTORE_EMULATOR_HOST too",
        )
    return FirebaseIdentity(
        open_app(chosen.needed_project()),
        app_check=chosen.app_check,
        check_revoked=chosen.check_revoked,
    )


def sources(chosen: settings.Settings, place: Place) -> Mapping[str, Source]:
    """The source of each content that is set up."""
    buckets = {name: name for name in chosen.media_buckets} if chosen.project else {}
    return _sources(chosen, place, Names(place.database, tuple(buckets.items())), chosen.contents)


def sources_elsewhere(chosen: settings.Settings, place: Place, names: Names) -> Mapping[str, Source]:
    """Those of another place, for records that know it by other names.

    Another database of the same project has no files and accounts of its own: there are only documents.
    """
    own = place.project == chosen.project and place.database != chosen.database
    only = {ENTRIES, MEDIA} if names.buckets else {ENTRIES}
    return _sources(chosen, place, names, [name for name in chosen.contents if not own or name in only])


def _sources(
    chosen: settings.Settings, place: Place, names: Names, contents: Iterable[str]
) -> Mapping[str, Source]:
    made: dict[str, Callable[[], Source]] = {
        ENTRIES: lambda: firestore_source(chosen, place, names.database),
        MEDIA: lambda: media_source(chosen, dict(names.buckets)),
        SETTINGS: lambda: settings_source(chosen, place, names),
        USERS: lambda: users_source(chosen, place, dict(names.hashing)),
    }
    return {name: made[name]() for name in contents}


def settings_source(chosen: settings.Settings, place: Place, names: Names) -> Source:
    """The configuration of a project and a database of it; of a local stack, what has an emulator."""
    from shared.sources.settings import Endpoints, SettingsSource

    emulated = bool(chosen.firestore_emulator)
    return SettingsSource(
        _settings_http(emulated),
        place.project,
        place.database,
        clock=SystemClock(),
        jitter=SystemRandom().random,
        endpoints=Endpoints.of_emulators(chosen.auth_emulator) if emulated else Endpoints(),
        buckets=[name for name, _ in names.buckets],
        elsewhere=dict(names.buckets),
        documents=firestore_source(chosen, place, names.database),
        collections=chosen.settings_collections,
        # The official Auth emulator tells no parameters, and needs none.
        need_hashes=USERS in chosen.contents and not chosen.without_hashes and not emulated,
    )


def users_source(chosen: settings.Settings, place: Place, hashing: Mapping[str, str]) -> Source:
    """The accounts of a project. `hashing` has the parameters of their hashes as JSON, by tenant."""
    from shared.sources.users import ENDPOINT, UNPACED, Options, UsersSource

    emulator = chosen.auth_emulator

    def parameters(tenant: str) -> dict[str, Any] | None:
        told = hashing.get(tenant) or hashing.get("")
        if told is None:
            return None
        found: dict[str, Any] = json.loads(told)
        return {"algorithm": found.pop("hashAlgorithm"), **found}

    return UsersSource(
        _users_http(emulator),
        place.project,
        clock=SystemClock(),
        jitter=SystemRandom().random,
        endpoint=emulator or ENDPOINT,
        bearer="owner" if emulator else "",
        hash_config=parameters,
        without_hashes=chosen.without_hashes,
        options=UNPACED if emulator else Options(),
    )


@cache
def _settings_http(emulated: bool) -> Any:
    from shared.sources.settings import open_http

    return open_http(emulated=emulated)


@cache
def _users_http(emulator: str) -> Any:
    from shared.sources.users import open_http

    return open_http(emulator)


def media_source(chosen: settings.Settings, buckets: Mapping[str, str]) -> Source:
    """Buckets as records name them, each with its name in the service."""
    from shared.sources.media import ENDPOINT, MediaSource

    return MediaSource(
        _media_http(chosen.storage_emulator),
        tuple(buckets),
        clock=SystemClock(),
        jitter=SystemRandom().random,
        elsewhere=buckets,
        endpoint=chosen.storage_emulator or ENDPOINT,
    )


@cache
def _media_http(emulator: str) -> Any:
    from shared.sources.media import open_http

    return open_http(emulator)


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
    """The repository that exists at the configured place; `salvage` passes over damaged indexes and copies."""
    return open_repository_in(provider(chosen, past_damage=salvage), chosen, salvage=salvage)


def open_repository_in(store: Provider, chosen: settings.Settings, *, salvage: bool = False) -> Repository:
    """The one in this store, opened with the keys that the settings name."""
    from shared.repository import Repository

    return Repository.open(store, keyrings(chosen), secrets.token_bytes, tuning(chosen), salvage=salvage)


def create_repository(chosen: settings.Settings, options: Options) -> Repository:
    """A new one there."""
    from shared.repository import Repository

    return Repository.create(provider(chosen), keyrings(chosen), options, secrets.token_bytes, tuning(chosen))


def tuning(chosen: settings.Settings) -> Tuning:
    from shared.repository.tuning import Tuning

    return Tuning(pack_bytes=chosen.pack_bytes, cache_bytes=chosen.cache_bytes, zstd_level=chosen.zstd_level)


def provider(chosen: settings.Settings, *, past_damage: bool = False) -> Provider:
    """The repository's place, or its places as one. `past_damage` reads a copy where another is damaged."""
    from shared.providers.replicated import Member, ReplicatedProvider

    named = places(chosen)
    if len(named) == 1 and chosen.required_copies in (0, 1):
        return provider_at(chosen, named[0])
    members = [Member(name, provider_at(chosen, name)) for name in named]
    required = chosen.required_copies or len(members)
    return ReplicatedProvider(members, required, told=_tell_lag, past_damage=past_damage)


def places(chosen: settings.Settings) -> list[str]:
    """Where the repository is, one by one, as they are always written. BadInput for what is no place."""
    from shared.providers.places import parse_places

    return [str(place) for place in parse_places(chosen.needed_repository())]


def key_file_for(chosen: settings.Settings) -> Path:
    """Where the key of a new repository goes: beside a folder; for a bucket, into the present folder."""
    from shared.providers.places import parse_places

    places = parse_places(chosen.needed_repository())
    folder = next((Path(place.prefix) for place in places if not place.scheme), None)
    return folder.with_name(f"{folder.name}.key") if folder else Path(f"{places[0].name}.key").absolute()


def provider_at(chosen: settings.Settings, place: str) -> Provider:
    """One place, tried again where that may help."""
    from shared.providers.retry import Backoff, RetryingProvider

    return RetryingProvider(
        _store_at(chosen, place), Backoff(), sleep=SystemClock().sleep, jitter=SystemRandom().random
    )


def _store_at(chosen: settings.Settings, place: str) -> Provider:
    from shared.providers.places import parse_place

    at = parse_place(place)
    if at.scheme in ("gs", "firebase"):
        from shared.providers.buckets import cloud_bucket, firebase_bucket
        from shared.providers.cloud import CloudProvider, Manner

        opened = firebase_bucket if at.scheme == "firebase" else cloud_bucket
        bucket = opened(at.bucket, chosen.project, chosen.storage_emulator)
        return CloudProvider(bucket, at.prefix, Manner(lock_holds=chosen.lock_holds))
    if at.scheme in ("s3", "az"):
        from shared.providers.stores import azure_provider, s3_provider

        if at.scheme == "s3":
            return s3_provider(
                at.bucket, at.prefix, endpoint=chosen.s3_endpoint, lock_holds=chosen.lock_holds
            )
        return azure_provider(
            at.bucket,
            at.prefix,
            endpoint=chosen.azure_endpoint,
            lock_holds=chosen.lock_holds,
            config={"account_key": chosen.azure_account_key} if chosen.azure_account_key else {},
        )
    from shared.providers.local import LocalProvider

    return LocalProvider(Path(at.prefix), SystemClock(), secrets.token_bytes)


def transfer(source: Provider, destination: Provider, seen: Callable[[Any], None]) -> Transfer:
    """A copy of a repository in the making: in the order that makes it one with its last object."""
    from shared.providers.transfer import Transfer
    from shared.repository.layout import CONFIG, INDEX, KEYS, PACKS, RUNS, SNAPSHOTS

    return Transfer(source, destination, (PACKS, RUNS, INDEX, KEYS, "", SNAPSHOTS, CONFIG), seen)


_lagging: set[str] = set()
"""The places that missed a write of this process."""


def _tell_lag(lag: Any) -> None:
    import logging

    _lagging.add(lag.name)
    logging.getLogger("firekeep").warning(
        "%s lacks what was just written: %s; `firekeep migrate --sync` brings it up to date",
        lag.name,
        lag.why,
    )


def keyrings(chosen: settings.Settings) -> list[Keyring]:
    """The way to the master key that the settings name; none for a repository that is not encrypted."""
    rings: list[Keyring] = []
    if chosen.key_file is not None:
        from shared.keys.local import KeyFile

        rings.append(KeyFile(chosen.key_file, secrets.token_bytes))
    if chosen.passphrase_file is not None:
        from shared.keys.passphrase import Passphrase, read_passphrase

        rings.append(Passphrase(read_passphrase(chosen.passphrase_file), secrets.token_bytes))
    if chosen.kms_key:
        from shared.keys.kms import CloudKms

        rings.append(CloudKms(chosen.kms_key, _kms_client))
    if chosen.secret:
        from shared.keys.secret import SecretManager

        rings.append(SecretManager(chosen.secret, _secrets_client, secrets.token_bytes))
    return rings


@cache
def _kms_client() -> Any:
    from google.cloud import kms_v1

    return kms_v1.KeyManagementServiceClient()


@cache
def _secrets_client() -> Any:
    from google.cloud import secretmanager_v1

    return secretmanager_v1.SecretManagerServiceClient()


def keychain(chosen: settings.Settings) -> Keychain:
    """The keys of the repository, opened with the one that the settings name."""
    from shared.repository.keychain import Keychain

    return Keychain.open(provider(chosen), keyrings(chosen), secrets.token_bytes)


def kit_key() -> tuple[Keyring, str, list[str]]:
    """A new key for a recovery kit: the keyring, the key's id, and the lines to print."""
    from shared.keys.kit import encode_kit, kit_lines
    from shared.keys.known import KEY_BYTES, KIT, KnownKey, key_id

    key = secrets.token_bytes(KEY_BYTES)
    return (
        KnownKey(key, secrets.token_bytes, "the kit", KIT),
        key_id(key),
        kit_lines(encode_kit(key)),
    )


def write_kit(path: Path, page: str) -> None:
    """A kit's page as a new file that only its owner may read."""
    from shared.keys.private import write_private

    write_private(path, "file", page.encode())


def passphrase_in(path: Path) -> str:
    """The one line of a passphrase file."""
    from shared.keys.passphrase import read_passphrase

    return read_passphrase(path)


def private_text(path: Path, what: str) -> str:
    """What a small secret file holds. Denied when others may read it."""
    from shared.keys.private import read_private

    return read_private(path, what, 4_096).decode(errors="replace")


def write_secret(path: Path, what: str, text: str) -> None:
    """A new file that only its owner may read."""
    from shared.keys.private import write_private

    write_private(path, what, text.encode())


def linking(chosen: settings.Settings) -> Linking:
    """How the repository's first place makes links to its objects."""
    from shared.exporting.linking import CloudLinks, PathLinks, store_links
    from shared.providers.places import parse_places

    at = parse_places(chosen.needed_repository())[0]
    lead = f"{at.prefix}/" if at.prefix else ""
    if at.scheme in ("gs", "firebase"):
        from shared.providers.buckets import cloud_bucket, firebase_bucket

        opened = firebase_bucket if at.scheme == "firebase" else cloud_bucket
        return CloudLinks(opened(at.bucket, chosen.project, chosen.storage_emulator), lead)
    if at.scheme in ("s3", "az"):
        endpoint = chosen.s3_endpoint if at.scheme == "s3" else chosen.azure_endpoint
        return store_links(at.scheme, at.bucket, lead, endpoint)
    return PathLinks(Path(at.prefix))


def key_file_from_kit(text: str, path: Path) -> str:
    """Make a key file of what stands on a recovery kit; the key's id. BadInput names the group that is mistyped."""
    from shared.keys.kit import decode_kit
    from shared.keys.known import key_id
    from shared.keys.local import write_key_file

    key = decode_kit(text)
    write_key_file(path, key)
    return key_id(key)


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


def project() -> str:
    """The project, for what is logged; empty when the settings are not valid, which the job itself tells."""
    try:
        return settings.load().project
    except BadInput:
        return ""


@cache
def metrics() -> Metrics:
    """What counts. What cannot be set up counts nothing, and says so in the log."""
    from shared.monitoring.logs import log

    try:
        exporter = settings.load().metrics
        if exporter == "none":
            from shared.monitoring.metrics import NoMetrics

            return NoMetrics()
        from shared.monitoring.exporters import metrics_to

        return metrics_to(exporter)
    except FirekeepError as error:
        from shared.monitoring.metrics import NoMetrics

        log("WARNING", str(error), {"code": error.code})
        return NoMetrics()


def watch(chosen: settings.Settings | None = None) -> Watch:
    """What the monitor uses: of this process, or as these settings describe it."""
    from shared.jobs.monitor import Watch
    from shared.state.watching import FirestoreWatch

    if chosen is None:
        chosen, bundle = settings.load(), ports()
    else:
        bundle = build_ports(chosen)
    return Watch(
        ports=bundle,
        store=FirestoreWatch(_state_client(chosen)),
        channels=lambda: channels(chosen, bundle.publisher),
        metrics=metrics(),
        verify_within=timedelta(days=chosen.verify_within_days),
    )


def channels(chosen: settings.Settings, publisher: Publisher) -> list[Channel]:
    """Those by which people are told. A file that cannot be read is a channel that says so when it is used."""
    from shared.notify.mail import MailChannel
    from shared.notify.topic import TopicChannel
    from shared.notify.urls import BrokenFile, url_channels

    found: list[Channel] = []
    if chosen.notify_file:
        from shared.keys.private import read_private

        try:
            text = read_private(chosen.notify_file, "the file of notifications", 65_536).decode(
                errors="replace"
            )
        except FirekeepError as error:
            found.append(BrokenFile(error))
        else:
            found += url_channels(text, tuple(map(ip_network, chosen.notify_networks)))
    if chosen.notify_mail:
        found.append(MailChannel(lambda: _app_client(chosen), "mail", chosen.notify_mail))
    if chosen.notify_topic:
        found.append(TopicChannel(publisher.publish, chosen.notify_topic))
    return found


@cache
def _app_client(chosen: settings.Settings) -> Any:
    from google.cloud import firestore

    return firestore.Client(project=chosen.needed_project(), database=chosen.database)


def schedules(chosen: settings.Settings) -> Schedules:
    from shared.state.planning import FirestoreSchedules

    return FirestoreSchedules(_state_client(chosen))


def answers(chosen: settings.Settings) -> Answers:
    from shared.state.answering import FirestoreAnswers

    return FirestoreAnswers(_state_client(chosen))


def board(chosen: settings.Settings) -> Board:
    from shared.state.progress import FirestoreBoard

    return FirestoreBoard(_state_client(chosen))


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
