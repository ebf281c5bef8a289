"""Times: microseconds since 1970 inside, RFC 3339 in resources, RFC 1123 in headers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from emulators.storage.refusal import invalid

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros() -> int:
    """Now: the emulator's only look at the time."""
    return time.time_ns() // 1000


def as_datetime(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)


def rfc3339(at: int) -> str:
    """Milliseconds, as the service gives them."""
    return as_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at // 1000 % 1000:03d}Z"


def exact(at: int) -> str:
    """As `rfc3339`, with microseconds when there are any: what a client wrote is given back."""
    return rfc3339(at) if at % 1000 == 0 else as_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rfc1123(at: int) -> str:
    return format_datetime(as_datetime(at), usegmt=True)


def parse_time(text: object, what: str) -> int:
    """Refused when it is not an RFC 3339 time with a zone."""
    try:
        parsed = datetime.fromisoformat(str(text))
        if parsed.tzinfo is None:
            raise ValueError
        return (parsed - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise invalid(f"Invalid value for {what}: {str(text)[:100]}") from None
