"""Keys of a repository, blob ids, and sealing: bytes that only the key's holder can read or make.

One random master key gives one key per purpose by HKDF-SHA256, salted with the repository id:

    id key        keyed BLAKE3 over kind byte and plaintext: the id of a blob
    blob key      AES-256-GCM of blobs
    metadata key  AES-256-GCM of pack tables, indexes, manifests and runs
    config key    keyed BLAKE3 over the `config` object
    chunker seed  u64, where the tree cuts its nodes

Sealed blob:  flags u8 | base id 32 (patch only) | nonce 12 | ciphertext and tag 16     (encrypted)
              flags u8 | base id 32 (patch only) | payload                             (not encrypted)
Sealed metadata:  1 | nonce 12 | ciphertext and tag 16     or     0 | keyed BLAKE3 32 | plaintext

`docs/format.md` has the tables. Randomness is handed in.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import BadInput, Corrupt
from shared.format.compress import MAX_PATCHED, MAX_RAW, Compressor, Decompressor

RandomBytes = Callable[[int], bytes]
"""`random(n)` gives n unpredictable bytes; `os.urandom` outside of tests."""

ID_BYTES: Final = 32
MASTER_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16

_ZSTD, _PATCH, _ENCRYPTED = 1, 2, 4
_BLOB_LABEL: Final = b"firekeep/1/blob"


@dataclass(frozen=True, repr=False)
class Keys:
    """The keys of one repository, one per purpose. Never printed."""

    id: bytes
    blob: bytes
    metadata: bytes
    config: bytes
    chunker_seed: int


def derive(master: bytes, repository: bytes) -> Keys:
    """The keys that `master` (32 bytes) gives for the repository of that id."""
    if len(master) != MASTER_BYTES:
        raise BadInput(f"a master key has {MASTER_BYTES} bytes, not {len(master)}")

    def purpose(name: bytes, length: int = 32) -> bytes:
        return HKDF(SHA256(), length, salt=repository, info=b"firekeep/1/" + name).derive(master)

    return Keys(
        id=purpose(b"id"),
        blob=purpose(b"blob key"),
        metadata=purpose(b"metadata"),
        config=purpose(b"config"),
        chunker_seed=int.from_bytes(purpose(b"chunker", 8), "little"),
    )


def name_of(data: bytes) -> bytes:
    """The unkeyed BLAKE3 that names packs, indexes, runs and wrapped keys: damage is found without a key."""
    return blake3(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """Keyed BLAKE3, 32 bytes."""
    return blake3(data, key=key).digest()


class Base(NamedTuple):
    """A blob that is stored whole, offered as what a patch may stand on."""

    id: bytes
    data: bytes
    stored: int


class Sealed(NamedTuple):
    """A blob as it is stored. `base` is empty unless it is a patch; `raw` is the plaintext's length."""

    data: bytes
    raw: int
    base: bytes


