"""Where each kind of object lies, and putting objects whose name is the hash of their bytes.

config                              one
keys/<64 hex>                       the master key, wrapped; one per key
removals/<64 hex>/<32 hex>          that somebody is removing a wrapped key
packs/<2 hex>/<64 hex>              sealed blobs
index/<64 hex>                      where blobs are
snapshots/<snapshot id>             manifests
runs/<backup id>/<64 hex>           what a worker hands to the committer
"""

from __future__ import annotations

import re
from typing import Final

from shared.errors import BadInput, Conflict, Corrupt, Missing, NotFound
from shared.format.seal import name_of
from shared.providers.contract import Provider

CONFIG: Final = "config"
KEYS: Final = "keys/"
REMOVALS: Final = "removals/"
PACKS: Final = "packs/"
INDEX: Final = "index/"
SNAPSHOTS: Final = "snapshots/"
RUNS: Final = "runs/"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,127}")
_HASH = re.compile(r"[0-9a-f]{64}")


def pack_key(pack: bytes) -> str:
    name = pack.hex()
    return f"{PACKS}{name[:2]}/{name}"


def snapshot_key(snapshot_id: str) -> str:
    """BadInput for an id that cannot be part of an object key."""
    return SNAPSHOTS + checked_id(snapshot_id)


def checked_id(name: str) -> str:
    """`name` if it can name a snapshot or a backup, else BadInput."""
    if not _ID.fullmatch(name):
        raise BadInput(
            f"{name[:80]!r} cannot be a snapshot's id",
            hint="use up to 128 letters, digits and ._=- characters",
        )
    return name


def hash_in(key: str) -> bytes | None:
    """The hash a key promises its object to have; None for a key that ends otherwise."""
    name = key.rpartition("/")[2]
    return bytes.fromhex(name) if _HASH.fullmatch(name) else None


def put_named(provider: Provider, prefix: str, data: bytes) -> str:
    """Put `data` under `prefix` + its hash, and return the key. It may be there already."""
    key = prefix + name_of(data).hex()
    put_once(provider, key, data)
    return key


def put_once(provider: Provider, key: str, data: bytes) -> None:
    """Put an object whose name follows from its bytes.

    When it exists, an earlier attempt landed and its answer was lost, or somebody stored the same bytes: success,
    once its size was compared.
    """
    try:
        provider.put(key, data)
    except Conflict:
        if provider.stat(key).size != len(data):
            raise Corrupt(f"object {key} is damaged: it has another size than its name promises") from None


def get_named(provider: Provider, key: str) -> bytes:
    """The bytes of an object, proven to have the hash its name promises."""
    try:
        data = provider.get(key)
    except NotFound:
        raise Missing(f"object {key} does not exist") from None
    if hash_in(key) != name_of(data):
        raise Corrupt(f"object {key} is damaged: its bytes do not have the hash its name promises")
    return data
