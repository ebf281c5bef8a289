"""Collection beside writers, and death at every call: what is committed stays whole, whatever happens in between.

Another process is played by work that is done in the middle of a call to the store: at each call, and at each pair.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import collect_racer
import pytest
from repository_samples import SMALL, content, disk, entries, made, opened, take_next, take_snapshot

from shared.errors import Conflict
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version
from shared.repository.check import ALL, check_data
from shared.repository.collect import Manner, collect, drop_snapshot
from shared.repository.marks import MARKS

LATER = datetime.now(UTC) + timedelta(days=400)
ENDED = Manner(live=lambda _: False)
OLD, OTHER = entries(1, 120), entries(2, 40)
CHANGES: dict[bytes, bytes | None] = {sorted(OLD)[30]: b"changed", b"zz/new": b"new" * 300}
NEW = {**OLD, **{key: value for key, value in CHANGES.items() if value is not None}}

Meanwhile = Callable[[], None]
MANIFEST = "put snapshots/new"


class Watched:
    """Does what was planned for the n-th call, or for the first of a name, just before it; tells what each call was."""

    def __init__(self, inner: Provider, plan: dict[int | str, Meanwhile] | None = None) -> None:
        self.inner = inner
        self.plan = plan or {}
        self.calls: list[str] = []

    def _now(self, what: str) -> None:
        self.calls.append(what)
        for name in (len(self.calls), what):
            self.plan.pop(name, lambda: None)()

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        self._now(f"put {key}")
        return self.inner.put(key, data, expect)

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        self._now(f"get {key}")
        return self.inner.get(key, span)

    def stat(self, key: str) -> Stat:
        self._now(f"stat {key}")
        return self.inner.stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        self._now(f"list {prefix}")
        return self.inner.list(prefix, after)

    def delete(self, key: str) -> None:
        self._now(f"delete {key}")
        self.inner.delete(key)

    def hold(self, key: str, until: datetime) -> None:
        self.inner.hold(key, until)


class Death(BaseException):
    """Not an Exception: nothing of ours may catch it and go on."""


def die() -> None:
    raise Death


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots, the first of them dropped: a writer wants to share its blobs, and a rotation to delete them."""
    place = tmp_path_factory.mktemp("before") / "repository"
    repository = made(disk(place))
    take_snapshot(repository, "one", OLD)
    take_snapshot(repository, "two", OTHER)
    drop_snapshot(repository, "one")
    return place


