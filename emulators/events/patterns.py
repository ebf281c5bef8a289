"""Document patterns of Firestore triggers: `users/{uid}`, `users/{uid}/posts/{post=**}`.

`{id}` stands for one segment of a path, `{rest=**}` for any number of them, none included; anything else must
be equal, character by character.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

_CAPTURE = re.compile(r"\{\w+(=\*\*|=\*)?\}|\*\*|\*")


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A predicate on document paths such as `users/a`. Raises BadInput for a malformed pattern."""
    segments = pattern.strip("/").split("/")
    expression = "/".join(_segment(segment, pattern) for segment in segments)
    # A run of any length swallows the slash before it too, so that it can be empty.
    matcher = re.compile(expression.replace("/\0", "(?:/.+)?").replace("\0", ".+"), re.DOTALL)
    return lambda path: matcher.fullmatch(path) is not None


def _segment(segment: str, pattern: str) -> str:
    if _CAPTURE.fullmatch(segment):
        return "\0" if "**" in segment else "[^/]+"
    if not segment or "{" in segment or "}" in segment:
        raise BadInput(
            f"reading the document pattern {pattern!r}: {segment!r} is neither a name nor a wildcard",
            hint="use {id} for one segment and {rest=**} for many",
        )
    return re.escape(segment)
