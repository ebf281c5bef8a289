"""The keyring port: wraps and unwraps the 32-byte master key of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Wrapped:
    """A wrapped master key as it stands in the repository: which ring, its public parameters, the bytes."""

    ring: str
    parameters: Mapping[str, str | int]
    data: bytes

    @property
    def kind(self) -> str:
        """What a person calls it: the ring, but for the key of a recovery kit."""
        return "kit" if self.parameters.get("use") == "kit" else self.ring

    @property
    def hint(self) -> str:
        """What tells it from others of its kind and is no secret; empty for a passphrase."""
        named = [str(self.parameters[name]) for name in ("id", "key", "secret") if name in self.parameters]
        versions = [f"versions/{self.parameters['version']}"] if "version" in self.parameters else []
        return "/".join(named + versions)


class Keyring(Protocol):
    """One way to protect the master key. `context` (the repository id) is bound to the result."""

    def wrap(self, master: bytes, context: bytes) -> Wrapped: ...

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """The master key. WrongKey when this ring does not open it, BadInput for absurd parameters."""
