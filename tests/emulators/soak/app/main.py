"""Functions that take what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent


def message(event: CloudEvent) -> None:
    """On a topic."""


def document(event: CloudEvent) -> None:
    """On a document."""


def stored(event: CloudEvent) -> None:
    """On an object."""
