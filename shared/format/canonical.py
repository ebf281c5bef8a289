"""Canonical JSON: one value, one spelling. Sorted keys, no spaces, no NaN, UTF-8, no duplicate names.

`decode` refuses bytes that `encode` would not have written, so two readers can never disagree on a value
and a changed byte can never hide in the spelling.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from shared.errors import Corrupt, Internal

JsonObject = dict[str, Any]


def encode(value: JsonObject) -> bytes:
    """The canonical bytes of `value`. Internal when it holds something JSON has no exact form for."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise Internal(f"encoding JSON failed: {error}") from None


def decode(data: bytes, what: str) -> JsonObject:
    """The object `data` spells; Corrupt, naming `what`, when it is not canonical."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Corrupt(f"{what} is damaged: it is not JSON") from None
    if not isinstance(value, dict) or encode_or_none(value) != data:
        raise Corrupt(f"{what} is damaged: it is not canonical JSON")
    return value


def encode_or_none(value: JsonObject) -> bytes | None:
    """As `encode`, but None for a value that has no canonical form (NaN, a lone surrogate)."""
    try:
        return encode(value)
    except Internal:
        return None


def only(value: JsonObject, names: set[str], what: str) -> JsonObject:
    """`value`, or Corrupt when its field names are not exactly `names`."""
    if value.keys() != names:
        odd = sorted(value.keys() ^ names)
        raise Corrupt(f"{what} is damaged: fields missing or unknown: {', '.join(odd)[:200]}")
    return value


def instant_text(instant: datetime) -> str:
    """UTC with microseconds and a final Z. Internal for a datetime without a zone."""
    if instant.tzinfo is None:
        raise Internal("an instant has no time zone")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_instant(text: object, what: str) -> datetime:
    """The instant `instant_text` wrote; Corrupt, naming `what`, otherwise."""
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or instant_text(instant) != text:
        raise Corrupt(f"{what} is damaged: not an instant")
    return instant
