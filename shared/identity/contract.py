"""The port of who calls. An implementation verifies; it never trusts what it has not verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Caller:
    """An account, and its custom claim `firekeep`: empty when it has none, or none that is a text."""

    uid: str
    role: str


class Identity(Protocol):
    def caller(self, token: str) -> Caller:
        """Who an ID token is of. Denied when it is not valid; Unavailable when nobody can tell now."""

    def check_app(self, token: str) -> None:
        """Returns for a valid App Check token, and always when App Check is switched off. Errors as above."""
