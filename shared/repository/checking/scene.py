"""What the parts of one check share: a fresh view of the store, and what has been learned so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from shared.errors import FirekeepError
from shared.repository.findings import Finding, Tally, of_error
from shared.repository.layout import get_named
from shared.repository.repository import Repository
from shared.repository.store import Store


@dataclass
class Scene:
    """One check over one repository."""

    repository: Repository
    store: Store
    """Empty at first: nothing an open repository remembers takes part."""
    tally: Tally
    sizes: dict[bytes, int] = field(default_factory=dict)
    """The packs there are, by id."""
    referenced: set[bytes] = field(default_factory=set)
    """The packs that the snapshots looked at need."""
    unfit: set[bytes] = field(default_factory=set)
    """Of these, those that do not exist in the size the index says."""
    broken: set[tuple[bytes, int]] = field(default_factory=set)
    """Pack and offset of blobs that did not open."""
    files: bool = False
    """Whether any of them holds files, whose chunks no walk over trees opens."""
    snapshots: int = 0
    """How many were looked at, damaged or not."""
    told: set[tuple[object, ...]] = field(default_factory=set)

    def named(self, key: str) -> bytes:
        """An object's bytes, proven by its name, and counted."""
        data = get_named(self.store.provider, key)
        self.tally.objects += 1
        self.tally.bytes += len(data)
        return data

    def listed(self, prefix: str, findings: list[Finding]) -> list[str]:
        """Keys below a prefix. What stops the listing is a finding; what came before it still counts."""
        keys: list[str] = []
        try:
            for found in self.store.provider.list(prefix):
                keys.append(found.key)  # noqa: PERF401 what came before a failure is kept
        except FirekeepError as error:
            findings.append(of_error(error, prefix))
        return keys

    def once(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Those that have not been told before; a second look may word the same thing differently."""
        for finding in findings:
            same = (finding.code, finding.key, finding.snapshot, finding.content, finding.lost)
            if same not in self.told:
                self.told.add(same)
                yield finding


def scene_of(repository: Repository, tally: Tally) -> Scene:
    store = repository.store
    return Scene(repository, Store(store.provider, store.sealer, store.tuning), tally)


def attempt(key: str, act: Callable[[], object], snapshot: str = "") -> list[Finding]:
    """The finding that `act` failed, if it did."""
    try:
        act()
    except FirekeepError as error:
        return [of_error(error, key, snapshot)]
    return []
