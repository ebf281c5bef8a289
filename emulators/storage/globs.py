"""The patterns of `matchGlob`: `*` and `?` within a segment, `**` across, `[…]`, `{a,b}`, `\\` to quote."""

from __future__ import annotations

import re

from emulators.storage.refusal import invalid

_MOST = 1024


def compile_glob(pattern: str) -> re.Pattern[str]:
    """An expression for whole names. Refused when the pattern is malformed."""
    if len(pattern) > _MOST:
        raise invalid("The matchGlob is too long.")
    try:
        return re.compile(_translate(pattern), re.DOTALL)
    except (re.error, IndexError):
        raise invalid(f"Invalid value for matchGlob: {pattern[:100]}") from None


def _translate(pattern: str) -> str:
    out, at, depth = [], 0, 0
    while at < len(pattern):
        text, at, depth = _next(pattern, at, depth)
        out.append(text)
    if depth:
        raise IndexError
    return "".join(out)


def _next(pattern: str, at: int, depth: int) -> tuple[str, int, int]:
    """What the construct at `at` becomes, where the next one begins, and how many braces are open then."""
    char = pattern[at]
    if pattern.startswith("**", at):
        # As a whole segment it stands for any folders, or none.
        folders = pattern.startswith("/", at + 2) and (at == 0 or pattern[at - 1] == "/")
        return ("(?:.*/)?", at + 3, depth) if folders else (".*", at + 2, depth)
    if char == "[":
        end = pattern.index("]", at + 2) if "]" in pattern[at + 2 :] else -1
        if end < 0:
            raise IndexError
        inner = pattern[at + 1 : end]
        negated = inner[0] in "!^"
        body = re.escape(inner[negated:]).replace(r"\-", "-")
        return f"[{'^/' if negated else ''}{body}]", end + 1, depth
    if char == "\\":
        return re.escape(pattern[at + 1]), at + 2, depth
    if char == "{":
        return "(?:", at + 1, depth + 1
    if char == "}" and depth:
        return ")", at + 1, depth - 1
    simple = {"*": "[^/]*", "?": "[^/]"}.get(char) or ("|" if char == "," and depth else re.escape(char))
    return simple, at + 1, depth
