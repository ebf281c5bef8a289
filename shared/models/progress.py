"""How far a job is, for people who watch it: a document of its own, written every few seconds while it is worked on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.models.base import Model
from shared.models.fields import Count, Instant, Label, Size


class ProgressDocument(Model):
    """There is one for a job that is worked on, and none for one that has ended. `items` are records, or blobs of a
    verification; `rate` in items a second; `total` and `seconds_left` only when they are known.
    """

    kind: Literal["snapshot", "restore", "verify", "rotate"]
    phase: Label
    state: Literal["pending", "running"]
    items: Count
    bytes: Size
    total: Count | None = None
    rate: Annotated[float, Field(ge=0)] | None = None
    seconds_left: Count | None = None
    parts: Count | None = None
    parts_done: Count | None = None
    started_at: Instant
    updated_at: Instant
