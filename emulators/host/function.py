"""What the host needs to know about a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class HostedFunction:
    """`name` is the target in main.py and the path on the host; `workers` is how many may run at once."""

    name: str
    signature: Literal["cloudevent", "http"] = "cloudevent"
    timeout_s: float = 540.0
    workers: int = 1
