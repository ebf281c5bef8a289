"""A keyring that is a passphrase, stretched with scrypt.

The cost is stored beside the wrapped key and bounded before it is used, so a changed parameter cannot make an
opening process take all memory. 128 · n · r bytes of memory: 128 MiB by default.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from shared.errors import BadInput, WrongKey
from shared.format.seal import NONCE_BYTES, RandomBytes
from shared.keys.contract import Wrapped
from shared.keys.private import read_private
from shared.keys.wrapping import unwrap_with, wrap_with

RING: Final = "passphrase"
DEFAULT_COST: Final = 1 << 17
_R, _P, _SALT_BYTES = 8, 1, 16
_MAX_COST, _MAX_R, _MAX_P = 1 << 20, 16, 4
_MAX_FILE_BYTES: Final = 4_096
_MAX_MEMORY: Final = 1 << 30


def read_passphrase(path: Path) -> str:
    """The only line of a passphrase file. BadInput for anything else."""
    data = read_private(path, "passphrase file", _MAX_FILE_BYTES)
    try:
        line = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise BadInput(f"passphrase file {path} is not text") from None
    if "\n" in line or len(data) > _MAX_FILE_BYTES:
        raise BadInput(
            f"passphrase file {path} is not one short line", hint="write the passphrase on one line"
        )
    return line


class Passphrase:
    """Wraps with a key made of `phrase`. Unicode spellings of the same text are the same phrase (NFKC)."""

    def __init__(self, phrase: str, random: RandomBytes, cost: int = DEFAULT_COST) -> None:
        if not phrase.strip():
            raise BadInput("the passphrase is empty")
        try:
            self._phrase = unicodedata.normalize("NFKC", phrase).encode()
        except UnicodeEncodeError:
            raise BadInput("the passphrase is not valid text") from None
        self._random = random
        self._cost = cost

    def wrap(self, master: bytes, context: bytes) -> Wrapped:
        salt = base64.b64encode(self._random(_SALT_BYTES)).decode()
        parameters: dict[str, str | int] = {"n": self._cost, "r": _R, "p": _P, "salt": salt}
        return wrap_with(
            self._stretch(parameters), RING, parameters, master, context, nonce=self._random(NONCE_BYTES)
        )

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        if wrapped.ring != RING:
            raise WrongKey(f"this master key is wrapped by {wrapped.ring!r}, not by a passphrase")
        return unwrap_with(self._stretch(wrapped.parameters), wrapped, context, "the passphrase")

    def _stretch(self, parameters: Mapping[str, str | int]) -> bytes:
        n, r, p, salt = _checked(parameters)
        return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(self._phrase)


def _checked(parameters: Mapping[str, str | int]) -> tuple[int, int, int, bytes]:
    """n, r, p and salt; BadInput for anything a passphrase keyring would not have stored."""
    if parameters.keys() != {"n", "r", "p", "salt"}:
        raise BadInput("the wrapped key's scrypt parameters are not n, r, p and salt")
    n, r, p = (_whole(parameters, name) for name in ("n", "r", "p"))
    if not (2 <= n <= _MAX_COST and n & (n - 1) == 0 and 1 <= r <= _MAX_R and 1 <= p <= _MAX_P):
        raise BadInput(f"scrypt parameters n={n} r={r} p={p} are outside what is safe to use")
    if 128 * n * r > _MAX_MEMORY:
        raise BadInput(
            f"scrypt parameters n={n} r={r} would take more than {_MAX_MEMORY >> 20} MiB of memory"
        )
    try:
        salt = base64.b64decode(str(parameters["salt"]), validate=True)
    except ValueError:
        salt = b""
    if len(salt) != _SALT_BYTES:
        raise BadInput("the wrapped key's scrypt salt is not 16 bytes of base64")
    return n, r, p, salt


def _whole(parameters: Mapping[str, str | int], name: str) -> int:
    value = parameters[name]
    if type(value) is not int:
        raise BadInput(f"scrypt parameter {name} is not a whole number")
    return value
