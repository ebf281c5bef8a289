"""A section: the settings of one kind, below one path. Small enough to be read whole."""

from __future__ import annotations

from typing import Protocol

from shared.sources.settings.verdict import Verdict


class Section(Protocol):
    """NotThere leaves every method when the service is not set up; errors of the tree when it cannot be asked."""

    path: str
    """Everything of it has a key of this path, or below."""
    makes_once: bool
    """Whether the service itself refuses to make what is there, so that nobody need look before."""

    def read(self) -> dict[bytes, bytes]:
        """All there is, by key, in no order."""

    def look(self, key: bytes) -> bytes | None:
        """One record as it is now; None when it is not there, or nothing of this kind has this key."""

    def put(self, key: bytes, value: bytes, live: bytes | None) -> Verdict:
        """Make the live record, looked at just before, equal to this one. FAILED for a key nothing can have."""

    def drop(self, key: bytes, live: bytes) -> Verdict:
        """Take the live record away."""
