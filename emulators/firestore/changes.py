"""What a commit did to one document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from emulators.firestore.caller import NOBODY, Caller


@dataclass(frozen=True, slots=True)
class Change:
    """One changed document: `before` and `after` are serialized google.firestore.v1.Document, None where there is none.

    `path` is relative to the database, `time` is the commit's, aware and in UTC, `caller` is who made it.
    """

    project: str
    database: str
    path: str
    before: bytes | None
    after: bytes | None
    time: datetime
    caller: Caller = NOBODY
