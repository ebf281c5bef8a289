"""Filters: which documents a query's `where` lets through.

A comparison holds only between values of one type (integers and doubles are one), as in the service. Comparisons of
`__name__` that every result must pass become bounds of the walk instead of a look at each document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from emulators.firestore.errors import invalid, unsupported
from emulators.firestore.fields import NAME, FieldPath, find, parse_path
from emulators.firestore.paths import KEY_END, key_of
from emulators.firestore.schema import message
from emulators.firestore.values import NAN, NULL, Key, kind_of, order_key

Predicate = Callable[[Any], bool]
MAX_IN = 30


@dataclass(slots=True)
class Filter:
    """What is left to ask of each document, the bounds of names, and the fields that inequalities compare."""

    low: bytes = b"\x00"
    high: bytes = KEY_END
    predicates: list[Predicate] = field(default_factory=list)
    inequalities: set[FieldPath] = field(default_factory=set)

    @property
    def predicate(self) -> Predicate | None:
        """Everything that is to be asked of a document, None when that is nothing."""
        asked = tuple(self.predicates)
        if not asked:
            return None
        return asked[0] if len(asked) == 1 else lambda document: all(ask(document) for ask in asked)


def compile_filter(where: Any, root: str) -> Filter:
    """The filter of a query on the database whose documents are under `root`."""
    compiled = Filter()
    for part in _conjuncts(where):
        if (
            part.WhichOneof("filter_type") == "field_filter"
            and _is_name(part.field_filter)
            and _bound(part, root, compiled)
        ):
            continue
        compiled.predicates.append(_predicate(part, root, compiled.inequalities))
    return compiled


def _conjuncts(where: Any) -> Iterator[Any]:
    composite = message("StructuredQuery.CompositeFilter")
    if where.WhichOneof("filter_type") == "composite_filter" and where.composite_filter.op == composite.AND:
        for part in where.composite_filter.filters:
            yield from _conjuncts(part)
    else:
        yield where


def _is_name(asked: Any) -> bool:
    return bool(asked.field.field_path == "__name__")


def name_key(value: Any, root: str) -> bytes:
    """The key of the document a reference names; it must be in the database."""
    name = value.reference_value
    if kind_of(value) != "reference_value" or not name.startswith(root + "/"):
        raise invalid("__key__ filter value must be a Key: the name of a document in this database.")
    return key_of(name[len(root) + 1 :])


def _bound(part: Any, root: str, into: Filter) -> bool:
    asked = part.field_filter
    operator = _operator(asked)
    if operator not in _BOUNDS:
        return False
    low, high = _BOUNDS[operator](name_key(asked.value, root))
    into.low, into.high = max(into.low, low), min(into.high, high)
    return True


def _after(key: bytes) -> bytes:
    return key + b"\x00"


_BOUNDS: dict[str, Callable[[bytes], tuple[bytes, bytes]]] = {
    "EQUAL": lambda key: (key, _after(key)),
    "LESS_THAN": lambda key: (b"", key),
    "LESS_THAN_OR_EQUAL": lambda key: (b"", _after(key)),
    "GREATER_THAN": lambda key: (_after(key), KEY_END),
    "GREATER_THAN_OR_EQUAL": lambda key: (key, KEY_END),
}
_INEQUALITIES = frozenset(_BOUNDS) - {"EQUAL"} | {"NOT_EQUAL", "NOT_IN"}


def _operator(asked: Any) -> str:
    name: str = asked.DESCRIPTOR.fields_by_name["op"].enum_type.values_by_number[asked.op].name
    return name


def _predicate(part: Any, root: str, inequalities: set[FieldPath]) -> Predicate:
    kind = part.WhichOneof("filter_type")
    if kind == "composite_filter":
        return _composite(part.composite_filter, root, inequalities)
    if kind == "unary_filter":
        return _unary(part.unary_filter, inequalities)
    if kind == "field_filter":
        return _comparison(part.field_filter, root, inequalities)
    raise invalid("A filter is empty.")


def _composite(composite: Any, root: str, inequalities: set[FieldPath]) -> Predicate:
    parts = [_predicate(part, root, inequalities) for part in composite.filters]
    if not parts:
        raise invalid("A composite filter has no filters.")
    operator = _operator(composite)
    if operator == "AND":
        return lambda document: all(ask(document) for ask in parts)
    if operator == "OR":
        return lambda document: any(ask(document) for ask in parts)
    raise invalid("A composite filter has no operator.")


def _unary(unary: Any, inequalities: set[FieldPath]) -> Predicate:
    path = parse_path(unary.field.field_path)
    operator = _operator(unary)
    tests: dict[str, Callable[[Key], bool]] = {
        "IS_NAN": lambda key: key[0] == NAN,
        "IS_NULL": lambda key: key[0] == NULL,
        "IS_NOT_NAN": lambda key: key[0] not in (NAN, NULL),
        "IS_NOT_NULL": lambda key: key[0] != NULL,
    }
    if operator not in tests:
        raise invalid("A unary filter has no operator.")
    if operator.startswith("IS_NOT"):
        inequalities.add(path)
    return _on_field(path, tests[operator])


def _on_field(path: FieldPath, test: Callable[[Key], bool]) -> Predicate:
    def ask(document: Any) -> bool:
        value = find(document.fields, path)
        return value is not None and test(order_key(value))

    return ask


def _comparison(asked: Any, root: str, inequalities: set[FieldPath]) -> Predicate:
    path = parse_path(asked.field.field_path)
    operator = _operator(asked)
    if operator in _INEQUALITIES:
        inequalities.add(path)
    if path == NAME:
        return _on_name(operator, asked.value, root)
    if operator.startswith("ARRAY_CONTAINS"):
        return _on_array(path, operator, asked.value)
    return _on_field(path, _test(operator, asked.value))


def _on_name(operator: str, value: Any, root: str) -> Predicate:
    if operator in ("IN", "NOT_IN"):
        for element in _list(value):
            name_key(element, root)
    elif operator not in _BOUNDS and operator != "NOT_EQUAL":
        raise invalid(f"{operator} is not possible on __name__.")
    else:
        name_key(value, root)
    test = _test(operator, value)
    reference = message("Value")
    return lambda document: test(order_key(reference(reference_value=document.name)))


def _list(value: Any) -> list[Any]:
    elements = list(value.array_value.values)
    if kind_of(value) != "array_value" or not elements:
        raise invalid("IN, NOT_IN and ARRAY_CONTAINS_ANY need a non-empty array.")
    if len(elements) > MAX_IN:
        raise invalid(f"IN, NOT_IN and ARRAY_CONTAINS_ANY support up to {MAX_IN} comparison values.")
    return elements


def _test(operator: str, value: Any) -> Callable[[Key], bool]:
    if operator in ("IN", "NOT_IN"):
        keys = frozenset(map(order_key, _list(value)))
        if operator == "IN":
            return lambda key: key in keys
        possible = (NULL,) not in keys
        return lambda key: possible and key[0] != NULL and key not in keys
    wanted = order_key(value)
    tests: dict[str, Callable[[Key], bool]] = {
        "EQUAL": lambda key: key == wanted,
        "NOT_EQUAL": lambda key: key[0] != NULL and key != wanted,
        "LESS_THAN": lambda key: key[0] == wanted[0] and key < wanted,
        "LESS_THAN_OR_EQUAL": lambda key: key[0] == wanted[0] and key <= wanted,
        "GREATER_THAN": lambda key: key[0] == wanted[0] and key > wanted,
        "GREATER_THAN_OR_EQUAL": lambda key: key[0] == wanted[0] and key >= wanted,
    }
    if operator not in tests:
        raise unsupported(f"The operator {operator}")
    return tests[operator]


def _on_array(path: FieldPath, operator: str, value: Any) -> Predicate:
    wanted = (
        frozenset(map(order_key, _list(value))) if operator == "ARRAY_CONTAINS_ANY" else {order_key(value)}
    )

    def ask(document: Any) -> bool:
        found = find(document.fields, path)
        if found is None or kind_of(found) != "array_value":
            return False
        return any(order_key(element) in wanted for element in found.array_value.values)

    return ask
