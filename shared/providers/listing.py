"""A store's listing, believed only as far as it keeps order: ascending, of our keys, under our prefix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.errors import BadInput, Unsupported
from shared.providers.contract import Stat, checked_key


def in_order(found: Iterable[Stat | None], prefix: str, after: str, store: str) -> Iterator[Stat]:
    """Those whose key has `prefix` and is greater than `after`; None stands for a name that is not ours.

    Names that are no keys, or lie elsewhere, are left out. Unsupported when the listing goes back or repeats itself:
    whatever is built on it would miss objects, or never end.
    """
    last = ""
    for one in found:
        if one is None:
            continue
        if last and one.key <= last:
            raise Unsupported(
                f"listing {prefix!r} in {store} failed: names are not in ascending order",
                hint="a repository needs a store that lists by the bytes of names; docs/stores.md names some",
            )
        last = one.key
        if one.key > after and one.key.startswith(prefix) and is_key(one.key):
            yield one


def is_key(name: str) -> bool:
    """Whether a name in a listing is one that we may have given."""
    try:
        checked_key(name)
    except BadInput:
        return False
    return True
