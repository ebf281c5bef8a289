"""Which scheme the parameters of an import name, within the limits the service sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.hashing import (
    Argon2,
    Bcrypt,
    FirebaseScrypt,
    Keyed,
    Pbkdf2,
    Repeated,
    Scheme,
    StandardScrypt,
)
from emulators.auth.refusal import Refused, require
from emulators.auth.shapes import to_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# 256 MiB: above what a sign-in may take, below what the emulator could not give.
_SCRYPT_BYTES_MOST = 256 * 1024 * 1024
_ARGON2_KIB_MOST = 256 * 1024
_ROUNDS = {
    "MD5": (0, 8192),
    "SHA1": (1, 8192),
    "SHA256": (1, 8192),
    "SHA512": (1, 8192),
    "PBKDF_SHA1": (0, 120_000),
    "PBKDF2_SHA256": (0, 120_000),
}


def scheme_of(options: Mapping[str, Any]) -> Scheme:
    """The scheme named by `hashAlgorithm` and its parameters. Raises Refused for bad or missing ones."""
    name = options.get("hashAlgorithm", "")
    require(name, "MISSING_HASH_ALGORITHM : Accounts with a passwordHash need a hashAlgorithm.")
    if name.startswith("HMAC_"):
        return _keyed(name, options)
    if name in _ROUNDS:
        return _rounds(name, options)
    makers: dict[str, Callable[[Mapping[str, Any]], Scheme]] = {
        "SCRYPT": _firebase,
        "STANDARD_SCRYPT": _standard,
        "ARGON2": _argon2,
        "BCRYPT": _bcrypt,
    }
    make = makers.get(name)
    if make is None:
        raise Refused("INVALID_HASH_ALGORITHM : Unknown hash algorithm.")
    return make(options)


def hash_config(scheme: FirebaseScrypt) -> dict[str, Any]:
    """A project's own scheme as its configuration shows it."""
    return {
        "algorithm": "SCRYPT",
        "signerKey": to_base64(scheme.signer_key),
        "saltSeparator": to_base64(scheme.salt_separator),
        "rounds": scheme.rounds,
        "memoryCost": scheme.memory_cost,
    }


def _firebase(options: Mapping[str, Any]) -> FirebaseScrypt:
    return FirebaseScrypt(
        _signer_key(options),
        options.get("saltSeparator", b""),
        _within(options, "rounds", 1, 8, "INVALID_HASH_ROUNDS"),
        _within(options, "memoryCost", 1, 14, "INVALID_HASH_MEMORY_COST"),
    )


def _standard(options: Mapping[str, Any]) -> StandardScrypt:
    n = _within(options, "cpuMemCost", 2, 1 << 24, "INVALID_HASH_MEMORY_COST")
    require(n & (n - 1) == 0, "INVALID_HASH_MEMORY_COST : cpuMemCost must be a power of two.")
    block = _within(options, "blockSize", 1, 1 << 16, "INVALID_HASH_BLOCK_SIZE")
    lanes = _within(options, "parallelization", 1, 256, "INVALID_HASH_PARALLELIZATION")
    require(128 * block * (n + lanes) <= _SCRYPT_BYTES_MOST, "INVALID_HASH_MEMORY_COST : Too much memory.")
    length = _within(options, "dkLen", 1, 1024, "INVALID_HASH_DERIVED_KEY_LENGTH")
    return StandardScrypt(n, block, lanes, length)


def _keyed(name: str, options: Mapping[str, Any]) -> Keyed:
    digest = name.removeprefix("HMAC_").lower()
    require(digest in {"md5", "sha1", "sha256", "sha512"}, "INVALID_HASH_ALGORITHM : Unknown hash algorithm.")
    return Keyed(digest, _signer_key(options), _password_first(options))


def _rounds(name: str, options: Mapping[str, Any]) -> Scheme:
    rounds = _within(options, "rounds", *_ROUNDS[name], "INVALID_HASH_ROUNDS")
    if name.startswith("PBKDF"):
        return Pbkdf2(name.rsplit("_", 1)[1].lower(), rounds)
    return Repeated(name.lower(), rounds, _password_first(options))


def _argon2(options: Mapping[str, Any]) -> Argon2:
    inner = options.get("argon2Parameters", {})
    variant = inner.get("hashType", "")
    require(variant in {"ARGON2_D", "ARGON2_I", "ARGON2_ID"}, "INVALID_HASH_ALGORITHM : Unknown Argon2 type.")
    require(inner.get("version", "VERSION_13") == "VERSION_13", "INVALID_HASH_ALGORITHM : Only version 1.3.")
    lanes = _within(inner, "parallelism", 1, 16, "INVALID_HASH_PARALLELIZATION")
    return Argon2(
        variant,
        _within(inner, "iterations", 1, 16, "INVALID_HASH_ROUNDS"),
        lanes,
        _within(inner, "memoryCostKib", 8 * lanes, _ARGON2_KIB_MOST, "INVALID_HASH_MEMORY_COST"),
        _within(inner, "hashLengthBytes", 4, 1024, "INVALID_HASH_DERIVED_KEY_LENGTH"),
        inner.get("associatedData", b""),
    )


def _bcrypt(options: Mapping[str, Any]) -> Bcrypt:  # noqa: ARG001  # its parameters are in each hash
    return Bcrypt()


def _signer_key(options: Mapping[str, Any]) -> bytes:
    key = options.get("signerKey", b"")
    require(key, "INVALID_HASH_KEY : The algorithm needs a signerKey.")
    return bytes(key)


def _password_first(options: Mapping[str, Any]) -> bool:
    return bool(options.get("passwordHashOrder") == "PASSWORD_AND_SALT")


def _within(options: Mapping[str, Any], name: str, low: int, high: int, code: str) -> int:
    value = options.get(name)
    require(value is not None and low <= value <= high, f"{code} : {name} must be from {low} to {high}.")
    return int(value or 0)
