"""Document patterns of triggers, as Eventarc matches paths: `users/{uid}`, `users/{uid}/posts/{post=**}`.

`{id}`, `{id=*}` and `*` stand for one segment of a path, `{rest=**}` and `**` for any number of them, none
included; a pattern has at most one of the latter. A `*` inside a segment stands for any characters of it.
Anything else must be equal, character by character.
https://cloud.google.com/eventarc/docs/path-patterns, https://cloud.google.com/run/docs/triggering/firestore-triggers
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CAPTURE = re.compile(r"\{\w+(=\*\*|=\*)?\}|\*\*|\*")
_MANY = "\0"  # no name holds it


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A predicate on document paths such as `users/a`. Raises BadInput for a malformed pattern."""
    segments = [_segment(segment, pattern) for segment in pattern.strip("/").split("/")]
    if segments.count(_MANY) > 1:
        raise BadInput(
            f"reading the document pattern {pattern!r}: it has more than one wildcard for many segments",
            hint="keep one {rest=**}, and use {id} for single segments",
        )
    matcher = re.compile(_joined(segments), re.DOTALL)
    return lambda path: matcher.fullmatch(path) is not None


def compile_patterns(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a path matches one of the patterns; every path does when there are none."""
    matches = [compile_pattern(pattern) for pattern in patterns]
    return lambda path: not matches or any(match(path) for match in matches)


def _joined(segments: list[str]) -> str:
    """Many segments can be none, and then the slash beside them is not there either."""
    if segments == [_MANY]:
        return ".+"
    expression = "/".join(segments)
    if segments[0] == _MANY:
        return expression.replace(_MANY + "/", "(?:.+/)?")
    return expression.replace("/" + _MANY, "(?:/.+)?")


def _segment(segment: str, pattern: str) -> str:
    if _CAPTURE.fullmatch(segment):
        return _MANY if "**" in segment else "[^/]+"
    if not segment or "**" in segment or "{" in segment or "}" in segment or _MANY in segment:
        raise BadInput(
            f"reading the document pattern {pattern!r}: {segment!r} is neither a name nor a wildcard",
            hint="use {id} for one segment and {rest=**} for many",
        )
    return re.escape(segment).replace(r"\*", "[^/]*")
