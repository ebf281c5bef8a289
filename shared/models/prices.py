"""What a backup's work costs, in US dollars. `docs/costs.md` says where the numbers are from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.models.base import Model

Price = Annotated[float, Field(ge=0, le=1_000_000)]


class Prices(Model):
    """List prices, without free quotas. A JSON file with some of these names replaces those."""

    documents_read: Price = 0.06
    """A hundred thousand documents read, or counts of a thousand index entries each."""
    object_writes: Price = 0.005
    """A thousand objects written or pages listed (class A operations)."""
    object_reads: Price = 0.0004
    """A thousand objects read (class B operations)."""
    network: Price = 0.0
    """A gigabyte of files read out of their buckets; nothing within a location."""
    compute: Price = 0.00003
    """A second of a function of 1 GiB."""
    storage: Price = 0.02
    """A gigabyte kept for a month."""
