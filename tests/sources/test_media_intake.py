"""Files are taken in whole, at one generation each, and only what is new is downloaded."""

from __future__ import annotations

import gzip
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from media_rig import NAMES, Place, body_of, hostile, seed

from emulators.chaos import Fault
from shared.clock import SystemClock
from shared.errors import Corrupt, Unavailable
from shared.format.config import Options
from shared.format.flat import encode as key_of
from shared.format.media import decode, equal
from shared.jobs.intake import Intaken, Limits, intake
from shared.providers.local import LocalProvider
from shared.repository import Repository
from shared.repository.files import open_file
from shared.repository.tree import Root, build, scan
from shared.sources.contract import Batch, Outcome, Part, Plan, Scope, Write
from shared.sources.media import MediaSource

MIB = 1 << 20
DATA = Random(3).randbytes(5 * MIB)
LIMITS = Limits(threads=4, ahead_bytes=2 * MIB, ahead_files=7, span_bytes=MIB)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(
        LocalProvider(tmp_path / "r", SystemClock(), os.urandom), [], Options(encryption=False), os.urandom
    )


class Between:
    """A source that is told of every fetch before it happens, so that a test can be somebody who is faster."""

    def __init__(self, inner: MediaSource, before: Callable[[bytes, int], None]) -> None:
        self._inner = inner
        self._before = before
        self.fetched = 0
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def fetch(self, key: bytes, value: bytes, start: int, length: int) -> bytes:
        with self._lock:
            self.fetched += 1
            self._now += length
            self.most = max(self.most, self._now)
            self._before(key, start)
        try:
            return self._inner.fetch(key, value, start, length)
        finally:
            with self._lock:
                self._now -= length

    def instant(self) -> datetime:
        return self._inner.instant()

    def now(self) -> datetime:
        return self._inner.now()

    def plan(self, scope: Scope, at: datetime, cuts: Sequence[bytes] = ()) -> Plan:
        return self._inner.plan(scope, at, cuts)

    def read(self, part: Part, after: bytes = b"") -> Iterator[Batch]:
        return self._inner.read(part, after)

    def lookup(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return self._inner.lookup(keys)

    def decode(self, event: object) -> bytes:
        return self._inner.decode(event)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        return self._inner.apply(writes)


def batches(source: MediaSource | Between) -> Iterator[Batch]:
    for part in source.plan(Scope(), source.instant()).parts:
        yield from source.read(part)


def taken(
    repository: Repository, source: MediaSource | Between, parent: Root | None = None, limits: Limits = LIMITS
) -> tuple[Root, Intaken]:
    told = Intaken()
    known = scan(repository, parent) if parent else iter(())
    with repository.writer() as writer:
        found = intake(repository, writer, source, batches(source), known, limits=limits, told=told)
        root = build(writer, repository.chunking, found)
        writer.flush()
    return root, told


def contents(repository: Repository, root: Root) -> dict[bytes, bytes]:
    return {
        key: b"".join(open_file(repository, value))
        for keys, values in scan(repository, root)
        for key, value in zip(keys, values, strict=True)
    }


def filled(place: Place, files: dict[str, bytes]) -> tuple[MediaSource, str]:
    bucket = place.bucket().name
    source = place.source(bucket)
    seed(source, bucket, files)
    return source, bucket


def test_every_file_is_taken_in_whole_whatever_its_name_and_size(
    place: Place, repository: Repository
) -> None:
    files = {name: body_of(name) for name in NAMES} | {
        "big": DATA,
        "mib": DATA[:MIB],
        "more": DATA[: MIB + 1],
    }
    source, bucket = filled(place, files)
    root, told = taken(repository, source)
    assert contents(repository, root) == {key_of(bucket, name): data for name, data in files.items()}
    assert (told.downloaded, told.downloaded_bytes) == (len(files), sum(map(len, files.values())))


def test_what_is_unchanged_is_not_downloaded_again(place: Place, repository: Repository) -> None:
    files = {f"f{number}": DATA[number : number + 1000] for number in range(20)} | {"big": DATA}
    source, bucket = filled(place, files)
    root, _ = taken(repository, source)
    watched = Between(source, lambda _key, _start: None)
    again, told = taken(repository, watched, root)
    assert (again, watched.fetched, told.taken_over) == (root, 0, 21)
    seed_again = place.client.bucket(bucket)
    seed_again.blob("f3").upload_from_string(files["f3"], content_type="a/b")
    seed_again.blob("f4").upload_from_string(b"changed")
    seed_again.blob("f5").delete()
    seed_again.blob("a new one").upload_from_string(b"new")
    third, told = taken(repository, source, root)
    assert (told.taken_over, told.downloaded) == (19, 2)
    expected = {name: data for name, data in files.items() if name != "f5"} | {
        "f4": b"changed",
        "a new one": b"new",
    }
    assert contents(repository, third) == {key_of(bucket, name): data for name, data in expected.items()}


def test_a_composed_object_is_not_taken_for_another_by_its_crc_alone(
    place: Place, repository: Repository
) -> None:
    source, bucket = filled(place, {"one": b"1", "two": b"2"})
    composing = place.client.bucket(bucket)
    composed = composing.blob("composed")
    composed.compose([composing.blob("one"), composing.blob("two")])
    root, _ = taken(repository, source)
    assert taken(repository, source, root)[1].taken_over == 3
    composed.compose([composing.blob("one"), composing.blob("two")])
    _, told = taken(repository, source, root)
    assert (told.taken_over, told.downloaded) == (2, 1)


def test_content_that_the_repository_has_lost_is_downloaded_again(
    place: Place, repository: Repository, tmp_path: Path
) -> None:
    source, _ = filled(place, {"a": b"a", "big": DATA})
    root, _ = taken(repository, source)
    elsewhere = LocalProvider(tmp_path / "other", SystemClock(), os.urandom)
    other = Repository.create(elsewhere, [], Options(encryption=False), os.urandom)
    told = Intaken()
    with other.writer() as writer:
        known = scan(repository, root)
        found = intake(other, writer, source, batches(source), known, limits=LIMITS, told=told)
        again = build(writer, other.chunking, found)
        writer.flush()
    assert (told.taken_over, told.downloaded) == (0, 2)
    assert contents(other, again) == contents(repository, root)


def test_no_more_than_the_limit_is_fetched_at_once(place: Place, repository: Repository) -> None:
    source, _ = filled(place, {f"f{number}": DATA[: MIB + number] for number in range(12)} | {"big": DATA})
    watched = Between(source, lambda _key, _start: None)
    root, _ = taken(repository, watched)
    assert watched.most <= LIMITS.ahead_bytes + LIMITS.span_bytes
    assert len(contents(repository, root)) == 13


def test_a_file_that_changes_while_it_is_read_is_captured_whole_as_it_became(
    place: Place, repository: Repository
) -> None:
    source, bucket = filled(place, {"a": b"a", "big": DATA, "z": b"z"})
    changed = DATA[::-1]
    left = [1]

    def interfere(key: bytes, start: int) -> None:
        if key == key_of(bucket, "big") and start >= 2 * MIB and left:
            left.pop()
            place.client.bucket(bucket).blob("big").upload_from_string(changed)

    root, told = taken(repository, Between(source, interfere))
    assert contents(repository, root) == {
        key_of(bucket, "a"): b"a", key_of(bucket, "big"): changed, key_of(bucket, "z"): b"z",
    }  # fmt: skip
    assert (told.changed, told.gone) == (1, 0)
    (value,) = source.lookup([key_of(bucket, "big")])
    assert value is not None
    found = dict(zip(*next(scan(repository, root)), strict=True))[key_of(bucket, "big")]
    assert equal(found, value)
    assert decode(found).generation == decode(value).generation


def test_a_file_that_is_deleted_while_it_is_read_is_left_out_and_named(
    place: Place, repository: Repository
) -> None:
    source, bucket = filled(place, {"a": b"a", "big": DATA, "gone": b"g", "z": b"z"})
    left = ["big", "gone"]

    def interfere(key: bytes, start: int) -> None:
        for name in [name for name in left if key == key_of(bucket, name)]:
            left.remove(name)
            place.client.bucket(bucket).blob(name).delete()

    root, told = taken(repository, Between(source, interfere))
    assert set(contents(repository, root)) == {key_of(bucket, "a"), key_of(bucket, "z")}
    assert (told.gone, told.vanished) == (2, [key_of(bucket, "big"), key_of(bucket, "gone")])


def test_a_file_that_changes_each_time_it_is_read_is_left_out_and_named(
    place: Place, repository: Repository
) -> None:
    source, bucket = filled(place, {"busy": b"0", "z": b"z"})

    def interfere(key: bytes, start: int) -> None:
        if key == key_of(bucket, "busy"):
            place.client.bucket(bucket).blob("busy").upload_from_string(os.urandom(8))

    root, told = taken(repository, Between(source, interfere))
    assert set(contents(repository, root)) == {key_of(bucket, "z")}
    assert told.vanished == [key_of(bucket, "busy")]


class Rotten(Between):
    """A service that delivers other bytes than it has the checksum of."""

    def fetch(self, key: bytes, value: bytes, start: int, length: int) -> bytes:
        data = super().fetch(key, value, start, length)
        return bytes([data[0] ^ 1]) + data[1:]


def test_bytes_without_their_checksum_never_become_a_file(place: Place, repository: Repository) -> None:
    source, _ = filled(place, {"a": DATA[:1000]})
    with pytest.raises(Corrupt, match="checksum"):
        taken(repository, Rotten(source, lambda _key, _start: None))


def test_an_object_stored_compressed_is_taken_in_as_it_is_stored(
    place: Place, repository: Repository
) -> None:
    source, bucket = filled(place, {})
    packed = gzip.compress(b"compressible " * 300_000) + gzip.compress(DATA)
    blob = place.client.bucket(bucket).blob("packed")
    blob.content_encoding = "gzip"
    blob.upload_from_string(packed, content_type="text/plain")
    root, _ = taken(repository, source)
    assert contents(repository, root) == {key_of(bucket, "packed"): packed}


def test_downloads_that_break_off_or_are_refused_are_made_again(repository: Repository) -> None:
    faults = (
        Fault("storage", "cut", "GET /download/*", nth=2, after=100_000),
        Fault("storage", "fail", "GET /download/*", nth=4, times=2),
        Fault("storage", "fail", "GET /download/*", nth=6, status="RESOURCE_EXHAUSTED"),
        Fault("storage", "lost", "GET /download/*", nth=7),
        Fault("storage", "fail", "GET /storage/v1/b/*/o", nth=2),
        Fault("storage", "cut", "GET /storage/v1/b/*/o", nth=2, after=100),
    )
    with hostile(*faults) as place:
        source, bucket = filled(place, {"a": DATA, "b": DATA[:MIB]})
        batches_twice = [taken(repository, source)[0] for _ in range(3)]
        assert len(set(batches_twice)) == 1
        expected = {key_of(bucket, "a"): DATA, key_of(bucket, "b"): DATA[:MIB]}
        assert contents(repository, batches_twice[0]) == expected


def test_a_service_that_stays_away_ends_the_work(repository: Repository) -> None:
    with hostile(Fault("storage", "fail", "GET /download/*", nth=1, times=6)) as place:
        source, _ = filled(place, {"a": b"x" * 100})
        with pytest.raises(Unavailable, match="try again later"):
            taken(repository, source)


def sparse(place: Place, repository: Repository, mebibytes: int) -> int:
    """Take in a file of zeros with a few bytes in it; answers the bytes of memory that this needed at most."""
    import resource

    def body() -> Iterator[bytes]:
        zeros = bytes(MIB)
        for number in range(mebibytes):
            yield zeros if number % 500 else number.to_bytes(4, "big") + zeros[4:]

    source, bucket = filled(place, {})
    blob = place.client.bucket(bucket).blob("sparse", chunk_size=16 * MIB)
    with blob.open("wb") as file:
        for block in body():
            file.write(block)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    root, told = taken(repository, source, limits=Limits())
    assert told.downloaded_bytes == mebibytes * MIB
    (value,) = next(scan(repository, root))[1]
    found = open_file(repository, value)
    at, held = 0, b""
    for block in body():
        while len(held) < len(block):
            held += next(found)
        assert held[: len(block)] == block, at
        held, at = held[len(block) :], at + len(block)
    assert not held
    assert next(found, None) is None
    unit = 1 if sys.platform == "darwin" else 1024
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit


def test_memory_does_not_follow_the_size_of_a_file(place: Place, repository: Repository) -> None:
    assert sparse(place, repository, 240) < 160 * MIB


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_gigabytes_are_taken_in_and_read_in_bounded_memory(place: Place, repository: Repository) -> None:
    assert sparse(place, repository, 5 * 1024) < 300 * MIB
