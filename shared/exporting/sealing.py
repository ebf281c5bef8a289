"""Files sealed for somebody: with a passphrase, or for the holder of a private key.

    0       7   magic "FKSHARE"
    7       1   version, 1
    8       4   h, little endian: length of the header
    12      h   header, canonical JSON: `form` (what is inside, as `zip`), and
                for a passphrase  `n`, `r`, `p`, `salt` (base64 of 16 bytes): scrypt
                for a public key  `key`: base64 of an ephemeral X25519 public key of 32 bytes
    12 + h  …   chunks of 1 MiB of plaintext, each sealed with AES-256-GCM: ciphertext, tag 16

The key is HKDF-SHA256 of the secret (scrypt's output, or the X25519 secret), its salt the SHA-256 of all bytes before
the chunks, its info `firekeep/1/share`, and for a public key the recipient's public key behind it. A chunk's nonce is
its number (11 bytes, big endian) and 1 for the last chunk, else 0. Only the last one may be shorter; it is empty only
when all is. So whatever is cut off, added, moved or changed is found; every header has fresh random bytes, so no key is
used twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, BinaryIO, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from shared.errors import BadInput, Corrupt, Unsupported, WrongKey
from shared.format import canonical

MAGIC: Final = b"FKSHARE\x01"
CHUNK: Final = 1 << 20
COST: Final = 1 << 17
PUBLIC: Final = "firekeep-share-public-1"
PRIVATE: Final = "firekeep-share-private-1"
_TAG: Final = 16
_INFO: Final = b"firekeep/1/share"
_MOST_HEADER: Final = 4096
_MOST_COST, _MOST_R, _MOST_P, _MOST_MEMORY = 1 << 20, 16, 4, 1 << 30
_KEY = re.compile(r"(firekeep-share-(?:public|private)-1) ([A-Za-z0-9+/]{43}=)\s*")

Random = Callable[[int], bytes]


class Recipient(Protocol):
    """Whom a file is sealed for."""

    kind: str

    def begin(self, random: Random) -> tuple[dict[str, Any], Callable[[bytes], bytes]]:
        """What goes into the header, and what makes the key once the header's digest is known."""


class ForPassphrase:
    """Whoever knows it. Unicode spellings of the same text are the same passphrase (NFKC)."""

    kind = "passphrase"

    def __init__(self, phrase: str, cost: int = COST) -> None:
        self._phrase = _normal(phrase)
        self._cost = cost

    def begin(self, random: Random) -> tuple[dict[str, Any], Callable[[bytes], bytes]]:
        header = {"n": self._cost, "r": 8, "p": 1, "salt": base64.b64encode(random(16)).decode()}
        secret = _stretched(self._phrase, header)
        return header, lambda digest: _derived(secret, digest, b"")


class ForPublicKey:
    """Whoever has the private key to it."""

    kind = "public key"

    def __init__(self, text: str) -> None:
        self._public = X25519PublicKey.from_public_bytes(_key_in(text, PUBLIC))

    def begin(self, random: Random) -> tuple[dict[str, Any], Callable[[bytes], bytes]]:
        ephemeral = X25519PrivateKey.from_private_bytes(random(32))
        header = {"key": base64.b64encode(ephemeral.public_key().public_bytes_raw()).decode()}
        secret = _exchanged(ephemeral, self._public)
        return header, lambda digest: _derived(secret, digest, self._public.public_bytes_raw())


class Sealing:
    """A file that seals what is written to it into `out`. Whole only after `close`."""

    def __init__(self, out: BinaryIO, recipient: Recipient, form: str, random: Random) -> None:
        told, key_of = recipient.begin(random)
        header = canonical.encode({"form": form, **told})
        start = MAGIC + len(header).to_bytes(4, "little") + header
        self._out = out
        self._cipher = AESGCM(key_of(hashlib.sha256(start).digest()))
        self._waiting = bytearray()
        self._number = 0
        out.write(start)

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def flush(self) -> None:
        """Nothing: a chunk is written when it is full."""

    def close(self) -> None:
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, chunk: bytes, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last), chunk, None))
        self._number += 1


