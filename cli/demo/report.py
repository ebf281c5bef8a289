"""What the demonstration found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cli.demo.damage import Damage
from cli.output import count, duration, size


@dataclass
class Facts:
    """Sizes in bytes; `steps` are names and seconds."""

    steps: list[tuple[str, float]] = field(default_factory=list)
    documents: int = 0
    data_bytes: int = 0
    first_bytes: int = 0
    second_bytes: int = 0
    edited: int = 0
    repository_bytes: int = 0
    verified: list[str] = field(default_factory=list)
    damage: Damage | None = None
    damaged: int = 0
    restored: dict[str, int] = field(default_factory=dict)
    identical: bool = False
    wrong: int = 0
    example: str = ""

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.steps)

    def as_json(self) -> dict[str, Any]:
        """The same under camelCase names."""
        return {
            "identical": self.identical,
            "documents": self.documents,
            "dataBytes": self.data_bytes,
            "firstBackupBytes": self.first_bytes,
            "secondBackupBytes": self.second_bytes,
            "editedDocuments": self.edited,
            "repositoryBytes": self.repository_bytes,
            "verified": self.verified,
            "damage": asdict(self.damage) if self.damage else None,
            "damagedDocuments": self.damaged,
            "restored": self.restored,
            "wrongDocuments": self.wrong,
            "seconds": round(self.seconds, 3),
            "steps": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in self.steps],
        }


def report(facts: Facts) -> list[str]:
    """A few lines."""
    share = facts.first_bytes / max(facts.data_bytes, 1)
    again = f"{facts.second_bytes / max(facts.first_bytes, 1):.1%} of the first"
    restored = ", ".join(f"{count(number)} {name}" for name, number in facts.restored.items())
    if facts.identical:
        result = f"IDENTICAL: all {count(facts.documents)} documents are, byte for byte, what they were"
    else:
        result = f"NOT IDENTICAL: {count(facts.wrong, 'document')} wrong; {facts.example}"
    return [
        "",
        f"  data           {count(facts.documents)} documents, {size(facts.data_bytes)}",
        f"  first backup   {size(facts.first_bytes)} stored, {share:.0%} of the data",
        f"  second backup  {size(facts.second_bytes)} stored, {again}, for {count(facts.edited)} changes",
        f"  damage         {count(facts.damaged)} documents",
        f"  restored       {restored}",
        f"  result         {result}",
        f"  took           {duration(facts.seconds)}",
    ]
