"""The configuration of an app and its project as a source of records: see `docs/settings.md`."""

from __future__ import annotations

from shared.sources.settings.service import Endpoints, Patience, open_http
from shared.sources.settings.source import SettingsSource
from shared.sources.settings.verdict import BY_HAND

__all__ = ["BY_HAND", "Endpoints", "Patience", "SettingsSource", "open_http"]
