"""A keyring that is a symmetric key of Cloud KMS: the master key is encrypted there, and the key never leaves it.

The repository id is bound as associated data, and checksums both ways prove that nothing was changed in between. Only
the key that the settings name is ever asked: a key named by the repository could be an adversary's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from google_crc32c import value as crc32c

from shared.errors import BadInput, WrongKey
from shared.keys.answers import CALL_S, asking, damaged_on_the_way, retrying
from shared.keys.contract import Wrapped
from shared.keys.wrapping import bound

RING: Final = "kms"
_NAME = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[\w-]{1,63}/cryptoKeys/[\w-]{1,63}")
_ENCRYPTER: Final = "roles/cloudkms.cryptoKeyEncrypter on the key"
_DECRYPTER: Final = "roles/cloudkms.cryptoKeyDecrypter on the key"


class CloudKms:
    """`name` is projects/P/locations/L/keyRings/R/cryptoKeys/K; `client` makes the service's client at first use."""

    def __init__(self, name: str, client: Callable[[], Any], patience_s: float = 20.0) -> None:
        if not _NAME.fullmatch(name):
            raise BadInput(
                f"{name[:120]!r} is not the name of a key in Cloud KMS",
                hint="write projects/P/locations/L/keyRings/R/cryptoKeys/K",
            )
        self._name = name
        self._client = client
        self._patience_s = patience_s

    def wrap(self, master: bytes, context: bytes) -> Wrapped:
        parameters: dict[str, str | int] = {"key": self._name}
        associated = bound(RING, parameters, context)
        request = {
            "name": self._name,
            "plaintext": master,
            "plaintext_crc32c": crc32c(master),
            "additional_authenticated_data": associated,
            "additional_authenticated_data_crc32c": crc32c(associated),
        }
        with asking("encrypting with", self._name, _ENCRYPTER):
            answer = self._client().encrypt(request=request, retry=retrying(self._patience_s), timeout=CALL_S)
        verified = answer.verified_plaintext_crc32c and answer.verified_additional_authenticated_data_crc32c
        if not verified or crc32c(answer.ciphertext) != answer.ciphertext_crc32c:
            raise damaged_on_the_way("encrypting with", self._name)
        return Wrapped(RING, parameters, answer.ciphertext)

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        if wrapped.ring != RING:
            raise WrongKey(f"this master key is wrapped by {wrapped.ring!r}, not by Cloud KMS")
        if dict(wrapped.parameters) != {"key": self._name}:
            raise WrongKey(f"{self._name} is not the key of Cloud KMS that this master key is wrapped by")
        associated = bound(RING, wrapped.parameters, context)
        request = {
            "name": self._name,
            "ciphertext": wrapped.data,
            "ciphertext_crc32c": crc32c(wrapped.data),
            "additional_authenticated_data": associated,
            "additional_authenticated_data_crc32c": crc32c(associated),
        }
        with asking("decrypting with", self._name, _DECRYPTER, invalid=WrongKey):
            answer = self._client().decrypt(request=request, retry=retrying(self._patience_s), timeout=CALL_S)
        master: bytes = answer.plaintext
        if crc32c(master) != answer.plaintext_crc32c:
            raise damaged_on_the_way("decrypting with", self._name)
        return master
