"""What keyrings with a key of their own share: AES-256-GCM over the master key.

The repository id, the ring and its parameters are bound as associated data, so a wrapped key moved to another
repository, or given other parameters, does not open.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import WrongKey
from shared.format.canonical import encode
from shared.format.seal import NONCE_BYTES
from shared.keys.contract import Wrapped


def wrap_with(
    key: bytes, ring: str, parameters: Mapping[str, str | int], master: bytes, context: bytes, *, nonce: bytes
) -> Wrapped:
    """`data` is nonce 12, ciphertext 32, tag 16. `nonce` is fresh and random."""
    sealed = AESGCM(key).encrypt(nonce, master, bound(ring, parameters, context))
    return Wrapped(ring, dict(parameters), nonce + sealed)


def unwrap_with(key: bytes, wrapped: Wrapped, context: bytes, what: str) -> bytes:
    """The master key; WrongKey, naming `what`, when this key does not open it."""
    nonce, sealed = wrapped.data[:NONCE_BYTES], wrapped.data[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, sealed, bound(wrapped.ring, wrapped.parameters, context))
    except (InvalidTag, ValueError):
        raise WrongKey(
            f"{what} does not open this repository", hint="check that it is the right one"
        ) from None


def bound(ring: str, parameters: Mapping[str, str | int], context: bytes) -> bytes:
    """The associated data of a wrapped key."""
    return b"firekeep/1/wrap/" + encode(
        {"context": context.hex(), "ring": ring, "parameters": dict(parameters)}
    )
