"""What is asked for again and again, saved under a name: selections (backup sets), and selections with options.

The name is the document's id. `shared.models.jobs` has the requests that use them.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import Model
from shared.models.fields import LARGEST_NUMBER, BackupType, Id, Names, Text
from shared.models.selection import Selection

Depth = Literal["none", "structure", "data"]
"""How a backup is checked right after it is complete."""


class BackupOptions(Model):
    """How a backup is made. `max_size` in bytes, as newly stored; `formats` it is meant to be exported to."""

    validation: Depth | None = None
    formats: Names = ()
    max_size: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)] | None = None
    note: Text | None = None

    def over(self, other: BackupOptions | None) -> BackupOptions:
        """These, and those of `other` where these say nothing; of two sizes the smaller."""
        if other is None:
            return self
        sizes = [size for size in (self.max_size, other.max_size) if size is not None]
        return self.changed(
            validation=self.validation or other.validation,
            formats=self.formats or other.formats,
            max_size=min(sizes, default=None),
            note=other.note if self.note is None else self.note,
        )


class BackupSet(Model):
    """A selection under a name."""

    name: Id
    description: Text = ""
    selection: Selection


class BackupTemplate(Model):
    """A selection, its own or that of the backup set `set`, with options; without either, everything.

    `type` is what a backup of it counts as, unless the request says so.
    """

    name: Id
    description: Text = ""
    selection: Selection | None = None
    set: Id | None = None
    type: BackupType | None = None
    options: BackupOptions | None = None

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        if self.selection is not None and self.set is not None:
            raise PydanticCustomError("choice", "selection and set exclude one another; keep one of the two")
        return self
