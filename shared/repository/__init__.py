"""The repository: content-addressed trees in sealed packs, and the snapshots that point into them."""

from __future__ import annotations

from shared.repository.repository import Repository

__all__ = ["Repository"]
