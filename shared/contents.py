"""The contents of a backup, by the names under which documents, requests and manifests know them."""

from __future__ import annotations

from typing import Final

ENTRIES: Final = "entries"
"""Firestore documents."""
MEDIA: Final = "media"
"""Stored files."""
SETTINGS: Final = "settings"
"""Configuration of the app and its project."""
USERS: Final = "users"
"""Accounts."""

CONTENTS: Final = (ENTRIES, MEDIA, SETTINGS, USERS)
"""All of them, in the order in which they are told."""
