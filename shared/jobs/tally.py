"""What a restore has done so far, as its job document keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

from shared.sources.contract import Kind, Write

TOLD = 100
"""How many conflicts and differences are named; all are counted."""


@dataclass
class Tally:
    """Counts of records, and where the work is: `cursor` is the last key of `phase` of `content` that is done."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    extra: int = 0
    """Live records that the snapshot does not hold and the request does not allow to delete."""
    kept: int = 0
    """Live records that differ and that the request does not allow to overwrite."""
    conflicts: int = 0
    """Records that changed between being read and being written; they stay as they are."""
    refused: int = 0
    """Records that the service would not take."""
    by_hand: list[str] = field(default_factory=list)
    """Names of records that no service lets anybody write: people have to."""
    checked: int = 0
    """Records read again and found as wanted."""
    differences: int = 0
    """Records read again and found not as wanted."""
    size: int = 0
    """Bytes of the records written."""
    content: str = ""
    phase: Literal["apply", "check"] = "apply"
    cursor: bytes = b""
    digest: bytes = b""
    told: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """The tally in a job's data; a fresh one when there is none yet."""
        return cls(**{one.name: data[one.name] for one in fields(cls) if one.name in data})

    def saved(self) -> dict[str, Any]:
        """As `of` reads it."""
        return asdict(self)

    def facts(self) -> dict[str, Any]:
        """For people and logs."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in ("cursor", "digest", "phase", "content")
        }

    def live(self) -> dict[str, Any]:
        """Progress between two saves."""
        applied = self.written + self.unchanged + self.kept + self.conflicts + self.refused
        return {"liveApplied": applied, "liveChecked": self.checked}

    @property
    def written(self) -> int:
        return self.created + self.updated + self.deleted

    def done(self, write: Write) -> None:
        """Count a write that is in the target."""
        if write.kind is Kind.DROP:
            self.deleted += 1
        elif write.seen is None:
            self.created += 1
        else:
            self.updated += 1
        self.size += len(write.value)

    def conflict(self, name: str) -> None:
        """Count a write whose guard did not hold."""
        self.conflicts += 1
        self._tell(f"{name} changed while it was being restored, and was left as it is")

    def refuse(self, name: str, reason: str) -> None:
        """Count a write that the service would not take."""
        self.refused += 1
        self._tell(f"{name} was refused: {reason}")

    def leave_to_people(self, name: str, how: str) -> None:
        """Note a record that only people can restore."""
        if name not in self.by_hand:
            self.by_hand.append(name)
            self._tell(f"{name}: {how}")

    def remark(self, name: str, reason: str) -> None:
        """Tell what is to be known of a write that is in the target."""
        self._tell(f"{name}: {reason}")

    def difference(self, name: str, how: str) -> None:
        """Count a record that is not as wanted after all."""
        self.differences += 1
        self._tell(f"{name} {how}")

    def enter(self, content: str) -> None:
        """Turn to a content, if the work is not in the middle of it already."""
        if self.content != content:
            self.content, self.phase, self.cursor = content, "apply", b""

    @property
    def clean(self) -> bool:
        """Whether everything is as it was wanted."""
        return not (self.conflicts or self.refused or self.differences)

    def _tell(self, line: str) -> None:
        if len(self.told) < TOLD:
            self.told.append(line)
