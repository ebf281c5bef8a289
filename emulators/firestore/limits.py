"""What the service documents as too much in a query's filter.

A filter is seen as an OR of ANDs, its *disjunctions*, where IN and ARRAY_CONTAINS_ANY are an OR of their values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Any

from emulators.firestore.errors import invalid

MAX_DISJUNCTIONS = 30
MAX_NOT_IN = 10
MAX_PARTS = 100
_OR = 2

Fold = Callable[[Iterable[int]], int]


def check_filter(where: Any, orders: int) -> None:
    """Refuse a filter beyond the limits. `orders` is the number of the query's orders."""
    leaves = list(_leaves(where))
    operators = [_operator(leaf) for leaf in leaves]
    if len(leaves) + orders > MAX_PARTS:
        raise invalid(f"A query has at most {MAX_PARTS} filters and orders.")
    if _fold(where, _alternatives, prod, sum) > MAX_DISJUNCTIONS:
        raise invalid(
            f"A query has at most {MAX_DISJUNCTIONS} disjunctions, with each value of an IN counted."
        )
    if _fold(where, lambda leaf: _operator(leaf).startswith("ARRAY_CONTAINS"), sum, max) > 1:
        raise invalid("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.")
    if "NOT_IN" in operators:
        _check_not_in(where, leaves, operators)


def _check_not_in(where: Any, leaves: list[Any], operators: list[str]) -> None:
    for leaf, operator in zip(leaves, operators, strict=True):
        if operator == "NOT_IN" and len(leaf.field_filter.value.array_value.values) > MAX_NOT_IN:
            raise invalid(f"'NOT_IN' supports up to {MAX_NOT_IN} comparison values.")
    others = {"IN", "ARRAY_CONTAINS_ANY", "NOT_EQUAL", "IS_NOT_NULL", "IS_NOT_NAN"}.intersection(operators)
    if others or operators.count("NOT_IN") > 1 or _has_or(where):
        raise invalid("'NOT_IN' cannot be used with another one, '!=', 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'.")


def _has_or(where: Any) -> bool:
    if where.WhichOneof("filter_type") != "composite_filter":
        return False
    parts = where.composite_filter.filters
    return (where.composite_filter.op == _OR and len(parts) > 1) or any(map(_has_or, parts))


def _leaves(where: Any) -> Iterator[Any]:
    if where.WhichOneof("filter_type") == "composite_filter":
        for part in where.composite_filter.filters:
            yield from _leaves(part)
    else:
        yield where


def _operator(leaf: Any) -> str:
    kind = leaf.WhichOneof("filter_type")
    if kind is None:
        return ""
    asked = getattr(leaf, kind)
    name: str = asked.DESCRIPTOR.fields_by_name["op"].enum_type.values_by_number[asked.op].name
    return name


def _alternatives(leaf: Any) -> int:
    if _operator(leaf) in ("IN", "ARRAY_CONTAINS_ANY"):
        return max(1, len(leaf.field_filter.value.array_value.values))
    return 1


def _fold(where: Any, leaf: Callable[[Any], int], conjunction: Fold, disjunction: Fold) -> int:
    if where.WhichOneof("filter_type") != "composite_filter":
        return leaf(where)
    composite = where.composite_filter
    parts = [_fold(part, leaf, conjunction, disjunction) for part in composite.filters]
    if not parts:
        return 0
    return disjunction(parts) if composite.op == _OR else conjunction(parts)
