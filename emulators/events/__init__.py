"""The event router: Pub/Sub pushes and Firestore changes become CloudEvents for the functions."""

from __future__ import annotations

from emulators.events.router import Router

__all__ = ["Router"]
