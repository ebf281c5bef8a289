"""What of an app is meant, by content: by names and patterns."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import Model
from shared.models.fields import Names, Paths


class EntriesChoice(Model):
    """Documents: those under `include`, or all, but for those under `exclude`. Patterns of paths, as `a/*/b`."""

    include: Paths = ()
    exclude: Paths = ()


class Choice(Model):
    """The same of files, by `bucket/name`; of accounts, by uid or `tenant/uid`; of settings, by their names."""

    include: Names = ()
    exclude: Names = ()


class Selection(Model):
    """What of an app is meant. A content that is not named is not meant."""

    entries: EntriesChoice | None = None
    media: Choice | None = None
    settings: Choice | None = None
    users: Choice | None = None

    @property
    def chosen(self) -> dict[str, EntriesChoice | Choice]:
        """The contents that are meant, by name."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: choice for name, choice in named.items() if choice is not None}

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if not self.chosen:
            raise PydanticCustomError(
                "selection", "must name at least one of entries, media, settings, users"
            )
        return self
