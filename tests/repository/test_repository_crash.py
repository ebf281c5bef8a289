"""Death before and after every put: only complete snapshots are visible, they pass every check, and a second try ends
with the same root."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from repository_samples import content, disk, entries, made, opened, ring, take_next, take_snapshot

from shared.errors import Conflict, FirekeepError, NotFound
from shared.format.config import Options
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version
from shared.repository import Repository
from shared.repository.check import ALL, check_data

MODEL = entries(8, 300)
CHANGES: dict[bytes, bytes | None] = {
    sorted(MODEL)[40]: b"changed",
    sorted(MODEL)[90]: None,
    b"zz/new": b"new" * 900,
}
AFTER = {key: value for key, value in {**MODEL, **CHANGES}.items() if value is not None}


class Death(BaseException):
    """Not an Exception: nothing of ours may catch it and go on."""


class Mortal:
    """Dies at the n-th put, before it lands or after; from then on nothing lands any more."""

    def __init__(self, inner: Provider, at: int, *, landed: bool) -> None:
        self.inner = inner
        self.left = at
        self.landed = landed
        self.dead = False

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        if self.dead:
            raise Death
        self.left -= 1
        if self.left == 0:
            self.dead = True
            if self.landed:
                self.inner.put(key, data, expect)
            raise Death
        return self.inner.put(key, data, expect)

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self.inner.get(key, span)

    def stat(self, key: str) -> Stat:
        return self.inner.stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        return self.inner.list(prefix, after)

    def delete(self, key: str) -> None:
        raise AssertionError("a backup deletes nothing")

    def hold(self, key: str, until: datetime) -> None:
        self.inner.hold(key, until)


@pytest.mark.parametrize("landed", [False, True])
def test_a_snapshot_that_dies_at_any_put_is_whole_or_not_there_and_succeeds_when_tried_again(
    tmp_path: Path, landed: bool
) -> None:
    expected = take_snapshot(made(disk(tmp_path / "expected")), "one", MODEL)
    for number in range(1, 1000):
        place = tmp_path / str(number)
        made(disk(place))
        mortal = Mortal(disk(place), number, landed=landed)
        with suppress(Death):
            take_snapshot(opened(mortal), "one", MODEL)
        again = opened(disk(place))
        if list(again.snapshots()) == ["one"]:
            assert list(check_data(again, "one")) == []
            assert content(again, "one") == MODEL
        assert take_snapshot(again, "one", MODEL) == expected
        assert list(check_data(opened(disk(place)), ALL)) == []
        if not mortal.dead:
            assert number > 6
            return
    raise AssertionError("the writes never ended")


@pytest.mark.parametrize("landed", [False, True])
def test_a_second_snapshot_that_dies_harms_neither_the_first_nor_its_own_second_try(
    tmp_path: Path, landed: bool
) -> None:
    for number in range(1, 1000):
        place = tmp_path / str(number)
        first = take_snapshot(made(disk(place)), "one", MODEL)
        mortal = Mortal(disk(place), number, landed=landed)
        with suppress(Death):
            take_next(opened(mortal), "two", "one", CHANGES)
        again = opened(disk(place))
        assert set(again.snapshots()) <= {"one", "two"}
        for snapshot in again.snapshots():
            assert list(check_data(again, snapshot)) == []
        assert again.manifest("one").roots["entries"] == first
        take_next(again, "two", "one", CHANGES)
        assert content(again, "two") == AFTER
        assert list(check_data(opened(disk(place)), ALL)) == []
        if not mortal.dead:
            return
    raise AssertionError("the writes never ended")


@pytest.mark.parametrize("landed", [False, True])
def test_a_creation_that_dies_leaves_no_repository_or_a_whole_one(tmp_path: Path, landed: bool) -> None:
    for number in (1, 2):
        place = tmp_path / str(number)
        with pytest.raises(Death):
            made(Mortal(disk(place), number, landed=landed))
        try:
            repository = opened(disk(place))
        except NotFound:
            repository = made(disk(place))
        take_snapshot(repository, "one", MODEL)
        assert content(opened(disk(place)), "one") == MODEL


def test_of_two_creations_one_wins_and_its_key_opens(tmp_path: Path) -> None:
    class Overtaken(Mortal):
        """Somebody else finishes creating just before our configuration lands."""

        def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
            if key == "config":
                made(self.inner)
            return self.inner.put(key, data, expect)

    with pytest.raises(Conflict):
        Repository.create(Overtaken(disk(tmp_path), 0, landed=False), [ring()], Options(), bytes)
    take_snapshot(opened(disk(tmp_path)), "one", MODEL)


def test_an_error_while_putting_is_told_and_tried_again_with_success(tmp_path: Path) -> None:
    class Full(Mortal):
        def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
            self.left -= 1
            if self.left == 0:
                raise FirekeepError("full")
            return self.inner.put(key, data, expect)

    made(disk(tmp_path))
    for number in range(1, 12):
        try:
            take_snapshot(opened(Full(disk(tmp_path), number, landed=False)), f"s{number}", MODEL)
        except FirekeepError:
            assert f"s{number}" not in set(opened(disk(tmp_path)).snapshots())
    assert list(check_data(opened(disk(tmp_path)), ALL)) == []
