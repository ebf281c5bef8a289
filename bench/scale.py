"""How much is measured."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Numbers of documents. `runs` is of how many runs the median is told where they are cheap."""

    flat: int = 200_000
    nested: int = 66_000
    restored: int = 100_000
    peer: int = 25_000
    """Of a flat database that the peer reads with a call for each document: its rate does not depend on it."""
    large: int = 500_000
    small: int = 50_000
    files: int = 2_000
    accounts: int = 10_000
    runs: int = 3
    workers: int = os.cpu_count() or 1

    @property
    def changed(self) -> int:
        """0.1 % of the large database."""
        return self.large // 1_000


QUICK = Scale(
    flat=40_000,
    nested=13_000,
    restored=20_000,
    peer=5_000,
    large=100_000,
    small=25_000,
    files=110,
    accounts=1_000,
    runs=1,
)
