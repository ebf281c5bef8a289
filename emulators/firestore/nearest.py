"""FindNearest: the results of a query whose vectors are nearest to one, nearest first, found by looking at each.

Documents without a vector of the same dimension are left out. By dot product, greater is nearer.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from emulators.firestore.errors import invalid
from emulators.firestore.fields import FieldPath, find, parse_path, place
from emulators.firestore.schema import message
from emulators.firestore.values import is_vector

MOST = 1000
MAX_DIMENSION = 2048

Numbers = tuple[float, ...]
T = TypeVar("T")


def _dot(one: Numbers, two: Numbers) -> float:
    return math.fsum(a * b for a, b in zip(one, two, strict=True))


def _cosine(one: Numbers, two: Numbers) -> float:
    lengths = math.hypot(*one) * math.hypot(*two)
    return 1 - _dot(one, two) / lengths if lengths else math.nan


_MEASURES: dict[str, Callable[[Numbers, Numbers], float]] = {
    "EUCLIDEAN": math.dist,
    "COSINE": _cosine,
    "DOT_PRODUCT": _dot,
}


@dataclass(frozen=True, slots=True)
class Nearest:
    """What to look for: `shown` is where results carry their distance, if anywhere."""

    path: FieldPath
    vector: Numbers
    measure: str
    limit: int
    threshold: float | None
    shown: FieldPath | None

    def distance(self, document: Any) -> float | None:
        """How far a document is; None when it has no vector to compare, or lies behind the threshold."""
        vector = _numbers(find(document.fields, self.path))
        if vector is None or len(vector) != len(self.vector):
            return None
        distance = _MEASURES[self.measure](vector, self.vector)
        if math.isnan(distance):
            return None
        if self.threshold is not None and self._rank(distance) > self._rank(self.threshold):
            return None
        return distance

    def _rank(self, distance: float) -> float:
        return -distance if self.measure == "DOT_PRODUCT" else distance

    def first(self, found: Iterable[tuple[float, T]]) -> list[T]:
        """The nearest of what was found at some distances; of equally near ones, those found first."""
        return [one for _, one in heapq.nsmallest(self.limit, found, key=lambda pair: self._rank(pair[0]))]

    def show(self, source: Any, target: Any) -> None:
        """Put the distance of a document into the one that is answered."""
        distance = self.distance(source)
        if self.shown is not None and distance is not None:
            place(target.fields, self.shown, message("Value")(double_value=distance))


def _numbers(value: Any | None) -> Numbers | None:
    if value is None or not is_vector(value.map_value.fields):
        return None
    elements = value.map_value.fields["value"].array_value.values
    return tuple(getattr(element, element.WhichOneof("value_type")) for element in elements)


def read_nearest(asked: Any) -> Nearest:
    """A StructuredQuery.FindNearest, once it makes sense."""
    vector = _numbers(asked.query_vector)
    if not vector or len(vector) > MAX_DIMENSION:
        raise invalid(f"find_nearest.query_vector must be a vector of 1 to {MAX_DIMENSION} dimensions.")
    if not 1 <= asked.limit.value <= MOST:
        raise invalid(f"find_nearest.limit must be between 1 and {MOST}.")
    kinds = asked.DESCRIPTOR.fields_by_name["distance_measure"].enum_type.values_by_number
    measure = kinds[asked.distance_measure].name if asked.distance_measure in kinds else ""
    if measure not in _MEASURES:
        raise invalid("find_nearest.distance_measure must be EUCLIDEAN, COSINE or DOT_PRODUCT.")
    return Nearest(
        path=parse_path(asked.vector_field.field_path),
        vector=vector,
        measure=measure,
        limit=asked.limit.value,
        threshold=asked.distance_threshold.value if asked.HasField("distance_threshold") else None,
        shown=parse_path(asked.distance_result_field) if asked.distance_result_field else None,
    )
