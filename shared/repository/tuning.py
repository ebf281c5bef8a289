"""How much memory and how many threads a repository may use. Nothing here changes what is stored where."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import BadInput


@dataclass(frozen=True)
class Tuning:
    """Sizes in bytes.

    A writer holds at most about `packs_in_flight` + 1 times `pack_bytes` of sealed blobs (twice that while a pack is
    put together), and plaintexts that wait to be sealed: `queued` of them, and `queued_bytes` and one more. A reader
    holds `cache_bytes` of plaintexts and four times `read_ahead` of packs.
    """

    pack_bytes: int = 4 << 20
    packs_in_flight: int = 3
    threads: int = 2
    queued: int = 64
    queued_bytes: int = 32 << 20
    cache_bytes: int = 32 << 20
    read_ahead: int = 2 << 20
    zstd_level: int = 3

    def __post_init__(self) -> None:
        for name, low, high in (
            ("pack_bytes", 1, 1 << 30),
            ("packs_in_flight", 1, 64),
            ("threads", 1, 64),
            ("queued", 1, 1 << 16),
            ("queued_bytes", 1, 1 << 30),
            ("cache_bytes", 0, 1 << 40),
            ("read_ahead", 0, 1 << 28),
            ("zstd_level", -7, 19),
        ):
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"{name} is {getattr(self, name)}; it must lie between {low} and {high}")
