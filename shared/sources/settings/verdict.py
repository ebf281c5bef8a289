"""What became of one write, before it is told as an outcome; and what stands in the way of a whole service."""

from __future__ import annotations

from typing import NamedTuple

from shared.sources.contract import BY_HAND, Result

__all__ = ["BY_HAND", "DONE", "NotThere", "Verdict", "by_hand"]


class Verdict(NamedTuple):
    """As in an outcome. A `reason` beside DONE names what is still under way."""

    result: Result
    reason: str = ""


DONE = Verdict(Result.DONE)


def by_hand(how: str) -> Verdict:
    return Verdict(Result.FAILED, BY_HAND + how)


class NotThere(Exception):
    """A service that is not set up or not enabled in this project, or that no emulator serves: nothing to back up.

    Never leaves the source.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
