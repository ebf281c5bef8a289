"""Running a plan at a time: results by batches, so that a long query can be left and taken up between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulators.firestore.nearest import Nearest
from emulators.firestore.plan import Plan
from emulators.firestore.render import document_of
from emulators.firestore.store import BATCH, Row
from emulators.firestore.values import Key


def results(plan: Plan, time: int) -> Iterator[list[Row]]:
    """The documents a query finds, in its order, by batches, which may be empty: each is a place to let others in."""
    if plan.limit == 0:
        return
    if plan.nearest is not None:
        yield from _nearest(plan, plan.nearest, time)
    else:
        yield from _ordered(plan, time)


def _nearest(plan: Plan, nearest: Nearest, time: int) -> Iterator[list[Row]]:
    found: list[tuple[float, Row]] = []
    for batch in _ordered(plan, time):
        for row in batch:
            distance = nearest.distance(document_of(row[1]))
            if distance is not None:
                found.append((distance, row))
        yield []
    yield nearest.first(found)


def _ordered(plan: Plan, time: int) -> Iterator[list[Row]]:
    rows = _walk(plan, time) if plan.by_name else _sorted(plan, time)
    skip = plan.offset
    left = plan.limit
    for batch in rows:
        taken = batch[skip:]
        skip = max(0, skip - len(batch))
        if left is not None:
            taken = taken[:left]
            left -= len(taken)
        yield taken
        if left == 0:
            return


def _walk(plan: Plan, time: int) -> Iterator[list[Row]]:
    few = BATCH if plan.limit is None or plan.predicate else min(BATCH, plan.limit + plan.offset)
    for scope in plan.scopes(time):
        for batch in plan.store.scan(scope, time, reverse=plan.orders[0].descending, batch=few):
            if plan.predicate is None:
                yield batch
            else:
                yield [row for row in batch if plan.predicate(document_of(row[1]))]


def sort_row(plan: Plan, key: bytes, document: Any) -> tuple[Key, ...] | None:
    """What a document is ordered by, None when it is no result: refused, without a field, or outside of the cursors."""
    if plan.predicate is not None and not plan.predicate(document):
        return None
    keys = plan.sort_keys(document)
    if keys is None:
        return None
    full = (*keys, (key,))
    return full if plan.between(full) else None


def _sorted(plan: Plan, time: int) -> Iterator[list[Row]]:
    found: list[tuple[tuple[Key, ...], Row]] = []
    for scope in plan.scopes(time):
        for batch in plan.store.scan(scope, time):
            for row in batch:
                keys = sort_row(plan, row[0], document_of(row[1]))
                if keys is not None:
                    found.append((keys, row))
            yield []
    for index in range(len(plan.orders) - 1, -1, -1):
        found.sort(key=lambda entry: entry[0][index], reverse=plan.orders[index].descending)
    for start in range(0, len(found), BATCH):
        yield [row for _, row in found[start : start + BATCH]]
