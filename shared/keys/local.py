"""A keyring that is a small text file: `firekeep-key-1 <base64 of 32 random bytes>`.

The file is made create-only with mode 0600, and refused when others may read it. Whoever has it and the bucket
has everything; whoever loses it has nothing.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Final

from shared.errors import BadInput
from shared.format.seal import RandomBytes
from shared.keys.contract import Wrapped
from shared.keys.known import KEY_BYTES, KnownKey
from shared.keys.private import read_private, write_private

_PREFIX: Final = "firekeep-key-1 "
_MAX_BYTES: Final = 256


def create_key_file(path: Path, random: RandomBytes) -> None:
    """Write a new key file. Conflict when something is there already: a key is never overwritten."""
    write_key_file(path, random(KEY_BYTES))


def write_key_file(path: Path, key: bytes) -> None:
    """As `create_key_file`, with a key that exists."""
    write_private(path, "key file", f"{_PREFIX}{base64.b64encode(key).decode()}\n".encode())


class KeyFile:
    """Wraps with the key in a file. The file is read, and its permissions checked, at each use."""

    def __init__(self, path: Path, random: RandomBytes) -> None:
        self._path = path
        self._random = random

    def wrap(self, master: bytes, context: bytes) -> Wrapped:
        return self._ring().wrap(master, context)

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        return self._ring().unwrap(wrapped, context)

    def _ring(self) -> KnownKey:
        return KnownKey(self._key(), self._random, f"key file {self._path}")

    def _key(self) -> bytes:
        text = read_private(self._path, "key file", _MAX_BYTES).decode("ascii", errors="replace")
        encoded = text.removeprefix(_PREFIX).removesuffix("\n")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not text.startswith(_PREFIX) or len(key) != KEY_BYTES:
            raise BadInput(f"{self._path} is not a firekeep key file", hint="make one with `firekeep init`")
        return key
