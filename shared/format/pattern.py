"""Patterns that name records by their shown names: `users`, `users/*/drafts`, `**/cache`.

A pattern means what it matches and everything below that. `*` stands for any characters and `?` for one, within a
segment; a segment `**` for any number of segments; a backslash takes the meaning from the character behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from shared.errors import BadInput

_WILD = re.compile(r"(?<!\\)(?:\\\\)*[*?]")
_TOKEN = re.compile(r"\\(.)|(\*)|(\?)|([^\\*?]+)", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    """Made by `parse`."""

    text: str
    literal: str
    """The leading segments that hold no wildcard: everything the pattern means lies under this name."""
    exact: bool
    """Whether these are all there are."""

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(_regex_of(self.text) + "(?:/.*)?", re.DOTALL)

    def matches(self, name: str) -> bool:
        """Whether the name is meant: matched, or below what is matched."""
        return self._regex.fullmatch(name) is not None


def parse(text: str) -> Pattern:
    """BadInput for a pattern that is empty or ends in a lone backslash."""
    trimmed = text.removesuffix("/")
    if not trimmed or (len(trimmed) - len(trimmed.rstrip("\\"))) % 2:
        raise BadInput(f"the pattern {text[:80]!r} is empty or ends in a backslash")
    segments = trimmed.split("/")
    plain = 0
    while plain < len(segments) and not _WILD.search(segments[plain]):
        plain += 1
    literal = "/".join(re.sub(r"\\(.)", r"\1", segment, flags=re.DOTALL) for segment in segments[:plain])
    return Pattern(trimmed, literal, plain == len(segments))


def chooser(include: Sequence[Pattern], exclude: Sequence[Pattern]) -> Callable[[str], bool]:
    """Whether a name is meant: by one of `include`, or any name when there are none; and by none of `exclude`."""

    def chosen(name: str) -> bool:
        wanted = not include or any(pattern.matches(name) for pattern in include)
        return wanted and not any(pattern.matches(name) for pattern in exclude)

    return chosen


def _regex_of(text: str) -> str:
    out = ""
    for number, segment in enumerate(text.split("/")):
        if segment == "**":
            # With its slash, so that it may stand for no segment at all.
            out += "(?:[^/]+/)*[^/]+" if number == text.count("/") else "(?:[^/]+/)*"
        else:
            out += "".join(map(_piece, _TOKEN.finditer(segment))) + ("/" if number < text.count("/") else "")
    return out


def _piece(token: re.Match[str]) -> str:
    if token[2]:
        return "[^/]*"
    return "[^/]" if token[3] else re.escape(token[1] or token[4])
