"""The `config` object: what must be known of a repository before anything else of it can be read.

`{"config": BODY, "digest": HEX, "mac": HEX}`, canonical JSON. The digest is the BLAKE3 of BODY's canonical bytes, so
damage is told from a wrong key; the MAC is keyed BLAKE3 under the config key, so nobody without the master key can
change a switch (turn encryption off, say).
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from shared.errors import BadInput, Corrupt, Unsupported
from shared.format.canonical import JsonObject, decode, encode, only
from shared.format.chunker import Chunking
from shared.format.seal import MASTER_BYTES, mac, name_of

FORMAT_VERSION: Final = 1
REPOSITORY_ID_BYTES: Final = 16


@dataclass(frozen=True)
class Options:
    """Switches fixed for a repository's life, because ids and shapes depend on them.

    `leaf_*` are bytes of keys and values in a leaf of the tree, `fan_*` children of an inner node.
    """

    compression: bool = True
    encryption: bool = True
    leaf_target: int = 64 << 10
    leaf_min: int = 16 << 10
    leaf_max: int = 256 << 10
    fan_target: int = 256
    fan_min: int = 32
    fan_max: int = 1024

    def __post_init__(self) -> None:
        self.chunking(0)

    def chunking(self, seed: int) -> Chunking:
        """Where the repository's trees are cut, given its secret seed. BadInput when sizes contradict each other."""
        return Chunking(
            seed, self.leaf_target, self.leaf_min, self.leaf_max, self.fan_target, self.fan_min, self.fan_max
        )


@dataclass(frozen=True, repr=False)
class Config:
    """`repository` is the id (16 bytes); `clear_master` is the master key of a repository that is not encrypted."""

    repository: bytes
    options: Options
    clear_master: bytes | None


def encode_config(config: Config, mac_key: bytes) -> bytes:
    """The object's bytes."""
    clear = config.clear_master
    body: JsonObject = {
        "format": FORMAT_VERSION,
        "repository": config.repository.hex(),
        "options": asdict(config.options),
        "clearMaster": None if clear is None else base64.b64encode(clear).decode(),
    }
    plain = encode(body)
    return encode({"config": body, "digest": name_of(plain).hex(), "mac": mac(mac_key, plain).hex()})


def parse_config(data: bytes) -> Config:
    """The configuration, undamaged but not yet known to be authentic: `check_config` follows."""
    envelope = only(decode(data, "config"), {"config", "digest", "mac"}, "config")
    body = envelope["config"]
    if not isinstance(body, dict) or name_of(encode(body)).hex() != envelope["digest"]:
        raise Corrupt("config is damaged: its content does not match its digest")
    if body.get("format") != FORMAT_VERSION:
        raise Unsupported(
            f"the repository has format {body.get('format')!r}; this release reads format {FORMAT_VERSION}",
            hint="update firekeep",
        )
    only(body, {"format", "repository", "options", "clearMaster"}, "config")
    try:
        return Config(
            bytes.fromhex(body["repository"]), _options(body["options"]), _master(body["clearMaster"])
        )
    except (TypeError, ValueError, BadInput) as error:
        raise Corrupt(f"config is damaged: {error}") from None


def check_config(data: bytes, mac_key: bytes) -> None:
    """Corrupt unless the object was made by a holder of the master key."""
    envelope = decode(data, "config")
    expected = mac(mac_key, encode(envelope["config"])).hex()
    if not hmac.compare_digest(expected.encode(), str(envelope["mac"]).encode()):
        raise Corrupt("config is damaged, or was changed by someone without the key: its MAC does not match")


def _options(value: Any) -> Options:
    shape = {field.name: type(field.default) for field in fields(Options)}
    only(value, set(shape), "config")
    for name, kind in shape.items():
        if type(value[name]) is not kind:
            raise ValueError(f"option {name} is not {kind.__name__}")
    return Options(**value)


def _master(text: str | None) -> bytes | None:
    if text is None:
        return None
    master = base64.b64decode(text, validate=True)
    if len(master) != MASTER_BYTES:
        raise ValueError("the clear master key has the wrong length")
    return master
