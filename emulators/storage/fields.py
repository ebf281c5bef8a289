"""Partial responses: the `fields` parameter, such as `items(name,metadata/owner),nextPageToken`."""

from __future__ import annotations

import re
from typing import Any

from emulators.storage.refusal import invalid

Mask = dict[str, "Mask"]  # an empty one takes everything
_TOKEN = re.compile(r"[^,/()\s]+|[,/()]")
_DEPTH_MOST = 20


def parse_fields(text: str) -> Mask:
    """Refused when it is malformed."""
    tokens = _TOKEN.findall(text)
    mask, at = _parse_list(tokens, 0, 0)
    if at != len(tokens) or not tokens:
        raise invalid(f"Invalid field selection {text[:100]}")
    return mask


def _parse_list(tokens: list[str], at: int, depth: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while True:
        at = _parse_one(tokens, at, mask, depth)
        if at >= len(tokens) or tokens[at] != ",":
            return mask, at
        at += 1


def _parse_one(tokens: list[str], at: int, mask: Mask, depth: int) -> int:
    if depth > _DEPTH_MOST:
        raise invalid("The field selection is nested too deeply.")
    name = tokens[at] if at < len(tokens) else ","
    if name in {",", "/", "(", ")"}:
        raise invalid("Invalid field selection")
    below = mask.setdefault(name, {})
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if following == "/":
        return _parse_one(tokens, at + 2, below, depth + 1)
    if following != "(":
        return at + 1
    inner, end = _parse_list(tokens, at + 2, depth + 1)
    if end >= len(tokens) or tokens[end] != ")":
        raise invalid("Invalid field selection")
    below.update(inner)
    return end + 1


def select(value: Any, mask: Mask) -> Any:
    """The parts of a JSON value that the mask names, in lists for each element."""
    if not mask or ("*" in mask and not mask["*"]):
        return value
    if isinstance(value, list):
        return [select(each, mask) for each in value]
    if not isinstance(value, dict):
        return value
    every = mask.get("*")
    return {
        name: select(inner, mask.get(name) or every or {})
        for name, inner in value.items()
        if name in mask or every is not None
    }
