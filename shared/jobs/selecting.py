"""What a request means of each content: where to look for it, and which of the records found there are meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from shared.contents import CONTENTS, ENTRIES, USERS
from shared.errors import BadInput
from shared.format.forms import FORMS
from shared.format.manifest import Selected
from shared.format.pattern import Pattern, chooser, parse
from shared.models.jobs import Choice, EntriesChoice, Selection
from shared.sources.contract import Scope
from shared.state.contract import Task

Keeps = Callable[[bytes], bool]
"""Whether the record under a key is meant."""


@dataclass(frozen=True)
class Chosen:
    """What is meant of one content."""

    content: str
    include: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...]

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Names under which everything meant lies, none of them under another; empty for anywhere."""
        literals = {pattern.literal for pattern in self.include}
        return () if "" in literals else outermost(literals)

    @property
    def keeps(self) -> Keeps | None:
        """Whether a record under `prefixes` is meant; None when all of them are."""
        bounded = self.content == ENTRIES and all(pattern.exact for pattern in self.include)
        return None if not self.exclude and (bounded or not self.include) else self.means

    @cached_property
    def _chooser(self) -> Callable[[str], bool]:
        return chooser(self.include, self.exclude)

    def means(self, key: bytes) -> bool:
        """Whether the record under this key is meant."""
        return self._chooser(FORMS[self.content].name(key))

    def holds(self, other: Chosen) -> bool:
        """Whether everything that `other` means is surely meant; it may be when this says no."""
        known = [pattern.literal for pattern in self.include if pattern.exact]
        inner = [pattern.literal for pattern in other.include]
        within = all(any(inside(name, outer) for outer in known) for name in inner) and bool(inner)
        return not self.exclude and (within or not self.include)

    def scope(self, own: Iterable[str]) -> Scope:
        """Where a source has to look; `own` are root collections to leave out."""
        return Scope(self.prefixes, tuple(own))

    def selected(self) -> Selected:
        """As a manifest tells it."""
        return Selected(tuple(one.text for one in self.include), tuple(one.text for one in self.exclude))


def choose(selection: Selection | None, available: Iterable[str]) -> dict[str, Chosen]:
    """What is meant of each content, in their fixed order. Without a selection: all that is available.

    BadInput names a content that is asked for and not available.
    """
    offered = set(available)
    asked: Mapping[str, EntriesChoice | Choice] = (
        {name: Choice() for name in offered} if selection is None else selection.chosen
    )
    missing = [name for name in asked if name not in offered]
    if missing:
        raise BadInput(
            f"{' and '.join(missing)} asked for, and not set up here",
            hint="see FIREKEEP_CONTENTS; what is backed up is told by `firekeep show`",
        )
    return {
        name: chosen(name, asked[name].include, asked[name].exclude) for name in CONTENTS if name in asked
    }


def chosen(content: str, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Chosen:
    """The patterns, parsed. BadInput for one that is none."""
    return Chosen(
        content,
        tuple(parse(_spelled(content, text)) for text in include),
        tuple(parse(_spelled(content, text)) for text in exclude),
    )


def selected(job: Task) -> list[Chosen]:
    """What a snapshot's job means, as its document tells it."""
    asked = job.data["selection"]
    return [
        chosen(name, asked[name]["include"], asked[name]["exclude"]) for name in CONTENTS if name in asked
    ]


def outermost(names: Iterable[str]) -> tuple[str, ...]:
    """Those that do not lie under another, in order."""
    every = set(names)
    return tuple(sorted(name for name in every if not any(inside(name, other) for other in every - {name})))


def inside(name: str, outer: str) -> bool:
    """Whether a name is `outer` or lies under it."""
    return name == outer or name.startswith(outer + "/")


def _spelled(content: str, text: str) -> str:
    """A uid alone is an account outside of all tenants, whose names begin with a slash."""
    return f"/{text}" if content == USERS and "/" not in text else text
