"""What a scope means in key ranges: the project's own accounts, tenants, and beginnings of ids in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shared.errors import BadInput
from shared.format.flat import span
from shared.sources.contract import Scope
from shared.sources.media.scopes import Range, without


def spans(scope: Scope, realms: Collection[str]) -> list[Range]:
    """The ranges of a scope in key order, each within one realm. BadInput for a tenant that is not there.

    Prefixes and exclusions are `TENANT`, `TENANT/START` or, for the project's own accounts, `/START`.
    """
    wanted = (
        _merged(scope.prefixes, realms) if scope.prefixes else [span(f"{realm}/") for realm in sorted(realms)]
    )
    return without(wanted, _merged(scope.exclude, realms))


def _merged(prefixes: Sequence[str], realms: Collection[str]) -> list[Range]:
    """Their ranges in key order, without those inside another."""
    out: list[Range] = []
    for found in sorted(_span(prefix, realms) for prefix in set(prefixes)):
        if not out or found[1] > out[-1][1]:
            out.append(found)
    return out


def _span(prefix: str, realms: Collection[str]) -> Range:
    realm = prefix.partition("/")[0]
    if realm not in realms:
        raise BadInput(
            f"choosing accounts: {realm[:80]!r} is not a tenant of the project",
            hint="the project's own accounts are `/`, or `/` and how their ids begin",
        )
    return span(prefix)
