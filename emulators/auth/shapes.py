"""The shape of requests: which fields exist and what they hold, checked as the service's JSON parser does.

A shape is a kind, a list of one shape, or a dict of shapes by field name. Unknown fields and values of another
kind are refused, null means absent, 64-bit integers may be numbers or text and become text, bytes may be in
either base64 alphabet and become `bytes`.
"""

from __future__ import annotations

import base64
import binascii
from enum import Enum, auto
from typing import Any

from emulators.auth.refusal import Refused, unreadable


class Kind(Enum):
    STRING = auto()
    BOOL = auto()
    INT32 = auto()
    INT64 = auto()
    NUMBER = auto()
    BYTES = auto()
    ANY = auto()


STRING, BOOL, INT32, INT64 = Kind.STRING, Kind.BOOL, Kind.INT32, Kind.INT64
NUMBER, BYTES, ANY = Kind.NUMBER, Kind.BYTES, Kind.ANY
Shape = Kind | list[Any] | dict[str, Any]


def fields(names: str, kind: Shape = STRING) -> dict[str, Shape]:
    return dict.fromkeys(names.split(), kind)


def check(value: Any, shape: Shape, path: str = "") -> Any:
    """The value in canonical form. Raises Refused, naming the field but not its content."""
    if isinstance(shape, dict):
        return _message(value, shape, path)
    if isinstance(shape, list):
        return _list(value, shape[0], path)
    return _scalar(value, shape, path)


def _message(value: Any, shape: dict[str, Shape], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(path, "an object")
    checked = {}
    for name, inner in value.items():
        kind = shape.get(name)
        if kind is None:
            raise unreadable(f"Unknown name \"{name}\" at '{path or 'body'}': Cannot find field.")
        if inner is None:
            continue
        # The commonest case by far, kept off the general road: imports are made of it.
        if kind is STRING and type(inner) is str:
            checked[name] = inner
        else:
            checked[name] = check(inner, kind, f"{path}.{name}" if path else name)
    return checked


def _list(value: Any, shape: Shape, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid(path, "a list")
    return [check(item, shape, f"{path}[{index}]") for index, item in enumerate(value)]


def _scalar(value: Any, kind: Kind, path: str) -> Any:
    if kind is Kind.ANY:
        return value
    if kind is Kind.BYTES:
        return _bytes(value, path)
    if kind in {Kind.INT32, Kind.INT64}:
        return _integer(value, kind, path)
    if type(value) not in _TYPES[kind]:
        raise _invalid(path, f"TYPE_{kind.name}")
    return value


def _integer(value: Any, kind: Kind, path: str) -> int | str:
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        raise _invalid(path, f"TYPE_{kind.name}") from None
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    bits = 31 if kind is Kind.INT32 else 63
    if type(number) is not int or not -(2**bits) <= number < 2**bits:
        raise _invalid(path, f"TYPE_{kind.name}")
    return number if kind is Kind.INT32 else str(number)


def _bytes(value: Any, path: str) -> bytes:
    try:
        text = value.translate(_TO_STANDARD).rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, ValueError, binascii.Error):
        raise _invalid(path, "TYPE_BYTES, base64") from None


_TYPES: dict[Kind, set[type]] = {Kind.STRING: {str}, Kind.BOOL: {bool}, Kind.NUMBER: {int, float}}
_TO_STANDARD = str.maketrans("-_", "+/")


def _invalid(path: str, wanted: str) -> Refused:
    return unreadable(f"Invalid value at '{path or 'body'}' ({wanted}).")


def to_base64(data: bytes) -> str:
    """Bytes as the service writes them: the URL-safe alphabet, padded."""
    return base64.urlsafe_b64encode(data).decode("ascii")
