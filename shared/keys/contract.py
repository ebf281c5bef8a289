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


class Keyring(Protocol):
    """One way to protect the master key. `context` (the repository id) is bound to the result."""

    def wrap(self, master: bytes, context: bytes) -> Wrapped: ...

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """The master key. WrongKey when this ring does not open it, BadInput for absurd parameters."""
