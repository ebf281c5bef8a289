"""What is there against what should be: by name, each thing whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import eq
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass
class Comparison:
    """Names of things that are not as expected, and how many are."""

    equal: int = 0
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.different)

    @property
    def identical(self) -> bool:
        """Everything is as expected; having compared nothing is not identical."""
        return self.equal > 0 and not self.wrong

    def example(self) -> str:
        """One name that is wrong, and how."""
        for name, paths in (
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("different", self.different),
        ):
            if paths:
                return f"{paths[0]} is {name}"
        return "nothing was compared"


def compared(
    expected: Mapping[str, _T], found: Iterable[tuple[str, _T]], same: Callable[[Any, Any], bool] = eq
) -> Comparison:
    """`same` takes what is expected and what was found."""
    result = Comparison()
    unseen = set(expected)
    for name, one in found:
        if name not in expected:
            result.unexpected.append(name)
            continue
        unseen.discard(name)
        if same(expected[name], one):
            result.equal += 1
        else:
            result.different.append(name)
    result.missing = sorted(unseen)
    return result
