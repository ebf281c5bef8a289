"""Collection marks: what is to be deleted once the grace period is over, unless it is needed again by then.

`marks/<64 hex>`, sealed: an instant, packs, runs. A pack in a mark is not to be relied upon: whoever writes stores
such a blob anew, and whoever commits makes sure that nothing it names lies only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.errors import Corrupt, IntegrityError, Missing
from shared.format.canonical import decode, encode, instant_text, only, parse_instant
from shared.format.seal import Sealer
from shared.providers.contract import Provider
from shared.repository.layout import get_named, put_named

MARKS: Final = "marks/"
MAGIC: Final = b"FKMARK\x01"
LABEL: Final = b"firekeep/1/mark"

_HASH = re.compile("[0-9a-f]{64}")
_RUN = re.compile("runs/[A-Za-z0-9][A-Za-z0-9._=-]{0,127}/[0-9a-f]{64}")


@dataclass(frozen=True)
class Mark:
    """Made at `at`: packs by id, runs by key. They were not needed then."""

    at: datetime
    packs: frozenset[bytes]
    runs: frozenset[str] = frozenset()


def put_mark(provider: Provider, sealer: Sealer, mark: Mark) -> str:
    """Store it, and return its key."""
    body = {
        "at": instant_text(mark.at),
        "packs": sorted(pack.hex() for pack in mark.packs),
        "runs": sorted(mark.runs),
    }
    return put_named(provider, MARKS, MAGIC + sealer.seal_metadata(LABEL, encode(body)))


def load_marks(provider: Provider, sealer: Sealer) -> tuple[dict[str, Mark], list[str]]:
    """The marks by key, and the keys of those that are damaged. A mark that nobody can read, nobody acts upon."""
    marks: dict[str, Mark] = {}
    damaged: list[str] = []
    for found in list(provider.list(MARKS)):
        try:
            marks[found.key] = parse_mark(get_named(provider, found.key), sealer, f"object {found.key}")
        except Missing:
            continue  # it was carried out since it was listed
        except IntegrityError:
            damaged.append(found.key)
    return marks, damaged


def parse_mark(data: bytes, sealer: Sealer, what: str) -> Mark:
    """The inverse of what `put_mark` writes. Corrupt for anything else."""
    if not data.startswith(MAGIC):
        raise Corrupt(f"{what} is damaged: it does not start as a mark does")
    body = only(
        decode(sealer.open_metadata(LABEL, data[len(MAGIC) :], what), what), {"at", "packs", "runs"}, what
    )
    packs, runs = _texts(body["packs"], _HASH, what), _texts(body["runs"], _RUN, what)
    return Mark(parse_instant(body["at"], what), frozenset(map(bytes.fromhex, packs)), frozenset(runs))


def doomed(marks: Iterable[Mark]) -> frozenset[bytes]:
    """The packs that any of them names."""
    return frozenset().union(*(mark.packs for mark in marks))


def _texts(value: object, pattern: re.Pattern[str], what: str) -> list[str]:
    texts = value if isinstance(value, list) else [None]
    if not all(isinstance(text, str) and pattern.fullmatch(text) for text in texts):
        raise Corrupt(f"{what} is damaged: it lists what cannot be listed there")
    return list(texts)