def unseal(
    file: BinaryIO, *, phrase: str | None = None, private: str | None = None
) -> tuple[str, Iterator[bytes]]:
    """What is inside, in a word, and its bytes. WrongKey when the secret does not open it, Corrupt when it is damaged:
    that may come with any piece, and what came before is genuine but not whole."""
    start = file.read(12)
    size = int.from_bytes(start[8:], "little")
    if start[:7] != MAGIC[:7] or len(start) < 12 or size > _MOST_HEADER:
        raise BadInput("the file is not a sealed share")
    if start[:8] != MAGIC:
        raise Unsupported("the share has a version this release does not know", hint="update firekeep")
    raw = file.read(size)
    header = canonical.decode(raw, "the share's header")
    secret, bound = _secret(header, phrase, private)
    cipher = AESGCM(_derived(secret, hashlib.sha256(start + raw).digest(), bound))
    pieces = _opened(file, cipher)
    # Opening the first piece proves the header.
    first = next(pieces)
    return str(header["form"]), chain((first,), pieces)


def new_pair(random: Random) -> tuple[str, str]:
    """A private key and the public one to it, as text."""
    private = X25519PrivateKey.from_private_bytes(random(32))
    return _spelled(PRIVATE, private.private_bytes_raw()), _spelled(
        PUBLIC, private.public_key().public_bytes_raw()
    )


def _opened(file: BinaryIO, cipher: AESGCM) -> Iterator[bytes]:
    """One chunk is read ahead, to know which is the last."""
    sealed = file.read(CHUNK + _TAG)
    number = 0
    while True:
        following = file.read(CHUNK + _TAG)
        try:
            data = cipher.decrypt(_nonce(number, not following), sealed, None)
        except (InvalidTag, ValueError):
            if number == 0:
                raise WrongKey("the secret does not open the share, or its beginning is damaged") from None
            raise Corrupt(f"the share is damaged, or not whole, in its part {number + 1}") from None
        if not data and number:
            raise Corrupt("the share is damaged: it ends in nothing")
        yield data
        if not following:
            return
        sealed, number = following, number + 1


def _secret(header: dict[str, Any], phrase: str | None, private: str | None) -> tuple[bytes, bytes]:
    """The shared secret, and what is bound to it."""
    if header.keys() == {"form", "key"}:
        if private is None:
            raise WrongKey(
                "the share is sealed for a public key", hint="give the private one with --private-key"
            )
        own = X25519PrivateKey.from_private_bytes(_key_in(private, PRIVATE))
        try:
            theirs = X25519PublicKey.from_public_bytes(base64.b64decode(str(header["key"]), validate=True))
        except ValueError:
            raise Corrupt("the share's header is damaged: its key is none") from None
        return _exchanged(own, theirs), own.public_key().public_bytes_raw()
    if header.keys() != {"form", "n", "r", "p", "salt"}:
        raise Unsupported("the share is sealed in a way this release does not know", hint="update firekeep")
    if phrase is None:
        raise WrongKey("the share is sealed with a passphrase", hint="give it with --passphrase-file")
    return _stretched(_normal(phrase), header), b""


def _stretched(phrase: bytes, header: dict[str, Any]) -> bytes:
    n, r, p = header["n"], header["r"], header["p"]
    whole = all(type(one) is int and one > 0 for one in (n, r, p))
    if not whole or n > _MOST_COST or n & (n - 1) or n < 2 or r > _MOST_R or p > _MOST_P:
        raise BadInput("the share asks for scrypt parameters outside what is safe to use")
    if 128 * n * r > _MOST_MEMORY:
        raise BadInput("the share asks for more than 1 GiB of memory to be opened")
    try:
        salt = base64.b64decode(str(header["salt"]), validate=True)
    except binascii.Error:
        raise Corrupt("the share's header is damaged: its salt is none") from None
    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(phrase)


def _exchanged(own: X25519PrivateKey, theirs: X25519PublicKey) -> bytes:
    try:
        return own.exchange(theirs)
    except ValueError:
        raise BadInput("the public key is none that anything can be sealed for") from None


def _derived(secret: bytes, digest: bytes, bound: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=digest, info=_INFO + bound).derive(secret)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))


def _normal(phrase: str) -> bytes:
    if not phrase.strip():
        raise BadInput("the passphrase is empty")
    return unicodedata.normalize("NFKC", phrase).encode("utf-8", "surrogatepass")


def _spelled(kind: str, key: bytes) -> str:
    return f"{kind} {base64.b64encode(key).decode()}"


def _key_in(text: str, kind: str) -> bytes:
    found = _KEY.fullmatch(text)
    if found is None or found[1] != kind:
        raise BadInput(
            f"the key is none: it does not read `{kind} ...`", hint="make one with `firekeep share keygen`"
        )
    return base64.b64decode(found[2])
