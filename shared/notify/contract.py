"""The notify port: one channel by which people are told that something is wrong, or over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Notice:
    """One thing to tell. `id` is the same for every try, so that a channel that can tells it once.

    `began` is whether it begins or is over. Texts name backups, numbers and times; never what documents hold.
    """

    id: str
    project: str
    kind: str
    began: bool
    message: str
    at: datetime

    @property
    def subject(self) -> str:
        state = self.kind.replace("_", " ") if self.began else f"over: {self.kind.replace('_', ' ')}"
        return f"firekeep {self.project}: {state}"

    @property
    def text(self) -> str:
        when = f"{self.at:%Y-%m-%d %H:%M} UTC"
        if self.began:
            return f"{self.message}\n\nSeen at {when}. `firekeep status` tells more."
        return f"It is over: {self.message}\n\nSeen at {when}."

    def facts(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "project": self.project,
            "kind": self.kind,
            "state": "began" if self.began else "over",
            "message": self.message,
            "at": self.at.isoformat().replace("+00:00", "Z"),
        }


class Channel(Protocol):
    """`name` tells channels apart for people, and holds no secret."""

    @property
    def name(self) -> str: ...

    def __call__(self, notice: Notice) -> None:
        """Return once it is accepted. An error of ours otherwise, which names no address that is a secret."""
