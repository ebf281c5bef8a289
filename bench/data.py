"""Databases to measure on: documents as apps have them, about 550 bytes each, of every common value type.

A document is put together from entries encoded beforehand (one encoded field is exactly one entry of the message),
because a million documents built through message objects would take longer than anything measured on them.
The same seed gives the same documents.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from emulators.datasets.values import Link, Point, encoded

ROOT = "projects/demo-firekeep/databases/(default)/documents"
"""What the references in generated documents begin with."""

Item = tuple[str, bytes]
"""A document's path and its fields, as `emulators.datasets.wire.write` takes them."""

_ID = string.ascii_letters + string.digits
_POOL = 4_000
_BEGAN = datetime(2021, 1, 1, tzinfo=UTC)
_COMMON = (
    "the of and to in for is on that by this with you it not or be are from at as your all have new more an was "
    "we will home can us about if page my has search free but our one other do no information time they site he up "
    "may what which their news out use any there see only so his when contact here business who web also now help "
    "get view online first am been would how were services some these click its like service than find price date "
    "back top people had list name just over state year day into email two health world next used go work last most "
    "products music buy data make them should product system post her city add policy number such please available "
    "copyright support message after best software then good video well where info rights public books high school "
    "through each links she review years order very privacy book items company read group need many user said does "
    "set under general research university january mail full map reviews program life know games way days management"
)
_WORDS = _COMMON.split()


class Documents:
    """Makes documents of an order-like shape from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._pools = [[encoded({name: make()}, ROOT) for _ in range(_POOL)] for name, make in self._fields()]

    def fields(self) -> bytes:
        """One document's fields."""
        choose = self._random.random
        return b"".join([pool[int(choose() * _POOL)] for pool in self._pools])

    def ids(self, number: int, length: int = 20) -> list[str]:
        """Distinct ids like those that Firestore chooses, unsorted."""
        made: dict[str, None] = {}
        while len(made) < number:
            made["".join(self._random.choices(_ID, k=length))] = None
        return list(made)

    def _fields(self) -> list[tuple[str, Any]]:
        """Names in key order, each with what makes a value."""
        r = self._random
        return [
            ("active", lambda: r.random() < 0.8),
            ("address", self._address),
            ("createdAt", self._instant),
            ("customer", self._customer),
            ("email", lambda: f"{r.choice(_WORDS)}.{r.choice(_WORDS)}{r.randrange(999)}@example.com"),
            ("name", lambda: f"{r.choice(_WORDS).title()} {r.choice(_WORDS).title()}"),
            ("note", lambda: self._text(8, 24)),
            ("position", lambda: Point(round(r.uniform(-60, 70), 6), round(r.uniform(-180, 180), 6))),
            ("quantity", lambda: r.randrange(1, 40)),
            ("rating", lambda: round(r.uniform(1, 5), 2)),
            ("status", lambda: r.choice(("new", "paid", "shipped", "returned"))),
            ("tags", lambda: r.sample(_WORDS, r.randrange(1, 4))),
            ("total", lambda: r.randrange(100, 5_000_000)),
            ("updatedAt", self._instant),
        ]

    def _customer(self) -> Link | str:
        """One in four is a reference: most apps keep plain ids."""
        token = self._token(20)
        return Link(f"customers/{token}") if self._random.random() < 0.25 else token

    def _token(self, length: int) -> str:
        return "".join(self._random.choices(_ID, k=length))

    def _instant(self) -> datetime:
        return _BEGAN + timedelta(microseconds=self._random.randrange(4 * 365 * 86_400_000_000))

    def _text(self, least: int, most: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=self._random.randrange(least, most)))

    def _address(self) -> dict[str, Any]:
        r = self._random
        return {
            "city": r.choice(_WORDS).title(),
            "country": r.choice(("AT", "CH", "DE", "FR", "IT", "JP", "KE", "US")),
            "street": f"{r.choice(_WORDS).title()} {r.choice(_WORDS)} {r.randrange(1, 200)}",
            "zip": f"{r.randrange(100_000):05d}",
        }


def flat(number: int, collections: int = 4, name: str = "flat", seed: int = 1) -> Iterator[Item]:
    """`number` documents in a few collections (`flat0`, `flat1`...) without anything below them."""
    documents = Documents(seed)
    for place in range(collections):
        for one in documents.ids(number // collections):
            yield f"{name}{place}/{one}", documents.fields()


def nested(number: int, seed: int = 2) -> Iterator[Item]:
    """About `number` documents four levels deep: tenants, their projects, tasks, and the tasks' comments.

    A tenth are parents, so there are about `number` / 10 subcollections of ten documents.
    """
    documents = Documents(seed)
    for tenant in documents.ids(max(1, number // 1_600), 12):
        yield f"tenants/{tenant}", documents.fields()
        for project in documents.ids(10, 12):
            inner = f"tenants/{tenant}/projects/{project}"
            yield inner, documents.fields()
            for task in documents.ids(14):
                yield f"{inner}/tasks/{task}", documents.fields()
                for comment in documents.ids(10):
                    yield f"{inner}/tasks/{task}/comments/{comment}", documents.fields()
