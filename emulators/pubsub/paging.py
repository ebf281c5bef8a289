"""Pages of a listing by name: the token is the last name given out, so a page survives changes between calls."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right

from emulators.pubsub.refusal import invalid

_MOST = 1000


def page(names: list[str], size: int, token: str) -> tuple[list[str], str]:
    """The names after `token` (names are sorted), at most `size`, and the next page's token or ""."""
    if size < 0:
        raise invalid("The page_size must not be negative.")
    start = bisect_right(names, _decode(token)) if token else 0
    end = start + min(size or 100, _MOST)
    last = base64.urlsafe_b64encode(names[end - 1].encode()).decode("ascii") if end < len(names) else ""
    return names[start:end], last


def _decode(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise invalid("Invalid page token.") from None
