"""What an answer of a Google REST API means. Of its text only words in capitals are told: it may repeat content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.errors import Corrupt
from shared.format import canonical

TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
MOST_BYTES = 32 << 20
"""Of one answer, unpacked. The largest thing there is, a Remote Config template, has 1 MB."""

_WORD = re.compile(r"[A-Z][A-Z0-9_]{2,59}")
_CODE = re.compile(r"\[?([A-Z][A-Z0-9_]{2,59})\]?(?:\s?:|$)")
"""How a message begins that says more than its status: `WORD`, `WORD : text` or `[WORD]: text`."""
_NEVER_USED = ("has not been used in project", "it is disabled", "SERVICE_DISABLED")


class Answer(NamedTuple):
    """`headers` have lower-case names; `what` names the service, for errors."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    what: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> dict[str, Any]:
        """The object it holds. Corrupt when it holds none that JSON and UTF-8 have a form for."""
        try:
            found = json.loads(self.data, object_pairs_hook=_object, parse_constant=_refused)
            exact = isinstance(found, dict) and canonical.encode_or_none(found) is not None
        except (ValueError, RecursionError):
            exact = False
        if not exact:
            raise Corrupt(f"reading an answer of {self.what}: it is not a JSON object")
        return dict(found)

    @property
    def word(self) -> str:
        """Why the service refused, in its own word: `PERMISSION_DENIED`, `CONFIGURATION_NOT_FOUND`; may be empty."""
        error = self._error
        message = _CODE.match(str(error.get("message", "")))
        status = _WORD.fullmatch(str(error.get("status", "")))
        return message[1] if message else status[0] if status else ""

    @property
    def told(self) -> str:
        """Status and word, as errors and outcomes show them."""
        return f"HTTP {self.status} {self.word}".rstrip()

    @property
    def disabled(self) -> bool:
        """Whether the API is refused because nobody enabled it in the project, not for want of a permission."""
        reasons = [item.get("reason") for item in self._error.get("details", []) if isinstance(item, dict)]
        message = str(self._error.get("message", ""))
        return self.status == 403 and (
            "SERVICE_DISABLED" in reasons or any(words in message for words in _NEVER_USED)
        )

    @property
    def _error(self) -> dict[str, Any]:
        try:
            error = json.loads(self.data)["error"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return {}
        return error if isinstance(error, dict) and isinstance(error.get("details", []), list) else {}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number")