class Sealer:
    """Seals and opens under one repository's keys and switches. Safe from many threads."""

    def __init__(
        self, keys: Keys, random: RandomBytes, *, encrypt: bool = True, compress: bool = True, level: int = 3
    ) -> None:
        self._keys = keys
        self._random = random
        self._encrypt = encrypt
        self._compressor = Compressor(level) if compress else None
        self._decompressor = Decompressor()
        self._blob = AESGCM(keys.blob)
        self._metadata = AESGCM(keys.metadata)

    @property
    def compresses(self) -> bool:
        """Whether patches are possible at all."""
        return self._compressor is not None

    def identify(self, kind: int, data: bytes) -> bytes:
        """The 32-byte id of a plaintext."""
        hasher = blake3(bytes((kind,)), key=self._keys.id)
        hasher.update(data)
        return hasher.digest()

    def seal(self, kind: int, blob_id: bytes, data: bytes, base: Base | None = None) -> Sealed:
        """The stored form of `data`: a patch of `base` when that is at most half as long as `base` is stored."""
        if len(data) > MAX_RAW:
            raise BadInput(f"a blob of {len(data)} bytes is too long", hint=f"the limit is {MAX_RAW}")
        if (
            base is not None
            and self._compressor is not None
            and len(base.data) + len(data) <= 2 * MAX_PATCHED
        ):
            patch = self._compressor.patch(data, base.data)
            if 2 * len(patch) <= base.stored:
                header = self._header(_ZSTD | _PATCH) + base.id
                return Sealed(self._close(kind, blob_id, header, patch), len(data), base.id)
        payload = data if self._compressor is None else self._compressor.whole(data)
        if self._compressor is None or len(payload) >= len(data):
            return Sealed(self._close(kind, blob_id, self._header(0), data), len(data), b"")
        return Sealed(self._close(kind, blob_id, self._header(_ZSTD), payload), len(data), b"")

    def open(
        self, kind: int, blob_id: bytes, sealed: bytes, raw: int, base: Callable[[bytes], bytes]
    ) -> bytes:
        """The plaintext, `raw` bytes, proven to have that id. `base(id)` fetches what a patch stands on."""
        header, payload = self._unclose(kind, blob_id, sealed)
        flags = header[0] & ~_ENCRYPTED
        if flags == 0:
            data = payload
        elif flags == _ZSTD:
            data = self._decompressor.whole(payload, raw)
        else:
            data = self._decompressor.patch(payload, base(header[1:]), raw)
        if len(data) != raw or self.identify(kind, data) != blob_id:
            raise Corrupt(f"blob {blob_id.hex()} is damaged: its content does not have its id")
        return data

    def seal_metadata(self, label: bytes, data: bytes) -> bytes:
        """`data` bound to `label`: what it is, and of which object."""
        if not self._encrypt:
            return b"\x00" + mac(self._keys.metadata, label + b"\x00" + data) + data
        nonce = self._random(NONCE_BYTES)
        return b"\x01" + nonce + self._metadata.encrypt(nonce, data, label + b"\x01")

    def open_metadata(self, label: bytes, sealed: bytes, what: str) -> bytes:
        """The inverse; Corrupt, naming `what`, when a bit differs or the label is another."""
        if sealed[:1] != (b"\x01" if self._encrypt else b"\x00"):
            raise Corrupt(f"{what} is damaged: it is not sealed the way this repository seals")
        if not self._encrypt:
            data = sealed[33:]
            if not hmac.compare_digest(mac(self._keys.metadata, label + b"\x00" + data), sealed[1:33]):
                raise Corrupt(f"{what} is damaged: its checksum does not match")
            return data
        try:
            return self._metadata.decrypt(sealed[1:13], sealed[13:], label + b"\x01")
        except (InvalidTag, ValueError):
            raise Corrupt(f"{what} is damaged, or was not written under this key") from None

    def _header(self, flags: int) -> bytes:
        return bytes((flags | (_ENCRYPTED if self._encrypt else 0),))

    def _close(self, kind: int, blob_id: bytes, header: bytes, payload: bytes) -> bytes:
        if not self._encrypt:
            return header + payload
        nonce = self._random(NONCE_BYTES)
        aad = _BLOB_LABEL + bytes((kind,)) + blob_id + header
        return header + nonce + self._blob.encrypt(nonce, payload, aad)

    def _unclose(self, kind: int, blob_id: bytes, sealed: bytes) -> tuple[bytes, bytes]:
        flags = sealed[0] if sealed else 0xFF
        if flags & ~(_ZSTD | _PATCH | _ENCRYPTED) or flags & (_ZSTD | _PATCH) == _PATCH:
            raise Corrupt(f"blob {blob_id.hex()} is damaged: unknown flags")
        if bool(flags & _ENCRYPTED) != self._encrypt:
            raise Corrupt(f"blob {blob_id.hex()} is not sealed the way this repository seals")
        end = 1 + (ID_BYTES if flags & _PATCH else 0)
        header = sealed[:end]
        if not self._encrypt:
            return header, sealed[end:]
        aad = _BLOB_LABEL + bytes((kind,)) + blob_id + header
        try:
            nonce, body = sealed[end : end + NONCE_BYTES], memoryview(sealed)[end + NONCE_BYTES :]
            return header, self._blob.decrypt(nonce, body, aad)
        except (InvalidTag, ValueError):
            raise Corrupt(f"blob {blob_id.hex()} is damaged, or was not written under this key") from None
