"""Writers: order, bounds, failures that surface, and reading what is not durable yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from repository_samples import TUNING, content, disk, entries, made, opened, take_snapshot

from shared.errors import Corrupt, FirekeepError, Internal, Missing, StorageFull, Unavailable
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version
from shared.repository.blobs import BlobKind

LEAF = BlobKind.LEAF


class Recording:
    """Notes every put; fails those that `refuse` picks by number: before they land, or after."""

    def __init__(self, inner: Provider, fail_at: int = 0, *, landed: bool = False) -> None:
        self.inner = inner
        self.keys: list[str] = []
        self.fail_at = fail_at
        self.landed = landed

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        self.keys.append(key)
        if len(self.keys) == self.fail_at:
            if self.landed:
                self.inner.put(key, data, expect)
            raise StorageFull("the disk is full")
        return self.inner.put(key, data, expect)

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self.inner.get(key, span)

    def stat(self, key: str) -> Stat:
        return self.inner.stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        return self.inner.list(prefix, after)

    def delete(self, key: str) -> None:
        self.inner.delete(key)

    def hold(self, key: str, until: datetime) -> None:
        self.inner.hold(key, until)


def blobs(count: int, size: int = 700) -> list[bytes]:
    return [os.urandom(size) for _ in range(count)]


def test_packs_are_put_before_the_index_and_the_index_before_the_snapshot(tmp_path: Path) -> None:
    made(disk(tmp_path))
    recording = Recording(disk(tmp_path))
    take_snapshot(opened(recording), "one", entries(2))
    kinds = [key.split("/")[0] for key in recording.keys]
    assert kinds == ["packs"] * (len(kinds) - 2) + ["index", "snapshots"]
    assert len(kinds) > 5


def test_everything_put_can_be_read_at_once_and_after_the_flush(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    data = blobs(60)
    with repository.writer() as writer:
        ids = []
        for blob in data:
            ids.append(writer.put(LEAF, blob))
            assert writer.get(LEAF, ids[-1]) == blob
            assert writer.get(LEAF, ids[len(ids) // 2]) == data[len(ids) // 2]
        with pytest.raises(Missing):
            repository.get(LEAF, ids[0])
        writer.flush()
        assert [repository.get(LEAF, blob_id) for blob_id in ids] == data
    assert [opened(disk(tmp_path)).get(LEAF, blob_id) for blob_id in ids] == data


def test_blobs_lie_in_packs_in_the_order_they_were_put(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), tuning=replace(TUNING, threads=4))
    with repository.writer() as writer:
        ids = [writer.put(LEAF, blob) for blob in blobs(50)]
        writer.flush()
    packs = [repository.store.index.find(blob_id)[0] for blob_id in ids]
    order = list(dict.fromkeys(place.pack for place in packs))
    assert [(order.index(place.pack), place.offset) for place in packs] == sorted(
        (order.index(place.pack), place.offset) for place in packs
    )


def test_a_writer_left_without_a_flush_leaves_nothing_visible(tmp_path: Path) -> None:
    with made(disk(tmp_path)).writer() as writer:
        ids = [writer.put(LEAF, blob) for blob in blobs(50)]
    again = opened(disk(tmp_path))
    assert not any(again.holds(LEAF, blob_id) for blob_id in ids)
    assert again.usage()["index"].objects == 0
    with pytest.raises(Internal):
        writer.put(LEAF, b"late")


def test_a_flush_of_nothing_writes_nothing(tmp_path: Path) -> None:
    made(disk(tmp_path))
    recording = Recording(disk(tmp_path))
    with opened(recording).writer() as writer:
        writer.flush()
        writer.flush()
    assert recording.keys == []


def test_a_writer_goes_on_after_a_flush(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    data = blobs(30)
    with repository.writer() as writer:
        ids = []
        for blob in data:
            ids += [writer.put(LEAF, blob), writer.put(LEAF, blob)]
            writer.flush()
        assert (writer.written.blobs, writer.written.known) == (30, 30)
    again = opened(disk(tmp_path))
    assert [again.get(LEAF, blob_id) for blob_id in ids[::2]] == data


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_in_the_background_surfaces_and_stays(tmp_path: Path, threads: int) -> None:
    made(disk(tmp_path))
    repository = opened(Recording(disk(tmp_path), fail_at=2), tuning=replace(TUNING, threads=threads))
    with repository.writer() as writer:
        with pytest.raises(StorageFull):
            for blob in blobs(100):
                writer.put(LEAF, blob)
        for act in (writer.flush, lambda: writer.put(LEAF, b"more"), lambda: writer.get(LEAF, bytes(32))):
            with pytest.raises(StorageFull):
                act()
    assert opened(disk(tmp_path)).usage()["index"].objects == 0


def test_an_object_that_landed_although_its_put_failed_is_taken_for_stored(tmp_path: Path) -> None:
    """Same name, same bytes: whoever tries again meets its own object."""

    class Unanswered(Recording):
        def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
            self.inner.put(key, data, expect)
            return super().put(key, data, expect)

    made(disk(tmp_path))
    repository = opened(Unanswered(disk(tmp_path)))
    with repository.writer() as writer:
        ids = [writer.put(LEAF, blob) for blob in blobs(20)]
        writer.flush()
    assert all(opened(disk(tmp_path)).holds(LEAF, blob_id) for blob_id in ids)


def test_an_object_of_the_right_name_and_another_size_is_not(tmp_path: Path) -> None:
    class Truncated(Recording):
        def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
            self.inner.put(key, data[:-1], expect)
            return super().put(key, data, expect)

    made(disk(tmp_path))
    with opened(Truncated(disk(tmp_path))).writer() as writer, pytest.raises(Corrupt, match="size"):
        writer.put(LEAF, b"x")
        writer.flush()


def test_two_writers_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    made(disk(tmp_path))
    shared = blobs(40)

    def work(seed: int) -> list[bytes]:
        with opened(disk(tmp_path)).writer() as writer:
            ids = [writer.put(LEAF, blob) for blob in shared + blobs(10)]
            writer.flush()
        return ids

    with ThreadPoolExecutor(3) as pool:
        ids = list(pool.map(work, range(3)))
    again = opened(disk(tmp_path))
    for blob_id in {blob_id for part in ids for blob_id in part}:
        assert again.get(LEAF, blob_id)


def test_a_blob_that_is_stored_twice_survives_damage_of_one(tmp_path: Path) -> None:
    made(disk(tmp_path))
    first, second = opened(disk(tmp_path)), opened(disk(tmp_path))
    for repository in (first, second):
        with repository.writer() as writer:
            blob_id = writer.put(LEAF, b"precious" * 20)
            writer.flush()
    for victim in sorted((tmp_path / "packs").rglob("*")):
        if victim.is_file():
            whole = victim.read_bytes()
            victim.write_bytes(whole[:20] + bytes(len(whole) - 20))
            assert opened(disk(tmp_path)).get(LEAF, blob_id) == b"precious" * 20
            victim.write_bytes(whole)


def test_others_work_is_seen_after_a_refresh(tmp_path: Path) -> None:
    reader, author = made(disk(tmp_path)), opened(disk(tmp_path))
    take_snapshot(author, "one", entries(4))
    with pytest.raises(FirekeepError):
        content(reader, "one")
    reader.refresh()
    reader.refresh()
    assert content(reader, "one") == entries(4)


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), tuning=replace(TUNING, cache_bytes=0))
    data = blobs(80)
    with repository.writer() as writer:
        ids = [writer.put(LEAF, blob) for blob in data]
        writer.flush()
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda number: repository.get(LEAF, ids[number % 80]), range(800)))
    assert got == [data[number % 80] for number in range(800)]


def test_blobs_read_in_the_order_they_lie_need_few_requests_and_scattered_ones_read_no_more_than_they_are(
    tmp_path: Path,
) -> None:
    class Counting(Recording):
        def get(self, key: str, span: Span = WHOLE) -> bytes:
            if key.startswith("packs/"):
                spans.append(span.length or 0)
            return super().get(key, span)

    tuning = replace(TUNING, pack_bytes=1 << 20, read_ahead=1 << 16)
    data = blobs(600)
    with made(disk(tmp_path), tuning=tuning).writer() as writer:
        ids = [writer.put(LEAF, blob) for blob in data]
        writer.flush()
    spans: list[int] = []
    reader = opened(Counting(disk(tmp_path)), tuning=replace(tuning, cache_bytes=0))
    assert [reader.get(LEAF, blob_id) for blob_id in ids] == data
    assert len(spans) < 12
    spans.clear()
    lone = opened(Counting(disk(tmp_path)), tuning=tuning)
    assert lone.get(LEAF, ids[300]) == data[300]
    assert spans == [len(data[300]) + 29]


def test_huge_blobs_and_empty_ones_pass(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    huge, large = os.urandom(1 << 20) + bytes(5 << 20), os.urandom(1 << 20)
    with repository.writer() as writer:
        data = [huge, b"", large, huge[:100] + b"!" + huge[101:]]
        ids = [writer.put(BlobKind.CHUNK, blob, like=bytes(32)) for blob in data]
        writer.flush()
        data += [huge[:200] + b"!" + huge[201:], large[:500_000] + b"!" + large[500_000:]]
        ids += [
            writer.put(BlobKind.CHUNK, data[4], like=ids[0]),
            writer.put(BlobKind.CHUNK, data[5], like=ids[2]),
        ]
        writer.flush()
        assert writer.written.patches == 1
    again = opened(disk(tmp_path))
    assert [again.get(BlobKind.CHUNK, blob_id) for blob_id in ids] == data


def test_a_provider_that_does_not_answer_is_an_error_that_may_be_tried_again(tmp_path: Path) -> None:
    class Silent(Recording):
        def get(self, key: str, span: Span = WHOLE) -> bytes:
            if key.startswith("packs/"):
                raise Unavailable("no answer")
            return super().get(key, span)

    take_snapshot(made(disk(tmp_path)), "one", entries(5))
    with pytest.raises(Unavailable):
        content(opened(Silent(disk(tmp_path))), "one")
