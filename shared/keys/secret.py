"""A keyring whose key is a version of a secret in Secret Manager: 32 random bytes, made anew for each wrapping.

The version is pinned: one that is added later, by us or by anybody, changes nothing. Only the secret that the settings
name is ever read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from google_crc32c import value as crc32c

from shared.errors import BadInput, NotFound, WrongKey
from shared.format.seal import NONCE_BYTES, RandomBytes
from shared.keys.answers import CALL_S, asking, damaged_on_the_way, retrying
from shared.keys.contract import Wrapped
from shared.keys.known import KEY_BYTES
from shared.keys.wrapping import unwrap_with, wrap_with

RING: Final = "secret"
_NAME = re.compile(r"projects/([^/\s]+)/secrets/([\w-]{1,255})")
_ADDER: Final = "roles/secretmanager.secretVersionAdder on the secret"
_ACCESSOR: Final = "roles/secretmanager.secretAccessor on the secret"


class SecretManager:
    """`name` is projects/P/secrets/S, which exists; `client` makes the service's client at first use."""

    def __init__(
        self, name: str, client: Callable[[], Any], random: RandomBytes, patience_s: float = 20.0
    ) -> None:
        if not _NAME.fullmatch(name):
            raise BadInput(f"{name[:120]!r} is not the name of a secret", hint="write projects/P/secrets/S")
        self._name = name
        self._client = client
        self._random = random
        self._patience_s = patience_s

    def wrap(self, master: bytes, context: bytes) -> Wrapped:
        key = self._random(KEY_BYTES)
        version = self._add(key)
        if self._read(version) != key:
            raise damaged_on_the_way("reading again", f"{self._name}/versions/{version}")
        parameters: dict[str, str | int] = {"secret": self._name, "version": version}
        return wrap_with(key, RING, parameters, master, context, nonce=self._random(NONCE_BYTES))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        if wrapped.ring != RING:
            raise WrongKey(f"this master key is wrapped by {wrapped.ring!r}, not by Secret Manager")
        if wrapped.parameters.keys() != {"secret", "version"}:
            raise BadInput("the wrapped key's parameters are not a secret and its version")
        if wrapped.parameters["secret"] != self._name:
            raise WrongKey(f"{self._name} is not the secret that this master key is wrapped by")
        version = wrapped.parameters["version"]
        if type(version) is not int or not 1 <= version < 1 << 31:
            raise BadInput("the wrapped key's version of a secret is not a number from 1")
        return unwrap_with(self._read(version), wrapped, context, f"{self._name}/versions/{version}")

    def _add(self, key: bytes) -> int:
        request = {"parent": self._name, "payload": {"data": key, "data_crc32c": crc32c(key)}}
        try:
            with asking("adding a version to", self._name, _ADDER):
                made: str = self._client().add_secret_version(request=request, timeout=CALL_S).name
        except NotFound as error:
            raise NotFound(error.message, hint=f"make it: {self._creation()}") from None
        # The answer names the project by its number, so the rest of the name cannot be compared.
        return int(made.rpartition("/")[2])

    def _creation(self) -> str:
        project, secret = self._name.split("/")[1::2]
        return f"gcloud secrets create {secret} --project {project} --replication-policy automatic"

    def _read(self, version: int) -> bytes:
        name = f"{self._name}/versions/{version}"
        with asking("reading", name, _ACCESSOR):
            payload = (
                self._client()
                .access_secret_version(
                    request={"name": name}, retry=retrying(self._patience_s), timeout=CALL_S
                )
                .payload
            )
        key: bytes = payload.data
        if crc32c(key) != payload.data_crc32c:
            raise damaged_on_the_way("reading", name)
        if len(key) != KEY_BYTES:
            raise BadInput(f"{name} does not hold a key that firekeep made")
        return key
