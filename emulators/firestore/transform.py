"""Field transforms: what the server computes from what is stored, at the moment of the commit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from emulators.firestore.errors import invalid
from emulators.firestore.fields import find, parse_path, place
from emulators.firestore.schema import message
from emulators.firestore.values import kind_of, order_key
from emulators.firestore.wire import MICROS

_MOST = (1 << 63) - 1
_NUMBERS = ("integer_value", "double_value")


def apply_transforms(fields: Any, transforms: Iterable[Any], time: int) -> list[Any]:
    """Carry out transforms on a document's fields, in order; the answer has one Value for each."""
    results = []
    for transform in transforms:
        path = parse_path(transform.field_path)
        kind = transform.WhichOneof("transform_type")
        if kind not in _TRANSFORMS:
            raise invalid("A field transform has no operation.")
        stored, answer = _TRANSFORMS[kind](find(fields, path), getattr(transform, kind), time)
        place(fields, path, stored)
        results.append(answer)
    return results


Outcome = tuple[Any, Any]


def _server_value(_old: Any, operand: Any, time: int) -> Outcome:
    if operand != 1:
        raise invalid("The only server value is REQUEST_TIME.")
    value = message("Value")()
    seconds, rest = divmod(time, MICROS)
    value.timestamp_value.seconds = seconds
    value.timestamp_value.nanos = rest // 1000 * 1_000_000
    return value, value


def number_of(value: Any) -> int | float:
    """The number in an integer or double value."""
    kind = kind_of(value)
    if kind not in _NUMBERS:
        raise invalid("The operand of a numeric transform is not a number.")
    number: int | float = getattr(value, kind)
    return number


def _is_number(value: Any | None) -> bool:
    return value is not None and kind_of(value) in _NUMBERS


def add_numbers(left: int | float, right: int | float) -> Any:
    """The sum as a Value: integers stay integers, held within 64 bits."""
    total = left + right
    if isinstance(total, int):
        return message("Value")(integer_value=max(-_MOST - 1, min(_MOST, total)))
    return message("Value")(double_value=total)


def _increment(old: Any, operand: Any, _time: int) -> Outcome:
    step = number_of(operand)
    value = add_numbers(number_of(old), step) if _is_number(old) else operand
    return value, value


def _extreme(better: Callable[[Any, Any], bool]) -> Callable[[Any, Any, int], Outcome]:
    def choose(old: Any, operand: Any, _time: int) -> Outcome:
        new = number_of(operand)
        if not _is_number(old):
            return operand, operand
        now = number_of(old)
        value = operand if math.isnan(new) or better(new, now) else old
        return value, value

    return choose


def _elements(value: Any | None) -> list[Any]:
    return list(value.array_value.values) if value is not None and kind_of(value) == "array_value" else []


def _array(elements: Iterable[Any]) -> Outcome:
    value = message("Value")()
    value.array_value.SetInParent()
    value.array_value.values.extend(elements)
    return value, message("Value")(null_value=0)


def _append(old: Any, operand: Any, _time: int) -> Outcome:
    elements = _elements(old)
    known = {order_key(element) for element in elements}
    for element in operand.values:
        key = order_key(element)
        if key not in known:
            known.add(key)
            elements.append(element)
    return _array(elements)


def _remove(old: Any, operand: Any, _time: int) -> Outcome:
    unwanted = {order_key(element) for element in operand.values}
    return _array(element for element in _elements(old) if order_key(element) not in unwanted)


_TRANSFORMS: dict[str, Callable[[Any, Any, int], Outcome]] = {
    "set_to_server_value": _server_value,
    "increment": _increment,
    "maximum": _extreme(lambda new, now: new > now),
    "minimum": _extreme(lambda new, now: new < now),
    "append_missing_elements": _append,
    "remove_all_from_array": _remove,
}
