"""The Firestore source: the whole database at one instant, by pages and streams as counts advise."""

from __future__ import annotations

from shared.sources.firestore.planning import Limits
from shared.sources.firestore.service import Patience, open_channel
from shared.sources.firestore.source import FirestoreSource, Options

__all__ = ["FirestoreSource", "Limits", "Options", "Patience", "open_channel"]
