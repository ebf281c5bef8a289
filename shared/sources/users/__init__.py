"""Accounts of Firebase Authentication (Identity Platform) as a source of records."""

from __future__ import annotations

from shared.sources.users.service import ENDPOINT, Patience, open_http
from shared.sources.users.source import UNPACED, Options, UsersSource
from shared.sources.users.uploading import HashConfig

__all__ = ["ENDPOINT", "UNPACED", "HashConfig", "Options", "Patience", "UsersSource", "open_http"]
