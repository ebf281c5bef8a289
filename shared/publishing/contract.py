"""The publisher port: hands a message to a topic, at least once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Publisher(Protocol):
    def publish(self, topic: str, messages: Sequence[bytes]) -> None:
        """Return once every message is accepted. Unavailable when that is not known."""
