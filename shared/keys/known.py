"""A keyring whose 32 bytes are at hand: what a key file and a recovery kit have in common.

The wrapped key carries the key's id, which tells people which key it wants and is no help in finding that key.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import BadInput, WrongKey
from shared.format.seal import NONCE_BYTES, RandomBytes
from shared.keys.contract import Wrapped
from shared.keys.wrapping import unwrap_with, wrap_with

RING: Final = "file"
KEY_BYTES: Final = 32
KIT: Final = "kit"


def key_id(key: bytes) -> str:
    """16 hexadecimal digits that name a key of 32 random bytes."""
    return HKDF(SHA256(), 8, salt=None, info=b"firekeep/1/key id").derive(key).hex()


class KnownKey:
    """`what` is how errors call it. `use` stands in what it wraps, and keeps nothing from opening it."""

    def __init__(self, key: bytes, random: RandomBytes, what: str, use: str = "") -> None:
        self._key = key
        self._random = random
        self._what = what
        self._use = {"use": use} if use else {}

    def wrap(self, master: bytes, context: bytes) -> Wrapped:
        parameters: dict[str, str | int] = {"id": key_id(self._key), **self._use}
        return wrap_with(self._key, RING, parameters, master, context, nonce=self._random(NONCE_BYTES))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        if wrapped.ring != RING:
            raise WrongKey(f"this master key is wrapped by {wrapped.ring!r}, not by a key file")
        if not wrapped.parameters.keys() <= {"id", "use"}:
            raise BadInput("a master key wrapped by a key file has parameters that key files do not give")
        own = key_id(self._key)
        wanted = wrapped.parameters.get("id", own)
        if wanted != own:
            raise WrongKey(
                f"{self._what} holds the key {own}, and the repository wants {wanted}",
                hint="check that it is the right one; `firekeep key list` names the keys that open it",
            )
        return unwrap_with(self._key, wrapped, context, self._what)
