"""Document patterns of triggers: `users/{id}/orders/{order}`, `{all=**}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_PART = re.compile(r"\{[^{}=]*(=\*\*|=\*)?\}")


def _segment(part: str) -> str:
    wild = _PART.fullmatch(part)
    if wild is None:
        return re.escape(part)
    return ".+" if wild[1] == "=**" else "[^/]+"


def compile_patterns(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a document's path matches one of the patterns; everything does when there are none."""
    compiled = [
        re.compile("/".join(map(_segment, pattern.strip("/").split("/"))), re.DOTALL) for pattern in patterns
    ]
    if not compiled:
        return lambda _: True
    return lambda path: any(pattern.fullmatch(path) for pattern in compiled)
