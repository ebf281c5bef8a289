"""Stored files of Cloud Storage buckets (Firebase Storage among them) as a source of records and bytes."""

from __future__ import annotations

from shared.sources.media.service import ENDPOINT, Patience, open_http
from shared.sources.media.source import MediaSource, Options

__all__ = ["ENDPOINT", "MediaSource", "Options", "Patience", "open_http"]
