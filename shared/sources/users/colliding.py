"""Which accounts may be written now, because nobody else has their e-mail address, phone number or provider identity.

The service would make a second account on an address. Written are those whose identifiers are free; what a write frees
makes others possible. What is left then collides, and is told with the account that is in the way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from shared.sources.users.finding import Identifier

_KINDS = {"email": "e-mail address", "phone": "phone number"}


@dataclass(frozen=True)
class Claim:
    """What an account has now, and what it is to have."""

    has: Collection[Identifier]
    wants: Collection[Identifier]

    @property
    def new(self) -> set[Identifier]:
        """What it keeps needs no check: nothing becomes a duplicate by it."""
        return set(self.wants) - set(self.has)


@dataclass
class Claims:
    """`holders` tells which live account has an identifier, as far as one has."""

    waiting: dict[str, Claim]
    holders: dict[Identifier, str]
    blocked: dict[str, str] = field(default_factory=dict)
    """Why an account cannot be written, for those that cannot."""

    def __post_init__(self) -> None:
        """Of two that want the same, the first one has it."""
        taken: dict[Identifier, str] = {}
        for uid in [*self.waiting]:
            twice = next((one for one in sorted(self.waiting[uid].new) if one in taken), None)
            if twice is None:
                taken |= dict.fromkeys(self.waiting[uid].new, uid)
            else:
                del self.waiting[uid]
                self.blocked[uid] = f"account {taken[twice]!r} is to have the same {_kind(twice)}"

    def ready(self) -> list[str]:
        """Those that can be written now, no longer waiting. When there are none, all that wait are blocked."""
        free = [uid for uid, claim in self.waiting.items() if self._obstacle(uid, claim) is None]
        if free:
            for uid in free:
                del self.waiting[uid]
            return free
        for uid, claim in self.waiting.items():
            obstacle = self._obstacle(uid, claim)
            if obstacle is not None:
                self.blocked[uid] = f"its {_kind(obstacle)} belongs to account {self.holders[obstacle]!r}"
        self.waiting.clear()
        return []

    def written(self, claims: Mapping[str, Claim]) -> None:
        """These are as they were wanted: what they do not have any more is free, what they have is not."""
        for uid, claim in claims.items():
            for identifier in set(claim.has) - set(claim.wants):
                if self.holders.get(identifier) == uid:
                    del self.holders[identifier]
            self.holders |= dict.fromkeys(claim.wants, uid)

    def _obstacle(self, uid: str, claim: Claim) -> Identifier | None:
        return next((one for one in sorted(claim.new) if self.holders.get(one, uid) != uid), None)


def _kind(identifier: Identifier) -> str:
    return _KINDS.get(identifier[0]) or f"identity at {identifier[1]}"
