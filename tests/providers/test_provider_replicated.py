"""Several places as one: the first decides, enough must hold, and who lags is never forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from provider_samples import HandClock, local

from shared.errors import BadInput, Conflict, Corrupt, Denied, FirekeepError, NotFound, Unavailable
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version
from shared.providers.replicated import Lag, Member, ReplicatedProvider

HASH = "packs/ab/" + "ab" * 32


class Down:
    """A place that answers every verb with an error while there is one."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.error: FirekeepError | None = None

    def _ask(self) -> Provider:
        if self.error is not None:
            raise self.error
        return self.inner

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        return self._ask().put(key, data, expect)

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self._ask().get(key, span)

    def stat(self, key: str) -> Stat:
        return self._ask().stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        return self._ask().list(prefix, after)

    def delete(self, key: str) -> None:
        self._ask().delete(key)

    def hold(self, key: str, until: datetime) -> None:
        self._ask().hold(key, until)


class Copies:
    """Three places, each of which can be put out of order."""

    def __init__(self, root: Path, required: int, *, past_damage: bool = False) -> None:
        self.clock = HandClock()
        self.places = [Down(local(root / name, self.clock)) for name in ("one", "two", "three")]
        self.told: list[Lag] = []
        members = [
            Member(name, place) for name, place in zip(("one", "two", "three"), self.places, strict=True)
        ]
        self.all = ReplicatedProvider(members, required, told=self.told.append, past_damage=past_damage)

    def holding(self, key: str) -> list[bytes | None]:
        def read(place: Down) -> bytes | None:
            try:
                return place.inner.get(key)
            except NotFound:
                return None

        return [read(place) for place in self.places]


@pytest.mark.parametrize("key", [HASH, "config", "snapshots/one"])
def test_a_put_is_in_every_place(tmp_path: Path, key: str) -> None:
    copies = Copies(tmp_path, 3)
    copies.all.put(key, b"x")
    assert copies.holding(key) == [b"x"] * 3
    assert copies.all.lagging() == []


@pytest.mark.parametrize("key", [HASH, "config"])
def test_a_put_that_too_few_hold_fails_and_a_later_one_completes_it(tmp_path: Path, key: str) -> None:
    copies = Copies(tmp_path, 3)
    copies.places[2].error = Unavailable("the place is on fire")
    with pytest.raises(Unavailable, match=r"only 2 of the 3 required places hold .* on fire"):
        copies.all.put(key, b"x")
    copies.places[2].error = None
    with pytest.raises(Conflict):
        copies.all.put(key, b"x")
    assert copies.holding(key) == [b"x"] * 3


@pytest.mark.parametrize("key", [HASH, "config"])
def test_not_even_a_conflict_is_said_while_too_few_hold(tmp_path: Path, key: str) -> None:
    """Who finds an object there takes it for stored: it must be stored often enough."""
    copies = Copies(tmp_path, 3)
    copies.places[0].inner.put(key, b"x")
    copies.places[1].error = Unavailable("asleep")
    with pytest.raises(Unavailable, match="asleep"):
        copies.all.put(key, b"x")


def test_a_place_that_lags_is_told_once_and_counted(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 2)
    copies.places[1].error = Denied("no entry")
    copies.all.put("a", b"x")
    copies.all.put(HASH, b"x")
    assert [lag.name for lag in copies.told] == ["two"]
    assert copies.all.lagging() == [Lag("two", 2, "a", "no entry")]
    assert copies.holding("a") == [b"x", None, b"x"]


@pytest.mark.parametrize("key", [HASH, "config"])
def test_without_the_first_place_nothing_is_written(tmp_path: Path, key: str) -> None:
    copies = Copies(tmp_path, 1)
    copies.places[0].error = Unavailable("away")
    with pytest.raises(Unavailable, match="away"):
        copies.all.put(key, b"x")
    copies.places[0].error = None
    with pytest.raises(NotFound):
        copies.places[0].get(key)
    copies.all.put(key, b"x")
    assert copies.holding(key) == [b"x"] * 3


def test_another_object_in_a_copy_is_never_overwritten(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 2)
    copies.places[1].inner.put("config", b"another repository")
    copies.all.put("config", b"ours")
    assert copies.holding("config") == [b"ours", b"another repository", b"ours"]
    assert [lag.name for lag in copies.told] == ["two"]


def test_of_writers_at_once_the_same_one_wins_everywhere(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 3)

    def attempt(number: int) -> bool:
        try:
            copies.all.put("snapshots/one", b"%d" % number)
        except (Conflict, Unavailable):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(16)))
    assert sum(won) <= 1
    assert len(set(copies.holding("snapshots/one"))) == 1


def test_a_replacement_is_decided_by_the_first_place(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 2)
    version = copies.all.put("object", b"first")
    copies.places[1].error = Unavailable("asleep")
    version = copies.all.put("object", b"second", version)
    copies.places[1].error = None
    assert copies.holding("object") == [b"second", b"first", b"second"]
    copies.all.put("object", b"third", version)
    assert copies.holding("object") == [b"third"] * 3
    copies.places[0].error = Unavailable("away")
    with pytest.raises(Unavailable):
        copies.all.put("object", b"fourth", copies.all.stat("object").version)


def test_reading_falls_over_to_who_has_it(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 3)
    copies.all.put("a", b"x")
    copies.places[0].inner.delete("a")
    copies.places[1].error = Unavailable("asleep")
    assert copies.all.get("a") == b"x"
    assert copies.all.stat("a").size == 1


def test_what_may_be_where_nobody_answers_is_not_called_absent(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 1)
    copies.places[2].error = Unavailable("asleep")
    with pytest.raises(Unavailable):
        copies.all.get("a")
    copies.places[2].error = None
    with pytest.raises(NotFound):
        copies.all.get("a")


@pytest.mark.parametrize("past_damage", [False, True])
def test_damage_is_passed_over_only_when_asked(tmp_path: Path, past_damage: bool) -> None:
    copies = Copies(tmp_path, 3, past_damage=past_damage)
    copies.all.put("a", b"whole")
    copies.places[0].error = Corrupt("damaged")
    if past_damage:
        assert copies.all.get("a") == b"whole"
        return
    with pytest.raises(Corrupt):
        copies.all.get("a")


def test_a_listing_never_falls_over(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 1)
    copies.all.put("a", b"x")
    copies.places[0].error = Unavailable("away")
    with pytest.raises(Unavailable):
        list(copies.all.list(""))


def test_what_could_not_be_deleted_everywhere_is_still_listed(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 1)
    copies.all.put("a", b"x")
    copies.places[1].error = Unavailable("asleep")
    with pytest.raises(Unavailable):
        copies.all.delete("a")
    assert [found.key for found in copies.all.list("")] == ["a"]
    copies.places[1].error = None
    copies.all.delete("a")
    assert copies.holding("a") == [None] * 3


def test_a_hold_in_one_place_keeps_the_object_in_the_first(tmp_path: Path) -> None:
    copies = Copies(tmp_path, 3)
    copies.all.put("a", b"x")
    copies.places[2].inner.hold("a", copies.clock.now() + timedelta(days=1))
    with pytest.raises(Denied):
        copies.all.delete("a")
    assert copies.holding("a") == [b"x"] * 3


@pytest.mark.parametrize("required", [0, 4])
def test_more_copies_than_places_are_refused(tmp_path: Path, required: int) -> None:
    with pytest.raises(BadInput, match="copies are required"):
        Copies(tmp_path, required)