def copy(before: Path, place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(before, place)
    return place


def rotate(place: Path, day: float) -> Meanwhile:
    def run() -> None:
        collect(opened(disk(place)), LATER + timedelta(days=day), ENDED)

    return run


def write(provider: Provider) -> None:
    """All of what the dropped snapshot held, and a change."""
    take_snapshot(opened(provider), "new", NEW)


def check_all(place: Path) -> None:
    """Whatever is committed is whole, and stays so when all that is not needed has gone."""
    for _ in range(2):
        repository = opened(disk(place))
        assert list(check_data(repository, ALL)) == []
        assert content(repository, "two") == OTHER
        if "new" in set(repository.snapshots()):
            assert content(repository, "new") == NEW
        for day in (10, 11, 12, 13):
            rotate(place, day)()


def test_a_writer_that_is_overtaken_by_a_mark_anywhere_loses_nothing(before: Path, tmp_path: Path) -> None:
    calls = _calls_of_a_writer(copy(before, tmp_path / "count"))
    for number in range(1, len(calls) + 1):
        place = copy(before, tmp_path / "place")
        write(Watched(disk(place), {number: rotate(place, 0)}))
        rotate(place, 1)()
        assert set(opened(disk(place)).snapshots()) == {"new", "two"}
        check_all(place)


def test_a_writer_whose_marks_are_carried_out_anywhere_always_commits(before: Path, tmp_path: Path) -> None:
    """The mark was there before it began: it relies on none of it, and always commits."""
    marked = copy(before, tmp_path / "marked")
    rotate(marked, 0)()
    calls = _calls_of_a_writer(copy(marked, tmp_path / "count"))
    for number in range(1, len(calls) + 1):
        place = copy(marked, tmp_path / "place")
        write(Watched(disk(place), {number: rotate(place, 1)}))
        check_all(place)


def test_a_writer_that_takes_longer_than_the_grace_period_commits_whole_or_is_refused(
    before: Path, tmp_path: Path
) -> None:
    _overtaken(before, tmp_path, every=17)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_writer_that_takes_longer_than_the_grace_period_at_every_pair_of_calls(
    before: Path, tmp_path: Path
) -> None:
    _overtaken(before, tmp_path, every=1)


def _overtaken(before: Path, tmp_path: Path, every: int) -> None:
    """A mark at one call and its end at a later one; at most one of them between the last look at the marks and the
    manifest, which take less than the grace period."""
    calls = _calls_of_a_writer(copy(before, tmp_path / "count"))
    last_look = max(number for number, call in enumerate(calls, 1) if call == f"list {MARKS}")
    manifest = calls.index(MANIFEST) + 1
    assert (
        max(number for number, call in enumerate(calls, 1) if call.startswith("put index/"))
        < last_look
        < manifest
    )
    refused = committed = 0
    pairs = [(a, b) for a, b in combinations(range(1, len(calls) + 1), 2) if a <= last_look]
    # The narrowest of all: the end of a mark just before the manifest.
    narrow = [(first, MANIFEST) for first in range(last_look, 1, -min(every, 4))]
    for first, second in (*narrow, *pairs[::every]):
        place = copy(before, tmp_path / "place")
        plan: dict[int | str, Meanwhile] = {first: rotate(place, 0), second: rotate(place, 1)}
        try:
            write(Watched(disk(place), plan))
            committed += 1
        except Conflict:
            refused += 1
            write(disk(place))
        check_all(place)
    assert committed
    assert refused or every > 1


def _calls_of_a_writer(place: Path) -> list[str]:
    watched = Watched(disk(place))
    write(watched)
    return watched.calls


@pytest.mark.parametrize("day", [0, 1])
def test_a_snapshot_committed_anywhere_in_a_collection_stays(before: Path, tmp_path: Path, day: int) -> None:
    marked = copy(before, tmp_path / "marked")
    if day:
        rotate(marked, 0)()
    watched = Watched(disk(copy(marked, tmp_path / "count")))
    collect(opened(watched), LATER + timedelta(days=day), ENDED)
    for number in range(1, len(watched.calls) + 1):
        place = copy(marked, tmp_path / "place")

        def another(place: Path = place) -> None:
            write(disk(place))

        collect(opened(Watched(disk(place), {number: another})), LATER + timedelta(days=day), ENDED)
        assert set(opened(disk(place)).snapshots()) == {"new", "two"}
        check_all(place)


@pytest.mark.parametrize("day", [0, 1, 2])
def test_a_collection_that_dies_anywhere_harms_nothing_and_is_done_by_the_next(
    before: Path, tmp_path: Path, day: int
) -> None:
    ready = copy(before, tmp_path / "ready")
    repository = opened(disk(ready))
    for number in range(18):
        take_next(repository, f"n{number}", f"n{number - 1}" if number else "two", {b"k%d" % number: b"v"})
    for earlier in range(day):
        rotate(ready, earlier)()
    held = {one: content(repository, one) for one in repository.snapshots()}
    watched = Watched(disk(copy(ready, tmp_path / "count")))
    collect(opened(watched), LATER + timedelta(days=day), ENDED)
    changing = [n for n, call in enumerate(watched.calls, 1) if call.startswith(("put", "delete"))]
    for number in changing:
        place = copy(ready, tmp_path / "place")
        with suppress(Death):
            collect(opened(Watched(disk(place), {number: die})), LATER + timedelta(days=day), ENDED)
        repository = opened(disk(place))
        assert list(check_data(repository, ALL)) == []
        for later in (day, day + 1, day + 2, day + 3):
            rotate(place, later)()
        repository = opened(disk(place), SMALL)
        assert {one: content(repository, one) for one in repository.snapshots()} == held
        done = collect(repository, LATER + timedelta(days=99), ENDED)
        assert (done.packs, done.marked_packs) == (0, 0)
    assert changing or day == 2


@pytest.mark.parametrize(
    ("seconds", "grace"),
    [(10, 1.5), pytest.param(90, 3.0, marks=[pytest.mark.slow, pytest.mark.timeout(300)])],
)
def test_writers_and_a_rotation_in_processes_of_their_own(tmp_path: Path, seconds: int, grace: float) -> None:
    made(disk(tmp_path))
    racers = [
        subprocess.Popen(
            [sys.executable, collect_racer.__file__, role, str(tmp_path), name, str(seconds), str(grace)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for role, name in (("write", "a"), ("write", "b"), ("rotate", "r"))
    ]
    told = [json.loads(racer.communicate(timeout=seconds + 60)[0]) for racer in racers]
    assert all(one["committed"] >= 3 for one in told[:2])
    assert told[2]["dropped"] and told[2]["packs"]
    repository = opened(disk(tmp_path))
    assert list(check_data(repository, ALL)) == []
    for snapshot in repository.snapshots():
        assert content(repository, snapshot) == collect_racer.model_of(snapshot)
