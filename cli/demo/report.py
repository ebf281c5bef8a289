"""What the demonstration found, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cli.demo.damage import Damage
from cli.output import count, duration, printable, size


@dataclass
class Facts:
    """Sizes in bytes; `steps` are names and seconds."""

    steps: list[tuple[str, float]] = field(default_factory=list)
    documents: int = 0
    files: int = 0
    urls: int = 0
    accounts: int = 0
    passwords: int = 0
    settings: int = 0
    data_bytes: int = 0
    first_bytes: int = 0
    second_bytes: int = 0
    edited: int = 0
    repository_bytes: int = 0
    verified: list[str] = field(default_factory=list)
    damage: Damage | None = None
    damaged: str = ""
    restored: dict[str, int] = field(default_factory=dict)
    identical: bool = False
    wrong: dict[str, int] = field(default_factory=dict)
    """By kind, as `Look` names them."""
    example: str = ""

    @property
    def data(self) -> str:
        """What there was at the second backup."""
        numbers = ((self.documents, "document"), (self.files, "file"), (self.accounts, "account"))
        return ", ".join(count(number, kind) for number, kind in numbers)

    @property
    def told_wrong(self) -> str:
        return ", ".join(f"{count(number, kind)} wrong" for kind, number in self.wrong.items() if number)

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.steps)

    def as_json(self) -> dict[str, Any]:
        """The same under camelCase names."""
        return {
            "identical": self.identical,
            "documents": self.documents,
            "files": self.files,
            "urls": self.urls,
            "accounts": self.accounts,
            "passwords": self.passwords,
            "settings": self.settings,
            "dataBytes": self.data_bytes,
            "firstBackupBytes": self.first_bytes,
            "secondBackupBytes": self.second_bytes,
            "editedDocuments": self.edited,
            "repositoryBytes": self.repository_bytes,
            "verified": self.verified,
            "damage": asdict(self.damage) if self.damage else None,
            "damagedDocuments": self.damage.documents if self.damage else 0,
            "restored": self.restored,
            "wrong": self.wrong,
            "seconds": round(self.seconds, 3),
            "steps": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in self.steps],
        }


def report(facts: Facts) -> list[str]:
    """A few lines."""
    share = facts.first_bytes / max(facts.data_bytes, 1)
    again = f"{facts.second_bytes / max(facts.first_bytes, 1):.1%} of the first"
    restored = ", ".join(
        f"{count(facts.restored.get(did, 0))} {did}" for did in ("created", "updated", "deleted")
    )
    return [
        "",
        f"  data           {facts.data}, {size(facts.data_bytes)}",
        f"  first backup   {size(facts.first_bytes)} stored, {share:.0%} of the data",
        f"  second backup  {size(facts.second_bytes)} stored, {again}, for {count(facts.edited)} changes",
        f"  damage         {facts.damaged}; later everything",
        f"  restored       {restored}",
        *_result(facts),
        f"  took           {duration(facts.seconds)}",
    ]


def _result(facts: Facts) -> list[str]:
    if not facts.identical:
        return [f"  result         NOT IDENTICAL: {facts.told_wrong}; {printable(facts.example)}"]
    known = f"{count(facts.urls)} download URLs work, {count(facts.passwords)} people sign in as before"
    return [
        f"  result         IDENTICAL: all {facts.data} are what they were",
        f"                 {known}",
    ]
