"""How a conformance check says that a promise is broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import FirekeepError


class Broken(Exception):
    """An implementation does not keep a promise of its port."""


def promise(kept: bool, words: str) -> None:
    """Broken, with the promise's words, unless it was kept."""
    if not kept:
        raise Broken(f"broken promise: {words}")


@contextmanager
def refused(kind: type[FirekeepError], words: str) -> Iterator[None]:
    """The body must raise exactly this kind of error, or one below it in the tree."""
    try:
        yield
    except kind:
        return
    except Exception as error:
        raise Broken(f"broken promise: {words}; it raised {type(error).__name__} instead") from error
    raise Broken(f"broken promise: {words}; it raised nothing")
