"""The only module that reads the environment.

A secret is never the value of a variable: variables name the file it stands in. A value that does not fit is
`BadInput` naming the variable; what only some commands need is asked for when it is needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Self, TypeVar

from shared.contents import CONTENTS, MEDIA, SETTINGS, USERS
from shared.errors import BadInput

DEMO_PROJECT: Final = "demo-firekeep"
"""The project of the local stack, used when a Firestore emulator is named and no project is."""

KEY_VARIABLES: Final = (
    "FIREKEEP_KEY_FILE",
    "FIREKEEP_PASSPHRASE_FILE",
    "FIREKEEP_KMS_KEY",
    "FIREKEEP_SECRET",
)
"""What names the key of the repository: at most one of them."""

_T = TypeVar("_T")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):[0-9]{1,5}")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATABASE = re.compile(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]")
_EMULATORS: Final = {
    MEDIA: "STORAGE_EMULATOR_HOST",
    SETTINGS: "FIREBASE_AUTH_EMULATOR_HOST",
    USERS: "FIREBASE_AUTH_EMULATOR_HOST",
}
_SWITCH = {"on": True, "off": False}
_MIB = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Everything that differs between one installation and another. Times in seconds, sizes in bytes."""

    project: str = ""
    """FIREKEEP_PROJECT, else GOOGLE_CLOUD_PROJECT, else GCLOUD_PROJECT: what is backed up."""
    database: str = "(default)"
    """FIREKEEP_DATABASE: the database that is backed up."""
    contents: tuple[str, ...] = CONTENTS
    """FIREKEEP_CONTENTS: what a backup holds unless something is chosen: entries, media, settings, users. By default
    all of them; with emulators, those whose emulators are named."""
    buckets: tuple[str, ...] = ()
    """FIREKEEP_BUCKETS: the buckets whose files are media; by default the one that Firebase makes for a project."""
    settings_collections: tuple[str, ...] = ()
    """FIREKEEP_SETTINGS_COLLECTIONS: root collections whose documents are settings, and no entries then."""
    without_hashes: bool = False
    """FIREKEEP_WITHOUT_HASHES, on or off: whether accounts are backed up even where the hashes of their passwords
    cannot be read. Nobody with a password signs in after a restore of those."""
    state_database: str = "(default)"
    """FIREKEEP_STATE_DATABASE: where jobs and the catalog are; by default the same one."""
    repository: str = ""
    """FIREKEEP_REPOSITORY: a directory, or the URL of a bucket; several for a repository kept in several places."""
    required_copies: int = 0
    """FIREKEEP_REQUIRED_COPIES: how many of the places must hold an object before it counts; 0 for all."""
    s3_endpoint: str = ""
    """FIREKEEP_S3_ENDPOINT: the URL of a store that speaks S3's protocol; empty for AWS."""
    azure_endpoint: str = ""
    """FIREKEEP_AZURE_ENDPOINT: the URL of an Azure storage account that is not at Azure's usual address."""
    azure_account_key: str = field(default="", repr=False)
    """AZURE_STORAGE_ACCOUNT_KEY: the storage account's key, for reading and writing and for holds; empty for an
    identity."""
    lock_holds: bool = False
    """FIREKEEP_LOCK_HOLDS, on or off: whether a hold in a bucket is locked, which nobody can undo."""
    key_file: Path | None = None
    """FIREKEEP_KEY_FILE: the file that holds the repository's key."""
    passphrase_file: Path | None = None
    """FIREKEEP_PASSPHRASE_FILE: the file that holds the passphrase instead."""
    kms_key: str = ""
    """FIREKEEP_KMS_KEY: the key of Cloud KMS instead, projects/P/locations/L/keyRings/R/cryptoKeys/K."""
    secret: str = ""
    """FIREKEEP_SECRET: the secret of Secret Manager instead, projects/P/secrets/S."""
    firestore_emulator: str = ""
    """FIRESTORE_EMULATOR_HOST, host:port; empty for the real service. Likewise the three below."""
    pubsub_emulator: str = ""
    storage_emulator: str = ""
    auth_emulator: str = ""
    part_documents: int = 100_000
    """FIREKEEP_PART_DOCUMENTS: about how many documents one worker reads as a part of a snapshot."""
    lease_s: float = 60.0
    """FIREKEEP_LEASE_SECONDS: how long a silent worker keeps its part before another may take it."""
    deadline_margin_s: float = 60.0
    """FIREKEEP_DEADLINE_MARGIN_SECONDS: how long before its time limit a worker hands on."""
    ramp: bool = True
    """FIREKEEP_RAMP, on or off: whether writes start slowly and grow (500/50/5); off with an emulator."""
    zstd_level: int = 3
    """FIREKEEP_ZSTD_LEVEL, 1 to 19."""
    page_size: int = 300
    """FIREKEEP_PAGE_SIZE: documents asked for in one page."""
    pack_bytes: int = 4 * _MIB
    """FIREKEEP_PACK_MIB: the size of the repository's objects; a worker holds a few of them in memory."""
    cache_bytes: int = 64 * _MIB
    """FIREKEEP_CACHE_MIB: how much of what was read from the repository is kept in memory."""
    collect_grace_s: float = 86_400.0
    """FIREKEEP_COLLECT_GRACE_HOURS: how long what no backup needs stays marked before it is deleted; longer than any
    backup takes."""
    app_check: bool = False
    """FIREKEEP_APP_CHECK, on or off: whether callables ask for a token of App Check."""
    check_revoked: bool = True
    """FIREKEEP_CHECK_REVOKED, on or off: whether callables look up with each call that the account is neither disabled
    nor its sessions revoked; without it that is noticed within an hour."""
    calls_per_minute: int = 60
    """FIREKEEP_CALLS_PER_MINUTE: how often an account may call, for each instance of the function."""
    notify_file: Path | None = None
    """FIREKEEP_NOTIFY_FILE: the file with the URLs of those who are told, one on each line."""
    notify_mail: tuple[str, ...] = ()
    """FIREKEEP_NOTIFY_MAIL: addresses for the documents of the collection `mail`; none by default."""
    notify_topic: str = ""
    """FIREKEEP_NOTIFY_TOPIC: the Pub/Sub topic that programs are told by; none by default."""
    notify_networks: tuple[str, ...] = ()
    """FIREKEEP_NOTIFY_NETWORKS: internal networks, such as 10.1.2.0/24, that those URLs may reach."""
    metrics: str = "none"
    """OTEL_METRICS_EXPORTER: none, console or otlp."""
    verify_within_days: float = 8.0
    """FIREKEEP_VERIFY_WITHIN_DAYS: how old the newest verified backup may be."""
    checkpoint_bytes: int = 1024 * _MIB
    """FIREKEEP_CHECKPOINT_MIB: how much a worker reads before what it has is made durable."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """The settings these variables name; an empty variable counts as absent. BadInput names the variable."""
        read = _Reader(environment)
        emulator = read("FIRESTORE_EMULATOR_HOST", "", _host)
        database = read("FIREKEEP_DATABASE", "(default)", _database)
        named = ("FIREKEEP_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
        project = next(filter(None, (read(variable, "", _project) for variable in named)), "")
        key_file = read("FIREKEEP_KEY_FILE", None, _file)
        passphrase_file = read("FIREKEEP_PASSPHRASE_FILE", None, _file)
        kms_key, secret = read("FIREKEEP_KMS_KEY", "", str), read("FIREKEEP_SECRET", "", str)
        given = (key_file, passphrase_file, kms_key, secret)
        named_keys = [variable for variable, value in zip(KEY_VARIABLES, given, strict=True) if value]
        if len(named_keys) > 1:
            raise BadInput(
                f"{' and '.join(named_keys)} are both set", hint="keep one; any key that opens is enough"
            )
        return cls(
            project=project or (DEMO_PROJECT if emulator else ""),
            database=database,
            contents=_contents(read),
            buckets=read("FIREKEEP_BUCKETS", (), _buckets),
            settings_collections=read("FIREKEEP_SETTINGS_COLLECTIONS", (), _collections),
            without_hashes=read("FIREKEEP_WITHOUT_HASHES", False, _switch),
            state_database=read("FIREKEEP_STATE_DATABASE", database, _database),
            repository=read("FIREKEEP_REPOSITORY", "", str),
            required_copies=read("FIREKEEP_REQUIRED_COPIES", 0, _whole(1, 16)),
            s3_endpoint=read("FIREKEEP_S3_ENDPOINT", "", _url),
            azure_endpoint=read("FIREKEEP_AZURE_ENDPOINT", "", _url),
            azure_account_key=read("AZURE_STORAGE_ACCOUNT_KEY", "", str),
            lock_holds=read("FIREKEEP_LOCK_HOLDS", False, _switch),
            key_file=key_file,
            passphrase_file=passphrase_file,
            kms_key=kms_key,
            secret=secret,
            firestore_emulator=emulator,
            pubsub_emulator=read("PUBSUB_EMULATOR_HOST", "", _host),
            storage_emulator=read("STORAGE_EMULATOR_HOST", "", _host_or_url),
            auth_emulator=read("FIREBASE_AUTH_EMULATOR_HOST", "", _host),
            part_documents=read("FIREKEEP_PART_DOCUMENTS", cls.part_documents, _whole(100, 100_000_000)),
            lease_s=read("FIREKEEP_LEASE_SECONDS", cls.lease_s, _number(1, 3_600)),
            deadline_margin_s=read(
                "FIREKEEP_DEADLINE_MARGIN_SECONDS", cls.deadline_margin_s, _number(0, 3_600)
            ),
            ramp=read("FIREKEEP_RAMP", not emulator, _switch),
            zstd_level=read("FIREKEEP_ZSTD_LEVEL", cls.zstd_level, _whole(1, 19)),
            page_size=read("FIREKEEP_PAGE_SIZE", cls.page_size, _whole(1, 10_000)),
            pack_bytes=read("FIREKEEP_PACK_MIB", cls.pack_bytes, _mebibytes(1, 64)),
            cache_bytes=read("FIREKEEP_CACHE_MIB", cls.cache_bytes, _mebibytes(1, 65_536)),
            collect_grace_s=read("FIREKEEP_COLLECT_GRACE_HOURS", 24.0, _number(1, 8_760)) * 3_600,
            app_check=read("FIREKEEP_APP_CHECK", False, _switch),
            check_revoked=read("FIREKEEP_CHECK_REVOKED", True, _switch),
            calls_per_minute=read("FIREKEEP_CALLS_PER_MINUTE", cls.calls_per_minute, _whole(1, 10_000)),
            notify_file=read("FIREKEEP_NOTIFY_FILE", None, _file),
            notify_mail=read("FIREKEEP_NOTIFY_MAIL", (), _addresses),
            notify_topic=read("FIREKEEP_NOTIFY_TOPIC", "", _topic),
            notify_networks=read("FIREKEEP_NOTIFY_NETWORKS", (), _networks),
            metrics=read("OTEL_METRICS_EXPORTER", cls.metrics, _exporter),
            verify_within_days=read(
                "FIREKEEP_VERIFY_WITHIN_DAYS", cls.verify_within_days, _number(0.01, 3_650)
            ),
            checkpoint_bytes=read("FIREKEEP_CHECKPOINT_MIB", cls.checkpoint_bytes, _mebibytes(1, 65_536)),
        )

    def needed_project(self) -> str:
        """The project; BadInput when none is named."""
        return self.project or _absent("FIREKEEP_PROJECT", "the project whose database is backed up")

    @property
    def key(self) -> tuple[str, str]:
        """The variable that names the repository's key, and its value; two empty texts when none does."""
        given = (self.key_file, self.passphrase_file, self.kms_key, self.secret)
        named = (
            (variable, str(value)) for variable, value in zip(KEY_VARIABLES, given, strict=True) if value
        )
        return next(named, ("", ""))

    @property
    def media_buckets(self) -> tuple[str, ...]:
        """The buckets whose files are media."""
        return self.buckets or (f"{self.needed_project()}.firebasestorage.app",)

    def needed_repository(self) -> str:
        """Where the repository is; BadInput when nothing names it."""
        return self.repository or _absent("FIREKEEP_REPOSITORY", "the directory or bucket of the repository")


