"""Copying a repository from one provider to another: what is missing there, or is not what it must be.

Objects are copied group by group in the order given, so that the copy becomes a repository with its last object.
Interrupted, it is simply run again: what is there already is passed over. A name that is the hash of its object's bytes
proves them on the way; anything else is small and compared byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from blake3 import blake3

from shared.clock import Clock
from shared.errors import Conflict, Corrupt, Denied, FirekeepError, NotFound, Unavailable
from shared.providers.contract import ABSENT, Provider, Stat

AT_ONCE: Final = 16
BYTES_AT_ONCE: Final = 256 << 20

_BEHIND: Final = "z" * 100
"""After a folder's slash: greater than the names in it."""
_HASH = re.compile(r"(?:.*/)?([0-9a-f]{64})")


@dataclass
class Progress:
    """So far: objects looked at, copied (and their bytes), found there already, and removed; what failed, by key."""

    looked_at: int = 0
    copied: int = 0
    bytes: int = 0
    present: int = 0
    removed: int = 0
    failed: dict[str, FirekeepError] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    """Objects that `remove` left where they are: held, or their deletion denied."""


class Transfer:
    """From `source` to `destination`. `order` holds prefixes that end with a slash, whole keys, and "" for the rest.

    `seen` is told of the progress, from the calling thread.
    """

    def __init__(
        self,
        source: Provider,
        destination: Provider,
        order: Sequence[str],
        seen: Callable[[Progress], None] = lambda _: None,
        *,
        at_once: int = AT_ONCE,
    ) -> None:
        self._source = source
        self._destination = destination
        self._order = order
        self._seen = seen
        self._at_once = at_once
        self.progress = Progress()

    def refuse_another(self, key: str) -> None:
        """NotFound when the source lacks this object, Conflict when the destination has another of its name."""
        ours = self._source.get(key)
        try:
            theirs = self._destination.get(key)
        except NotFound:
            return
        if ours != theirs:
            raise Conflict("the destination holds another repository", hint="choose an empty place")

    def missing(self) -> Iterator[Stat]:
        """The source's objects that the destination lacks or has otherwise, in the order of writing."""
        for stat, there in self._pairs():
            self.progress.looked_at += 1
            if there is not None and self._same(stat, there):
                self.progress.present += 1
            else:
                yield stat

    def copy(self) -> Progress:
        """Copy what is missing. A group that fails anywhere is finished, and the ones after it are not begun."""
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="transfer") as pool:
            for group in self._order:
                self._copy_group(pool, group)
                if self.progress.failed:
                    break
        self._seen(self.progress)
        return self.progress

    def check(self) -> list[str]:
        """Keys that are not at the destination in the source's size, by listing both again."""
        return [stat.key for stat, there in self._pairs() if there is None or there.size != stat.size]

    def remove(self, clock: Clock) -> Progress:
        """Delete from the source what the destination has, last written first. Held objects are left, and named.

        Conflict, before anything is deleted, when the destination lacks an object.
        """
        lacking = self.check()
        if lacking:
            raise Conflict(
                f"removing the source failed: the copy lacks {lacking[0]!r}, and {len(lacking) - 1} more",
                hint="nothing was removed; run it again, while no backup is running",
            )
        for group in reversed(self._order):
            for stat, there in self._merged(group):
                if there is not None and there.size == stat.size:
                    self._remove(stat, clock)
                self._seen(self.progress)
        return self.progress

    def _remove(self, stat: Stat, clock: Clock) -> None:
        if stat.held_until is not None and stat.held_until > clock.now():
            self.progress.kept.append(stat.key)
            return
        try:
            self._source.delete(stat.key)
        except Denied:
            self.progress.kept.append(stat.key)
            return
        self.progress.removed += 1

    def _copy_group(self, pool: ThreadPoolExecutor, group: str) -> None:
        running: dict[Future[int], Stat] = {}
        for stat, there in self._merged(group):
            self.progress.looked_at += 1
            if there is not None and self._same(stat, there):
                self.progress.present += 1
                self._seen(self.progress)
                continue
            while running and (
                len(running) >= self._at_once
                or sum(one.size for one in running.values()) + stat.size > BYTES_AT_ONCE
            ):
                self._reap(running)
            running[pool.submit(self._copy_one, stat, there)] = stat
        while running:
            self._reap(running)

    def _reap(self, running: dict[Future[int], Stat]) -> None:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for one in done:
            stat = running.pop(one)
            try:
                self.progress.bytes += one.result()
                self.progress.copied += 1
            except FirekeepError as error:
                self.progress.failed[stat.key] = error
        self._seen(self.progress)

    def _copy_one(self, stat: Stat, there: Stat | None) -> int:
        try:
            data = self._source.get(stat.key)
        except NotFound:
            raise Unavailable(
                f"copying {stat.key!r} failed: it was deleted meanwhile", hint="run it again"
            ) from None
        _prove(stat.key, data)
        self._destination.put(stat.key, data, ABSENT if there is None else there.version)
        return len(data)

    def _same(self, here: Stat, there: Stat) -> bool:
        """Whether it need not be copied. Conflict when both are there, and are not two copies of one object."""
        if _HASH.fullmatch(here.key):
            return here.size == there.size
        if here.size != there.size or self._source.get(here.key) != self._destination.get(here.key):
            raise Conflict(
                f"copying {here.key!r} failed: there is another object of this name already",
                hint="the destination holds another repository, or a damaged copy; choose an empty place",
            )
        return True

    def _pairs(self) -> Iterator[tuple[Stat, Stat | None]]:
        for group in self._order:
            yield from self._merged(group)

    def _merged(self, group: str) -> Iterator[tuple[Stat, Stat | None]]:
        """The source's objects of a group, each with the destination's of the same name."""
        theirs = self._listed(self._destination, group)
        there = next(theirs, None)
        for stat in self._listed(self._source, group):
            while there is not None and there.key < stat.key:
                there = next(theirs, None)
            yield stat, there if there is not None and there.key == stat.key else None

    def _listed(self, provider: Provider, group: str) -> Iterator[Stat]:
        if group:
            yield from (one for one in provider.list(group) if _within(one.key, group))
            return
        after: str | None = ""
        while after is not None:
            after = yield from self._rest(provider, after)

    def _rest(self, provider: Provider, after: str) -> Generator[Stat, None, str | None]:
        """What is in no other group, up to a folder that is; then the place to go on behind it."""
        for one in provider.list("", after):
            named = next((group for group in self._order if group and _within(one.key, group)), None)
            if named is None:
                yield one
            elif named.endswith("/") and one.key < named + _BEHIND:
                return named + _BEHIND
        return None


def _within(key: str, group: str) -> bool:
    return key.startswith(group) if group.endswith("/") else key == group


def _prove(key: str, data: bytes) -> None:
    match = _HASH.fullmatch(key)
    if match is not None and blake3(data).hexdigest() != match[1]:
        raise Corrupt(f"copying {key!r} failed: its bytes do not have the hash its name promises")
