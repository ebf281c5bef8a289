"""The kinds of values that fields hold, each with its bounds.

The bounds on texts and lists are such that no document of ours can reach Firestore's limit of 1 MiB; the
largest possible one is built in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer, ValidationInfo
from pydantic_core import PydanticCustomError

LARGEST_NUMBER: Final = 2**53 - 1
"""The largest integer that a client's `number` holds exactly."""

MAX_NAMES: Final = 1_000
MAX_NAME_BYTES: Final = 6_144
MAX_NAMES_BYTES: Final = 128 * 1024
"""Of all names of one list together."""

MAX_SEGMENT_BYTES: Final = 1_500

ID_PATTERN: Final = "^[0-9A-Za-z][0-9A-Za-z_-]{0,127}$"
TIME_PATTERN: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"

_FINER_THAN_MICROSECONDS = re.compile(r"\.[0-9]{6}[0-9]*[1-9]")

Count = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Size = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Id = Annotated[str, Field(pattern=ID_PATTERN)]


def _at_most(limit: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text.encode()) > limit:
            raise PydanticCustomError("too_long", "must be at most {limit} bytes of UTF-8", {"limit": limit})
        return text

    return check


Label = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_at_most(64))]
Text = Annotated[str, Field(max_length=1_500), AfterValidator(_at_most(1_500))]
Location = Annotated[str, Field(min_length=1, max_length=1_024), AfterValidator(_at_most(1_024))]
Link = Annotated[str, Field(min_length=1, max_length=4_096), AfterValidator(_at_most(4_096))]


def _of_microseconds(value: object, info: ValidationInfo) -> object:
    """Reads an instant from JSON, and refuses one that would lose digits, from JSON or Firestore's client."""
    text = value if info.mode == "json" and isinstance(value, str) else ""
    if getattr(value, "nanosecond", 0) % 1_000 or _FINER_THAN_MICROSECONDS.search(text):
        raise PydanticCustomError("too_fine", "must be whole microseconds; round it")
    if not text:
        return value
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("instant", "must be a date like 2024-03-19T03:30:00Z") from None


def _to_utc(value: datetime) -> datetime:
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "must lie in the years 1 to 9999 in UTC") from None
    return datetime.combine(utc.date(), utc.time().replace(fold=0), UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc), BeforeValidator(_of_microseconds)]
"""A moment, to the microsecond, in UTC. A date without an offset is refused."""


def _time_of_day(value: str) -> str:
    if not re.fullmatch(TIME_PATTERN, value):
        raise PydanticCustomError("time_of_day", "must be HH:MM from 00:00 to 23:59, such as 03:30")
    return value


TimeOfDay = Annotated[
    str,
    AfterValidator(_time_of_day),
    Field(json_schema_extra={"pattern": TIME_PATTERN, "examples": ["03:30"]}),
]


@cache
def _timezones() -> frozenset[str]:
    """The names of the `tzdata` package: the same on every machine, whatever its system has installed."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


def _timezone(value: str) -> str:
    if value not in _timezones():
        raise PydanticCustomError("timezone", "must be an IANA time zone, such as Europe/Berlin or UTC")
    return value


Timezone = Annotated[str, AfterValidator(_timezone), Field(json_schema_extra={"examples": ["Europe/Berlin"]})]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _bounded(names: tuple[str, ...]) -> tuple[str, ...]:
    if sum(len(name.encode()) for name in names) > MAX_NAMES_BYTES:
        raise PydanticCustomError("too_long", f"must be at most {MAX_NAMES_BYTES} bytes of UTF-8 in all")
    return names


def _path(value: str) -> str:
    segments = value.split("/")
    if any(not segment or segment in {".", ".."} for segment in segments):
        raise PydanticCustomError(
            "path", "must be names joined by single slashes, none of them empty, . or .."
        )
    if any(len(segment.encode()) > MAX_SEGMENT_BYTES for segment in segments):
        raise PydanticCustomError("path", f"must have names of at most {MAX_SEGMENT_BYTES} bytes each")
    return value


def _document_path(value: str) -> str:
    if value.count("/") % 2 == 0:
        raise PydanticCustomError("path", "must name a document: an even number of names joined by slashes")
    return value


Name = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_BYTES), AfterValidator(_at_most(MAX_NAME_BYTES))
]
Path = Annotated[Name, AfterValidator(_path)]
DocumentPath = Annotated[Path, AfterValidator(_document_path)]

_LIST = (
    Field(max_length=MAX_NAMES, description=f"At most {MAX_NAMES_BYTES} bytes of UTF-8 in all."),
    AfterValidator(_bounded),
    BeforeValidator(_as_tuple),
    PlainSerializer(list, return_type=list[str]),
)

Names = Annotated[tuple[Name, ...], *_LIST]
"""A tuple, so that the model stays frozen; a list in documents and JSON."""
Paths = Annotated[tuple[Path, ...], *_LIST]
DocumentPaths = Annotated[tuple[DocumentPath, ...], *_LIST]

Status = Literal["pending", "in_progress", "completed", "failed"]
BackupType = Literal["automatic", "manual"]
ProviderName = Literal["firebase", "local", "cloud"]


def summary(names: Iterable[str]) -> tuple[str, ...]:
    """`names` cut to what a list field holds. When some had to go, the last entry tells how many: `(+12 more)`."""
    kept: list[str] = []
    left_out, room = 0, MAX_NAMES_BYTES - 64
    for name in names:
        size = len(name.encode())
        if left_out or size > min(room, MAX_NAME_BYTES) or len(kept) >= MAX_NAMES - 1:
            left_out += 1
            continue
        kept.append(name)
        room -= size
    return (*kept, f"(+{left_out} more)") if left_out else tuple(kept)
