"""Password hash algorithms of the service: what an import may bring, really verified at sign-in.

A scheme holds an algorithm's parameters and computes the hash of a password. `FirebaseScrypt` is the one every
project hashes with by itself, after github.com/firebase/scrypt: scrypt makes an AES key, with which the
project's signer key is encrypted; that is the hash. Passwords are UTF-8.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2d, Argon2i, Argon2id

_MEMORY_MOST = 512 * 1024 * 1024


class Scheme(Protocol):
    """Parameters of an algorithm. Equal schemes make equal hashes."""

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:
        """The hash; `length` is that of the stored one, for algorithms that make as much as is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Secret:
    """A password as it is stored."""

    scheme: Scheme
    hash: bytes
    salt: bytes

    def opens(self, password: str) -> bool:
        encoded = password.encode()
        if isinstance(self.scheme, Bcrypt):
            return self.scheme.opens(encoded, self.hash)
        return hmac.compare_digest(self.scheme.digest(encoded, self.salt, len(self.hash)), self.hash)


@dataclass(frozen=True, slots=True)
class FirebaseScrypt:
    """`rounds` is scrypt's block size, `memory_cost` the exponent of its N."""

    signer_key: bytes
    salt_separator: bytes
    rounds: int
    memory_cost: int

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:  # noqa: ARG002
        key = hashlib.scrypt(
            password,
            salt=salt + self.salt_separator,
            n=1 << self.memory_cost,
            r=self.rounds,
            p=1,
            maxmem=_MEMORY_MOST,
            dklen=32,
        )
        encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        return encryptor.update(self.signer_key) + encryptor.finalize()


@dataclass(frozen=True, slots=True)
class StandardScrypt:
    n: int
    block_size: int
    parallelization: int
    length: int

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:  # noqa: ARG002
        return hashlib.scrypt(
            password,
            salt=salt,
            n=self.n,
            r=self.block_size,
            p=self.parallelization,
            maxmem=_MEMORY_MOST,
            dklen=self.length,
        )


@dataclass(frozen=True, slots=True)
class Keyed:
    """HMAC of the salt and the password."""

    name: str
    key: bytes
    password_first: bool

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:  # noqa: ARG002
        return hmac.digest(self.key, _joined(password, salt, self.password_first), self.name)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A plain hash of the salt and the password, hashed again until there were `rounds` (at least one)."""

    name: str
    rounds: int
    password_first: bool

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:  # noqa: ARG002
        data = _joined(password, salt, self.password_first)
        for _ in range(max(self.rounds, 1)):
            data = hashlib.new(self.name, data).digest()
        return data


@dataclass(frozen=True, slots=True)
class Pbkdf2:
    name: str
    rounds: int

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:
        return hashlib.pbkdf2_hmac(self.name, password, salt, max(self.rounds, 1), length)


@dataclass(frozen=True, slots=True)
class Argon2:
    variant: str
    iterations: int
    lanes: int
    memory_kib: int
    length: int
    associated: bytes

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:  # noqa: ARG002
        kinds: dict[str, type[Argon2d | Argon2i | Argon2id]] = {
            "ARGON2_D": Argon2d,
            "ARGON2_I": Argon2i,
            "ARGON2_ID": Argon2id,
        }
        return kinds[self.variant](
            salt=salt,
            length=self.length,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
            ad=self.associated or None,
        ).derive(password)


@dataclass(frozen=True, slots=True)
class Bcrypt:
    """The hash is the text `$2b$…`, which holds its own salt and cost."""

    def digest(self, password: bytes, salt: bytes, length: int) -> bytes:  # noqa: ARG002
        try:
            # Longer passwords were cut at 72 bytes when their hashes were made.
            return bcrypt.hashpw(password[:72], salt)
        except ValueError:
            return b""

    def opens(self, password: bytes, stored: bytes) -> bool:
        return hmac.compare_digest(self.digest(password, stored, len(stored)), stored)


def _joined(password: bytes, salt: bytes, password_first: bool) -> bytes:
    return password + salt if password_first else salt + password
