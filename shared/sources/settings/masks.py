"""Patches with a field mask: what differs, and nothing else, is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.format.setting import SECRET, WHOLE

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


def mask_of(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """The paths (`a.b`) in which they differ, as a patch names them. A secret that is not known is left alone."""
    return [path for path in _differing(wanted, live) if path != SECRET or SECRET in wanted]


def _differing(wanted: Mapping[str, Any], live: Mapping[str, Any], above: str = "") -> list[str]:
    paths: list[str] = []
    for name in sorted(wanted.keys() | live.keys()):
        ours, theirs = wanted.get(name), live.get(name)
        if ours == theirs:
            continue
        if _is_message(name, ours) and _is_message(name, theirs):
            paths += _differing(ours or {}, theirs or {}, f"{above}{name}.")
        else:
            paths.append(above + name)
    return paths


def _is_message(name: str, field: object) -> bool:
    """Whether parts of a field can be named one by one."""
    return isinstance(field, dict) and name not in WHOLE and all(map(_NAME.fullmatch, field))
