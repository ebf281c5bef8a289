"""What a read-write transaction has read, and so keeps others from changing until it ends.

A document read by name is locked whether it is there or not. A query locks what it looked at: every document that
belongs to its results, or would, up to the last one when a limit cut it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from emulators.firestore.paths import path_of
from emulators.firestore.plan import Plan
from emulators.firestore.render import document_of
from emulators.firestore.run import sort_row
from emulators.firestore.schema import message
from emulators.firestore.store import Row, Version


class Intent:
    """What a commit is about to do to one document: `body` is what it will be, None when it is to go."""

    def __init__(self, key: bytes, path: str, stored: Version | None, body: bytes | None) -> None:
        self.key = key
        self.path = path
        self._stored = stored
        self._body = body

    @cached_property
    def documents(self) -> list[Any]:
        """The Document messages of before and after, as far as there are any."""
        found = []
        if self._stored is not None and self._stored.frame is not None:
            found.append(document_of(self._stored))
        if self._body is not None:
            found.append(message("Document").FromString(self._body))
        return found


class Locks:
    """Documents by name, and queries."""

    def __init__(self, keys: Iterable[bytes] = (), plans: Iterable[Plan] = ()) -> None:
        self._keys = set(keys)
        self._plans = list(plans)

    def __bool__(self) -> bool:
        return bool(self._keys or self._plans)

    def add(self, more: Locks) -> None:
        """Take in those of another read."""
        self._keys |= more._keys
        self._plans += more._plans

    def clear(self) -> None:
        """Let go of everything."""
        self._keys.clear()
        self._plans.clear()

    def narrow(self, plan: Plan, last: Row) -> None:
        """A query ended at its limit: what lies behind its last document is free."""
        document = document_of(last[1])
        self._plans = [found.up_to(last[0], document) if found is plan else found for found in self._plans]

    def forbid(self, intent: Intent) -> bool:
        """Whether a change would make a read untrue."""
        return intent.key in self._keys or any(_felt(plan, intent) for plan in self._plans)

    def overlap(self, other: Locks) -> bool:
        """Whether something may be in both."""
        if not self._keys.isdisjoint(other._keys):
            return True
        return (
            _within(self, other)
            or _within(other, self)
            or any(
                one.source == two.source and one.low < two.high and two.low < one.high
                for one in self._plans
                for two in other._plans
            )
        )


def _felt(plan: Plan, intent: Intent) -> bool:
    if not plan.reaches(intent.key, intent.path):
        return False
    return any(sort_row(plan, intent.key, document) is not None for document in intent.documents)


def _within(locks: Locks, others: Locks) -> bool:
    return any(plan.reaches(key, path_of(key)) for plan in others._plans for key in locks._keys)
