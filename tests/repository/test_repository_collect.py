"""What no snapshot needs goes, after a grace period; everything else stays and can be read."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from repository_samples import (
    OPEN,
    SMALL,
    TUNING,
    content,
    disk,
    entries,
    files,
    made,
    manifest,
    opened,
    take_next,
    take_snapshot,
)

from shared.errors import Missing
from shared.format.config import Options
from shared.format.media import Media, encode
from shared.format.seal import name_of
from shared.repository import Repository
from shared.repository.blobs import BlobKind
from shared.repository.check import ALL, check_data
from shared.repository.collect import Collected, Manner, collect, drop_snapshot
from shared.repository.files import put_file
from shared.repository.layout import INDEX, PACKS, RUNS
from shared.repository.marks import MARKS, Mark, load_marks, put_mark
from shared.repository.tree import build, build_run, encode_run

LATER = datetime.now(UTC) + timedelta(days=400)
"""Long after everything that a test stores."""
ENDED = Manner(live=lambda _: False)


def keys(repository: Repository, prefix: str) -> list[str]:
    return [found.key for found in repository.store.provider.list(prefix)]


def collected(
    place: Path, days: Iterable[float], manner: Manner = ENDED, options: Options = SMALL
) -> list[Collected]:
    """As many rotations, each of a new process."""
    return [collect(opened(disk(place), options), LATER + timedelta(days=day), manner) for day in days]


def sound(place: Path, options: Options = SMALL) -> Repository:
    repository = opened(disk(place), options)
    assert list(check_data(repository, ALL)) == []
    return repository


@pytest.mark.parametrize("options", [SMALL, OPEN])
def test_what_only_a_dropped_snapshot_needs_is_deleted_after_the_grace_period(
    tmp_path: Path, options: Options
) -> None:
    repository = made(disk(tmp_path), options)
    take_snapshot(repository, "one", entries(1))
    take_snapshot(repository, "two", entries(2))
    before = len(keys(repository, PACKS))
    assert drop_snapshot(repository, "one")
    first, early, second = collected(tmp_path, (0, 0.9, 1), options=options)
    assert first.marked_packs and not first.packs
    assert first.waiting_until == LATER + timedelta(days=1)
    assert (early.packs, early.marked_packs, early.waiting_until) == (0, 0, first.waiting_until)
    assert (second.packs, second.bytes) == (first.marked_packs, first.marked_bytes)
    again = sound(tmp_path, options)
    assert content(again, "two") == entries(2)
    assert len(keys(again, PACKS)) < before
    assert not collected(tmp_path, (2, 3, 4), options=options)[-1].marked_packs


def test_nothing_needed_leaves_nothing(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    drop_snapshot(repository, "one")
    collected(tmp_path, (0, 1, 2))
    again = opened(disk(tmp_path))
    assert [keys(again, prefix) for prefix in (PACKS, INDEX, MARKS)] == [[], [], []]
    take_snapshot(again, "one", entries(1))
    assert content(sound(tmp_path), "one") == entries(1)


def test_with_nothing_to_do_nothing_is_changed(tmp_path: Path) -> None:
    take_snapshot(made(disk(tmp_path)), "one", entries(1))
    before = files(tmp_path)
    assert collected(tmp_path, (0, 1, 2)) == [Collected()] * 3
    assert files(tmp_path) == before


def test_young_packs_are_left_to_whoever_is_at_work(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    drop_snapshot(repository, "one")
    assert collect(opened(disk(tmp_path)), datetime.now(UTC), ENDED) == Collected()


def test_the_base_of_a_patch_is_needed(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    model = entries(3, 600)
    take_snapshot(repository, "one", model)
    changes: dict[bytes, bytes | None] = dict.fromkeys(sorted(model)[::9], b"changed")
    take_next(repository, "two", "one", changes)
    assert any(row[40:48] != bytes(8) for row in repository.store.index.rows())
    drop_snapshot(repository, "one")
    collected(tmp_path, (0, 1, 2, 3, 4))
    assert content(sound(tmp_path), "two") == {**model, **changes}


def test_a_patch_lasts_as_long_as_its_base(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    store, ids, packs = repository.store, [], []
    whole = Random(1).randbytes(3000)
    with repository.writer() as writer:
        for data in (whole, whole[:1000] + b"changed" + whole[1007:]):
            ids.append(writer.put(BlobKind.LEAF, data, like=ids[0] if ids else None))
            writer.flush()
            (place,) = store.index.find(ids[-1])
            packs.append(place.pack)
    assert place.base_prefix == ids[0][:8]
    for distrusted, lasting in (([], [True, True]), (packs[:1], [False, False]), (packs[1:], [True, False])):
        store.distrust(frozenset(distrusted))
        assert [store.lasting(blob) for blob in ids] == lasting
        assert [repository.holds(BlobKind.LEAF, blob) for blob in ids] == lasting


def test_chunks_of_files_are_needed_as_long_as_a_record_lists_them(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    for number in range(3):
        data = Random(number).randbytes(900_000)
        with repository.writer() as writer:
            body = put_file(writer, repository.chunking, [data])
            head = {"size": len(data), "crc32c": "AAAAAA==", "generation": 1, "metageneration": 1}
            root = build(writer, repository.chunking, [([b"bucket\0name"], [encode(Media(head, body))])])
            writer.flush()
        repository.commit(dataclasses.replace(manifest(f"s{number}", root), roots={"media": root}))
    drop_snapshot(repository, "s1")
    done = collected(tmp_path, (0, 1))
    assert done[-1].packs
    sound(tmp_path)


def test_half_empty_packs_are_copied_together(tmp_path: Path) -> None:
    big = dataclasses.replace(TUNING, pack_bytes=1 << 20)
    repository = made(disk(tmp_path), SMALL, big)
    model = entries(4, 900)
    take_snapshot(repository, "one", model)
    gone: dict[bytes, bytes | None] = dict.fromkeys(sorted(model)[: len(model) * 3 // 4])
    take_next(repository, "two", "one", gone)
    left = content(repository, "two")
    drop_snapshot(repository, "one")
    before = repository.usage()["packs"].bytes
    done = [
        collect(opened(disk(tmp_path), SMALL, big), LATER + timedelta(days=day), ENDED) for day in range(4)
    ]
    assert done[0].repacked_bytes and done[1].packs and not done[3].repacked_bytes
    again = sound(tmp_path)
    assert content(again, "two") == left
    assert again.usage()["packs"].bytes < before * 0.6


def test_many_small_indexes_become_one_and_open_repositories_notice(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    for number in range(20):
        take_next(
            repository, f"s{number}", f"s{number - 1}", {b"k": bytes([number])}
        ) if number else take_snapshot(repository, "s0", entries(5))
    stale = opened(disk(tmp_path))
    before = {one: content(stale, one) for one in stale.snapshots()}
    (done,) = collected(tmp_path, (0,))
    assert done.indexes == 20
    assert len(keys(stale, INDEX)) == 1
    stale.refresh()
    assert {one: content(stale, one) for one in stale.snapshots()} == before
    sound(tmp_path)


def test_an_open_repository_does_not_count_on_what_was_deleted_behind_its_back(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    stale = opened(disk(tmp_path))
    drop_snapshot(repository, "one")
    collected(tmp_path, (0, 1))
    stale.refresh()
    take_snapshot(stale, "two", entries(1))
    assert content(sound(tmp_path), "two") == entries(1)


def test_blobs_of_marked_packs_are_stored_anew(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    drop_snapshot(repository, "one")
    collected(tmp_path, (0,))
    again = opened(disk(tmp_path))
    take_snapshot(again, "two", entries(1))
    (done,) = collected(tmp_path, (1,))
    assert (done.rescued, bool(done.packs)) == (0, True)
    assert content(sound(tmp_path), "two") == entries(1)


def test_runs_of_jobs_that_go_on_are_needed_and_others_go(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    with repository.writer() as writer:
        model = entries(6)
        run = build_run(writer, repository.chunking, [(sorted(model), [model[key] for key in sorted(model)])])
        writer.flush()
    for job in ("goes-on", "failed"):
        repository.put_run(job, encode_run(run))
    packs = keys(repository, PACKS)
    alive = Manner(live=lambda job: job == "goes-on")
    done = collected(tmp_path, (0, 1), alive)
    assert [one.runs for one in done] == [0, 1]
    assert keys(repository, PACKS) == packs
    assert [key.split("/")[1] for key in keys(repository, RUNS)] == ["goes-on"]
    collected(tmp_path, (2, 3, 4, 5))
    assert not keys(repository, RUNS) + keys(repository, PACKS)


def test_the_runs_of_a_committed_snapshot_are_not_needed(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    repository.put_run("one", b"\xc1never looked into")
    take_snapshot(repository, "one", entries(1))
    assert collected(tmp_path, (0, 1), Manner())[-1].runs == 1


def test_what_a_dead_writer_left_without_an_index_goes(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    with repository.writer() as writer:
        for number in range(200):
            writer.put(BlobKind.LEAF, bytes([number]) * 1000 + name_of(bytes([number])) * 30)
    assert collected(tmp_path, (0, 1))[-1].packs
    assert content(sound(tmp_path), "one") == entries(1)


def test_rows_of_packs_that_are_gone_do_not_outlive_a_rotation(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    drop_snapshot(repository, "one")
    for key in keys(repository, PACKS):
        repository.store.provider.delete(key)
    collected(tmp_path, (0,))
    take_snapshot(opened(disk(tmp_path)), "two", entries(1))
    assert content(sound(tmp_path), "two") == entries(1)


@pytest.mark.parametrize("prefix", [PACKS, INDEX])
def test_nothing_is_deleted_from_a_damaged_repository(tmp_path: Path, prefix: str) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    olds = keys(repository, PACKS)
    take_snapshot(repository, "two", entries(2))
    drop_snapshot(repository, "one")
    collected(tmp_path, (0,))
    lost = [key for key in keys(repository, prefix) if key not in olds]
    for key in lost if prefix == INDEX else lost[:1]:
        repository.store.provider.delete(key)
    before = files(tmp_path)
    with pytest.raises(Missing):
        collected(tmp_path, (1,))
    assert files(tmp_path) == before


def test_what_the_store_holds_is_told_and_goes_later(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    provider, held = repository.store.provider, keys(repository, PACKS)
    take_snapshot(repository, "two", entries(2))
    for key in held:
        provider.hold(key, datetime.now(UTC) + timedelta(seconds=2))
    assert drop_snapshot(repository, "one")
    assert [one.held for one in collected(tmp_path, (0, 1))] == [[], held]
    assert content(sound(tmp_path), "two") == entries(2)
    time.sleep(2.1)
    assert collected(tmp_path, (2, 3))[-1].packs == len(held)


def test_a_held_snapshot_stays(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    repository.store.provider.hold("snapshots/one", datetime.now(UTC) + timedelta(days=1))
    assert not drop_snapshot(repository, "one")
    collected(tmp_path, (0, 1))
    assert content(sound(tmp_path), "one") == entries(1)


def test_a_damaged_mark_is_nobodys_and_goes(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    store = repository.store
    key = put_mark(
        store.provider, store.sealer, Mark(LATER, frozenset({bytes(32)}), frozenset({f"runs/a/{'0' * 64}"}))
    )
    assert load_marks(store.provider, store.sealer)[0][key].packs == {bytes(32)}
    path = tmp_path / key
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert load_marks(store.provider, store.sealer) == ({}, [key])
    take_snapshot(opened(disk(tmp_path)), "two", entries(2))
    collected(tmp_path, (0,))
    assert not keys(repository, MARKS)
