"""Shares: sealed exports beside the repository, each with a note of what it is.

`shares/ID` holds the sealed bytes, `shares/ID.note` the note, sealed as the repository's metadata under the label
`firekeep/1/share/ID`. The note is put first and deleted last: no share is without one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.errors import BadInput, Corrupt, NotFound
from shared.format import canonical
from shared.format.canonical import instant_text, parse_instant
from shared.format.seal import Sealer
from shared.providers.contract import Provider

SHARES: Final = "shares/"
MOST_BYTES: Final = 512 << 20
"""Of a share in the store, which takes an object whole."""
_NOTE: Final = ".note"
_LABEL: Final = b"firekeep/1/share/"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9=_-]{0,99}")


@dataclass(frozen=True)
class Share:
    """What is known of one. `recipient` says how it is sealed."""

    id: str
    created: datetime
    expires: datetime
    backup: str
    form: str
    recipient: str
    records: Mapping[str, int]
    size: int
    there: bool = True
    """Whether the sealed bytes are still in the store. Not in the note."""

    @property
    def key(self) -> str:
        return SHARES + self.id

    def state(self, now: datetime) -> str:
        if not self.there:
            return "gone"
        return "expired" if now >= self.expires else "active"


class Shares:
    """Those of one repository."""

    def __init__(self, provider: Provider, sealer: Sealer) -> None:
        self._provider = provider
        self._sealer = sealer

    def add(self, share: Share, sealed: bytes) -> None:
        """Note it, then store it."""
        if not _ID.fullmatch(share.id):
            raise BadInput(f"{share.id[:80]!r} cannot be a share's id")
        self._provider.put(share.key + _NOTE, self._sealed(share))
        self._provider.put(share.key, sealed)

    def all(self) -> Iterator[Share]:
        """In the order of ids. Corrupt for a note that is damaged."""
        found = {one.key for one in self._provider.list(SHARES)}
        for key in sorted(key for key in found if key.endswith(_NOTE)):
            share = self._opened(key)
            yield replace(share, there=share.key in found)

    def find(self, name: str) -> Share:
        """The one whose id is `name`, or the only one whose id begins so."""
        matching = [share for share in self.all() if name and share.id.startswith(name)]
        exact = [share for share in matching if share.id == name]
        if len(exact or matching) != 1:
            told = f"{len(matching)} shares begin with" if matching else "there is no share"
            raise NotFound(f"{told} {name[:80]}", hint="`firekeep share list` lists them")
        return (exact or matching)[0]

    def remove(self, share: Share) -> None:
        """The bytes first: from then on nobody can fetch them."""
        self._provider.delete(share.key)
        self._provider.delete(share.key + _NOTE)

    def _sealed(self, share: Share) -> bytes:
        told: dict[str, Any] = {
            **asdict(share),
            "created": instant_text(share.created),
            "expires": instant_text(share.expires),
            "records": dict(share.records),
        }
        del told["there"]
        return self._sealer.seal_metadata(_LABEL + share.id.encode(), canonical.encode(told))

    def _opened(self, key: str) -> Share:
        share_id = key.removeprefix(SHARES).removesuffix(_NOTE)
        what = f"object {key}"
        plain = self._sealer.open_metadata(_LABEL + share_id.encode(), self._provider.get(key), what)
        told = canonical.decode(plain, what)
        try:
            created, expires = (parse_instant(told[name], what) for name in ("created", "expires"))
            return Share(**{**told, "created": created, "expires": expires})
        except (KeyError, TypeError):
            raise Corrupt(f"{what} is damaged: it is not the note of a share") from None
