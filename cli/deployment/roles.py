"""Who may do what: a service account for each kind of work, and exactly the permissions that it needs.

Predefined roles are too wide nearly everywhere (roles/datastore.user writes, roles/storage.objectUser deletes), so
most are roles of our own. Only `firekeep-rotate` deletes in the repository; only `firekeep-restore` writes the app.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS

Place = Literal["app", "state", "media", "project", "repository", "secret", "topic"]
"""The app's database, firekeep's own, the app's buckets, the project, the backups' bucket, the key, or a topic."""


@dataclass(frozen=True)
class CustomRole:
    """`permissions` are all there are, each with its reason."""

    id: str
    title: str
    permissions: dict[str, str]


@dataclass(frozen=True)
class Grant:
    """A role at a place. `role` is the id of a custom role, or `roles/...`; `content` what it is needed for."""

    role: str
    place: Place
    reason: str
    contents: tuple[str, ...] = ()
    topic: str = ""


@dataclass(frozen=True)
class Account:
    """What a service account is for, and what it may do. `topics` are those that it publishes to; None for all."""

    title: str
    grants: tuple[Grant, ...]
    topics: tuple[str, ...] | None = field(default=None)


_READ_DOCUMENTS = {
    "datastore.databases.get": "reach the database, as in every predefined role that reads",
    "datastore.entities.get": "read documents",
    "datastore.entities.list": "list and count documents",
    "datastore.indexes.get": "back up indexes",
    "datastore.indexes.list": "back up indexes",
}
_WRITE_ENTITIES = {
    "datastore.entities.create": "create documents",
    "datastore.entities.update": "change documents",
    "datastore.entities.delete": "delete documents",
}
_READ_PROJECT = {
    "cloudconfig.configs.get": "Remote Config",
    "firebaseauth.configs.get": "the settings of Authentication",
    "firebaseauth.configs.getHashConfig": "password hashes and the parameters that they need",
    "firebaseauth.configs.getSecret": "the secrets of identity providers",
    "firebaseauth.users.get": "accounts",
    "firebaserules.releases.get": "which rules are in force",
    "firebaserules.releases.list": "which rules are in force",
    "firebaserules.rulesets.get": "the text of rules",
    "identitytoolkit.tenants.get": "tenants",
    "identitytoolkit.tenants.list": "tenants",
}
_READ_OBJECTS = {"storage.objects.get": "read objects", "storage.objects.list": "list objects"}

ROLES: Final = (
    CustomRole(
        "firekeepState",
        "firekeep: job state and catalog",
        {
            "datastore.databases.get": "transactions",
            "datastore.entities.get": "read jobs and the catalog",
            "datastore.entities.list": "find jobs and backups",
            **_WRITE_ENTITIES,
        },
    ),
    CustomRole("firekeepDocumentReader", "firekeep: read the app's documents", _READ_DOCUMENTS),
    CustomRole(
        "firekeepDocumentWriter",
        "firekeep: restore the app's documents",
        {
            **_READ_DOCUMENTS,
            **_WRITE_ENTITIES,
            "datastore.indexes.create": "restore indexes",
            "datastore.indexes.delete": "remove indexes that the backup does not have",
            "datastore.indexes.update": "restore field exemptions and expiry",
        },
    ),
    CustomRole(
        "firekeepMediaReader",
        "firekeep: read the app's files",
        {**_READ_OBJECTS, "storage.buckets.get": "learn whether the bucket keeps versions"},
    ),
    CustomRole(
        "firekeepMediaWriter",
        "firekeep: restore the app's files",
        {
            **_READ_OBJECTS,
            "storage.buckets.get": "learn whether the bucket keeps versions",
            "storage.objects.create": "write files",
            "storage.objects.delete": "overwrite files, and remove those that a plan lists",
            "storage.objects.update": "restore metadata and download tokens",
        },
    ),
    CustomRole("firekeepProjectReader", "firekeep: read accounts and settings", _READ_PROJECT),
    CustomRole(
        "firekeepProjectWriter",
        "firekeep: restore accounts and settings",
        {
            **_READ_PROJECT,
            "cloudconfig.configs.update": "Remote Config",
            "firebaseauth.configs.create": "identity providers",
            "firebaseauth.configs.update": "the settings of Authentication",
            "firebaseauth.users.create": "import accounts",
            "firebaseauth.users.delete": "remove accounts that a plan lists",
            "firebaseauth.users.update": "change accounts",
            "firebaserules.releases.create": "put rules in force",
            "firebaserules.releases.update": "put rules in force",
            "firebaserules.rulesets.create": "the text of rules",
            "identitytoolkit.tenants.create": "tenants",
            "identitytoolkit.tenants.update": "tenants",
        },
    ),
    CustomRole("firekeepRepositoryReader", "firekeep: read backups", _READ_OBJECTS),
    CustomRole(
        "firekeepRepositoryWriter",
        "firekeep: add backups",
        {**_READ_OBJECTS, "storage.objects.create": "add objects; without delete nothing is overwritten"},
    ),
    CustomRole(
        "firekeepRepositoryPruner",
        "firekeep: remove backups",
        {
            **_READ_OBJECTS,
            "storage.objects.create": "mark what is to be removed",
            "storage.objects.delete": "remove what no backup needs",
        },
    ),
)

_STATE = Grant("firekeepState", "state", "its jobs and the catalog")
_KEY = Grant("roles/secretmanager.secretAccessor", "secret", "open the repository")
_READS = Grant("firekeepRepositoryReader", "repository", "read backups")
_ADDS = Grant("firekeepRepositoryWriter", "repository", "add backups")

ACCOUNTS: Final = {
    "firekeep-snapshot": Account(
        "makes backups",
        (
            _STATE,
            Grant("firekeepDocumentReader", "app", "read documents and indexes", (ENTRIES, SETTINGS)),
            Grant("firekeepMediaReader", "media", "read files", (MEDIA,)),
            Grant("firekeepProjectReader", "project", "read accounts and settings", (USERS, SETTINGS)),
            _ADDS,
            _KEY,
        ),
        ("backup-part", "backup-snapshot", "backup-verify"),
    ),
    "firekeep-verify": Account("verifies backups", (_STATE, _READS, _KEY), ("backup-verify",)),
    "firekeep-rotate": Account(
        "removes backups by the rules",
        (_STATE, Grant("firekeepRepositoryPruner", "repository", "the only one that deletes"), _KEY),
        ("backup-rotate",),
    ),
    "firekeep-restore": Account(
        "restores",
        (
            _STATE,
            Grant("firekeepDocumentWriter", "app", "write documents and indexes", (ENTRIES, SETTINGS)),
            Grant("firekeepMediaWriter", "media", "write files", (MEDIA,)),
            Grant("firekeepProjectWriter", "project", "write accounts and settings", (USERS, SETTINGS)),
            Grant("firekeepRepositoryWriter", "repository", "read backups, and add what a restore replaces"),
            _KEY,
        ),
        ("backup-restore",),
    ),
    "firekeep-request": Account("accepts requests for backups", (_STATE,), ("backup-snapshot",)),
    "firekeep-api": Account(
        "answers client apps",
        (
            _STATE,
            Grant("firekeepDocumentReader", "app", "count documents for estimates", (ENTRIES, SETTINGS)),
            Grant("firekeepMediaReader", "media", "list files for estimates", (MEDIA,)),
            Grant("firekeepProjectReader", "project", "see that an account may still call; estimates"),
            _READS,
            _KEY,
        ),
        ("backup-restore", "backup-snapshot"),
    ),
    "firekeep-tick": Account("starts what is due", (_STATE,), ("backup-restore", "backup-snapshot")),
    "firekeep-monitor": Account("watches and tells", (_STATE, _READS, _KEY)),
}
_OTHER = Account("asks others to work", (_STATE,))


def account(name: str) -> Account:
    """What a service account of the table may do; one not named here keeps state, and asks others by messages."""
    return ACCOUNTS.get(name, _OTHER)


def permissions_of(role: str) -> dict[str, str]:
    """The permissions of a custom role with their reasons; KeyError for one that is not ours."""
    return {one.id: one for one in ROLES}[role].permissions
