"""What backups and recoveries have in common: what they cover, and what checking them found."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.models.base import Model
from shared.models.fields import Names, Text


class Content(Model):
    """Names of what is covered, such as collections and prefixes. Full listings are in the repository."""

    entries: Names
    media: Names
    settings: Names
    users: Names


class Validation(Model):
    """`checksum` is empty until there is one to tell."""

    verified: bool
    checksum: Annotated[Text, Field(max_length=256)]
    errors: Names | None = None
