"""Count, sum and average over a query's results. A count by names alone looks at no document."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from emulators.firestore.errors import invalid
from emulators.firestore.fields import NAME, FieldPath, find, parse_path
from emulators.firestore.plan import Plan
from emulators.firestore.render import document_of
from emulators.firestore.run import results
from emulators.firestore.schema import message
from emulators.firestore.store import Row
from emulators.firestore.values import kind_of

MAX_AGGREGATIONS = 5
_MOST = (1 << 63) - 1


class _Total:
    """Count, sum and average of one field's numbers, or a count of documents when there is no field."""

    def __init__(self, kind: str, path: FieldPath | None, most: int | None) -> None:
        self.kind = kind
        self.path = path
        self.most = most
        self.count = 0
        self._integers = 0
        self._doubles: list[float] = []

    def add(self, document: Any) -> None:
        """Take in one document."""
        if self.path is None:
            self.count += 1
            return
        value = find(document.fields, self.path)
        if value is None:
            return
        kind = kind_of(value)
        if kind == "integer_value":
            self._integers += value.integer_value
        elif kind == "double_value":
            self._doubles.append(value.double_value)
        else:
            return
        self.count += 1

    def value(self) -> Any:
        """The result as a Value."""
        make = message("Value")
        if self.kind == "count":
            return make(integer_value=self.count if self.most is None else min(self.count, self.most))
        if self.kind == "avg":
            return make(double_value=self._sum() / self.count) if self.count else make(null_value=0)
        if self._doubles or abs(self._integers) > _MOST:
            return make(double_value=self._sum())
        return make(integer_value=self._integers)

    def _sum(self) -> float:
        special = [number for number in self._doubles if not math.isfinite(number)]
        if special:
            return sum(special)
        return math.fsum([*self._doubles, self._integers])


def _totals(aggregations: Iterable[Any]) -> dict[str, _Total]:
    totals: dict[str, _Total] = {}
    for number, asked in enumerate(aggregations, 1):
        kind = asked.WhichOneof("operator")
        if kind is None:
            raise invalid("An aggregation has no operator.")
        path = None if kind == "count" else parse_path(getattr(asked, kind).field.field_path)
        most = asked.count.up_to.value if kind == "count" and asked.count.HasField("up_to") else None
        if most is not None and most < 1:
            raise invalid("count.up_to must be positive.")
        if path == NAME:
            raise invalid("Aggregations are not possible on __name__.")
        alias = asked.alias or f"field_{number}"
        if alias in totals:
            raise invalid(f"Aggregation aliases contain duplicate alias: {alias}.")
        totals[alias] = _Total(kind, path, most)
    if not totals:
        raise invalid("Aggregations can not be empty.")
    if len(totals) > MAX_AGGREGATIONS:
        raise invalid(
            f"The maximum number of aggregations allowed in an aggregation query is {MAX_AGGREGATIONS}."
        )
    return totals


def aggregate(plan: Plan, aggregations: Iterable[Any], time: int) -> Iterator[Any | None]:
    """The AggregationResult, last; before it, None now and then: a place to let others in."""
    totals = _totals(aggregations)
    paths = [total.path for total in totals.values() if total.path is not None]
    if plan.countable and not paths:
        count = _count_names(plan, time)
        for total in totals.values():
            total.count = count
    else:
        for batch in results(plan, time):
            _add(batch, totals.values(), paths)
            yield None
    result = message("AggregationResult")()
    for alias, total in totals.items():
        result.aggregate_fields[alias].CopyFrom(total.value())
    yield result


def ordered_by(query: Any, aggregations: Iterable[Any]) -> Iterator[FieldPath]:
    """The fields that sums and averages order their query by, after the orders asked for. It shows when it is cut."""
    if query.HasField("limit") or query.offset:
        for asked in aggregations:
            kind = asked.WhichOneof("operator")
            if kind not in (None, "count"):
                yield parse_path(getattr(asked, kind).field.field_path)


def _count_names(plan: Plan, time: int) -> int:
    found = sum(plan.store.count(scope, time) for scope in plan.scopes(time))
    left = max(0, found - plan.offset)
    return left if plan.limit is None else min(left, plan.limit)


def _add(batch: list[Row], totals: Collection[_Total], paths: list[FieldPath]) -> None:
    """Take in some results. Only documents that have all of the aggregated fields take part, in a count as well."""
    if not paths:
        for total in totals:
            total.count += len(batch)
        return
    for _, version in batch:
        document = document_of(version)
        if all(find(document.fields, path) is not None for path in paths):
            for total in totals:
                total.add(document)