def load() -> Settings:
    """The settings of this process."""
    return Settings.from_env(os.environ)


def inherited() -> dict[str, str]:
    """A copy of the whole environment, to hand on to a child process with additions."""
    return dict(os.environ)


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __call__(self, variable: str, default: _T, parse: Callable[[str], _T]) -> _T:
        text = self._environment.get(variable, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            raise BadInput(f"the environment variable {variable} is not valid", hint=str(error)) from None


def _contents(read: _Reader) -> tuple[str, ...]:
    """BadInput when some services are emulators and what is asked for lies in one that is not: a mix of the two
    would copy data of a real project into a test, or the other way round."""
    none: tuple[str, ...] = ()
    chosen = read(
        "FIREKEEP_CONTENTS", none, _listed(re.compile("|".join(CONTENTS)), f"write names of {CONTENTS}")
    )
    if not read("FIRESTORE_EMULATOR_HOST", "", _host):
        return chosen or CONTENTS
    missing = {
        content: variable for content, variable in _EMULATORS.items() if not read(variable, "", _host_or_url)
    }
    for content in chosen:
        if content in missing:
            raise BadInput(
                f"Firestore is an emulator, and {content} are not",
                hint=f"set {missing[content]}, or leave them out",
            )
    return chosen or tuple(content for content in CONTENTS if content not in missing)


def _absent(variable: str, meaning: str) -> str:
    raise BadInput(f"the environment variable {variable} is not set", hint=f"set it to {meaning}")


def _matching(pattern: re.Pattern[str], fix: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(fix)
        return text

    return parse


_host = _matching(_HOST, "write HOST:PORT, such as 127.0.0.1:8080")
_host_or_url = _matching(
    re.compile(r"(https?://)?" + _HOST.pattern), "write HOST:PORT or http://HOST:PORT, such as 127.0.0.1:9199"
)
_url = _matching(re.compile(r"https?://[^\s@]+"), "write https://HOST or https://HOST/PATH")
_project = _matching(_PROJECT, "write the project's id: 6 to 30 lower-case letters, digits and hyphens")
_database = _matching(
    _DATABASE, "write (default) or the database's id: 4 to 63 lower-case letters, digits, hyphens"
)


def _listed(pattern: re.Pattern[str], fix: str) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(re.split(r"[\s,]+", text.strip(" ,"))))
        if not all(map(pattern.fullmatch, names)):
            raise ValueError(fix)
        return names

    return parse


_collections = _listed(re.compile(r"[^/\s,]{1,1500}"), "write names of root collections, separated by spaces")
_buckets = _listed(
    re.compile("[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"),
    "write names of buckets, without gs://, separated by spaces",
)

_addresses = _listed(re.compile(r"[^\s@,<>]{1,64}@[^\s@,<>]{1,255}"), "write addresses, separated by spaces")
_topic = _matching(
    re.compile("[A-Za-z][A-Za-z0-9._~+%-]{2,254}"), "write the topic's name, without projects/"
)
_exporter = _matching(re.compile("none|console|otlp"), "write none, console or otlp")


def _networks(text: str) -> tuple[str, ...]:
    return tuple(str(ip_network(one)) for one in text.replace(",", " ").split())


def _file(text: str) -> Path:
    return Path(text).expanduser()


def _switch(text: str) -> bool:
    if text not in _SWITCH:
        raise ValueError("write on or off")
    return _SWITCH[text]


def _number(least: float, most: float) -> Callable[[str], float]:
    fix = f"write a number from {least:g} to {most:g}"

    def parse(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not least <= float(text) <= most:
            raise ValueError(fix)
        return float(text)

    return parse


def _whole(least: int, most: int) -> Callable[[str], int]:
    fix = f"write a whole number from {least} to {most}"

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(fix)
        return int(text)

    return parse


def _mebibytes(least: int, most: int) -> Callable[[str], int]:
    parse = _whole(least, most)
    return lambda text: parse(text) * _MIB
