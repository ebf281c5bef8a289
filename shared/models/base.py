"""What every model promises: frozen, strict, no unknown fields, snake_case in Python and camelCase outside.

`to_document` and `from_document` are each other's inverse, and so are `to_message` and `from_message`. An optional
field without a value is left out, never written as null; a document with a null is refused, for the
specification has none, while in JSON a null stands for an absent field. What does not fit is one `BadInput`
that names each field and the fix, and never repeats a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import BadInput

MAX_JSON_BYTES: Final = 1_000_000
"""The longest JSON text a model is read from."""

_TOLD_AT_MOST: Final = 5
_NAME_AT_MOST: Final = 80

_REASONS: Final = {
    "bool_type": "must be true or false",
    "datetime_type": "must be a timestamp",
    "extra_forbidden": "unknown field, remove it",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "missing": "missing, add it",
    "model_type": "must be a map of fields",
    "string_type": "must be a text",
    "timezone_aware": "must say its offset from UTC",
    "tuple_type": "must be a list of texts",
}


class Model(BaseModel):
    """The base of all models here."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The model of a Firestore document: camelCase keys, dates as aware datetimes. BadInput otherwise."""
        null = next(_nulls(document), None)
        if null is not None:
            raise _not_valid(cls.__name__, f"{_path(null)}: is null, leave it out or give it a value")
        return cls._checked(lambda: cls.model_validate(document, by_alias=True, by_name=False))

    def to_document(self) -> dict[str, Any]:
        """The document as Firestore's client takes it: dicts, lists, str, int, float, bool, datetime in UTC."""
        return self.model_dump(by_alias=True, exclude_none=True)

    @classmethod
    def from_message(cls, text: bytes | str) -> Self:
        """The model of a JSON text: camelCase keys, dates in ISO 8601 with an offset. BadInput otherwise."""
        if len(text) > MAX_JSON_BYTES:
            raise _not_valid(cls.__name__, f"longer than {MAX_JSON_BYTES} bytes, ask for less at once")
        return cls._checked(lambda: cls.model_validate_json(text, by_alias=True, by_name=False))

    def to_message(self) -> bytes:
        """Compact JSON in UTF-8."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()

    def changed(self, **fields: Any) -> Self:
        """A copy with these fields (Python names) replaced, checked like any other; BadInput otherwise."""
        present = {name: getattr(self, name) for name in type(self).model_fields}
        return self._checked(lambda: self.model_validate(present | fields, by_name=True))

    @classmethod
    def _checked(cls, validate: Callable[[], Self]) -> Self:
        try:
            return validate()
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False, include_input=False)
        told = [f"{_path(detail['loc'])}: {_reason(detail['type'], detail['msg'])}" for detail in details]
        if len(told) > _TOLD_AT_MOST:
            told[_TOLD_AT_MOST:] = [f"and {len(told) - _TOLD_AT_MOST} more"]
        raise _not_valid(cls.__name__, "; ".join(told))


def _nulls(value: object, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """The paths of nulls in maps; in lists the fields' own types refuse them."""
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _nulls(inner, (*path, name))


def _not_valid(model: str, why: str) -> BadInput:
    return BadInput(f"{model} is not valid: {why}", hint=f"see docs/schema/{model}.json")


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step)[:_NAME_AT_MOST] for step in location) or "(whole)"


def _reason(kind: str, message: str) -> str:
    return _REASONS.get(kind) or _lowered(message.replace("Input should be", "must be"))


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]
