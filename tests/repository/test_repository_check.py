"""Every flipped bit, missing object and truncated file is found and named; what is whole is not called lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from repository_samples import (
    OPEN,
    PLAIN,
    SMALL,
    TUNING,
    content,
    disk,
    entries,
    files,
    made,
    manifest,
    opened,
    rings_for,
    take_next,
    take_snapshot,
)

from shared.errors import Corrupt, Denied, FirekeepError, Missing, Unavailable
from shared.format.config import Options
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version
from shared.repository import Repository
from shared.repository.blobs import BlobKind
from shared.repository.check import ALL, check_data, check_structure
from shared.repository.findings import Finding, Tally

ONE_PACK_A_FLUSH = replace(TUNING, pack_bytes=1 << 20)


def two_snapshots(place: Path, options: Options = SMALL, count: int = 60) -> Repository:
    """Snapshot `two` shares most with `one`, and holds a patch."""
    repository = made(disk(place), options, ONE_PACK_A_FLUSH)
    model = entries(1, count)
    take_snapshot(repository, "one", model)
    keys = sorted(model)
    take_next(repository, "two", "one", {keys[3]: b"changed", keys[-2]: None})
    return repository


def everything(repository: Repository) -> list[Finding]:
    return list(check_data(repository, ALL))


def object_key(place: Path, path: Path) -> str:
    return str(path.relative_to(place))


def named(findings: list[Finding], key: str) -> bool:
    return any(finding.key == key or key in finding.message for finding in findings)


@pytest.mark.parametrize("options", [SMALL, OPEN, PLAIN])
def test_a_whole_repository_passes_every_check(tmp_path: Path, options: Options) -> None:
    two_snapshots(tmp_path, options)
    repository = opened(disk(tmp_path), options)
    assert any(row[40:48] != bytes(8) for row in repository.store.index.rows()) is options.compression
    for snapshot in ("one", "two", ALL):
        tally = Tally()
        assert list(check_structure(repository, snapshot)) == []
        assert list(check_data(repository, snapshot, tally=tally)) == []
        assert list(check_data(repository, snapshot, sample=0.3)) == []
        assert tally.objects >= 5
        assert tally.blobs > 5
        assert tally.bytes > 1000


def flips_are_found(place: Path, options: Options, positions: int | None) -> None:
    """Flip bits of every object in turn, a few of each or one in every byte, and check the whole repository."""
    repository, random = two_snapshots(place, options, 25), Random(7)
    for path in files(place):
        whole = path.read_bytes()
        chosen = (
            range(len(whole))
            if positions is None
            else random.sample(range(len(whole)), min(positions, len(whole)))
        )
        for position in chosen:
            damaged = bytearray(whole)
            damaged[position] ^= 1 << random.randrange(8)
            path.write_bytes(damaged)
            key = object_key(place, path)
            assert named(everything(repository), key), f"{key}: byte {position} flipped, not found"
        path.write_bytes(whole)
    assert everything(repository) == []


@pytest.mark.parametrize("options", [SMALL, OPEN, PLAIN])
def test_flipped_bits_of_every_object_are_found_and_named(tmp_path: Path, options: Options) -> None:
    flips_are_found(tmp_path, options, 25)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("options", [SMALL, OPEN])
def test_a_flipped_bit_in_any_byte_of_any_object_is_found_and_named(tmp_path: Path, options: Options) -> None:
    flips_are_found(tmp_path, options, None)


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 40, -1, -4, -9])
def test_a_truncated_or_lengthened_object_is_found_and_named(tmp_path: Path, cut: int) -> None:
    repository = two_snapshots(tmp_path)
    for path in files(tmp_path):
        whole = path.read_bytes()
        for damaged in (whole[:cut], whole + bytes(cut + 10)):
            path.write_bytes(damaged)
            assert named(everything(repository), object_key(tmp_path, path)), path
        path.write_bytes(whole)
    assert everything(repository) == []


def test_a_missing_object_is_found_and_named(tmp_path: Path) -> None:
    repository = two_snapshots(tmp_path)
    for path in files(tmp_path):
        key, aside = object_key(tmp_path, path), tmp_path.with_name("aside")
        path.rename(aside)
        findings = list(check_data(repository, "one")) + list(check_data(repository, "two"))
        structure = list(check_structure(repository, "one")) + list(check_structure(repository, "two"))
        # Nothing tells how a lost index or wrapped key was called; that one is lost is told.
        expected = key if key.split("/")[0] in ("config", "packs", "snapshots") else key.split("/")[0] + "/"
        assert named(findings, expected), key
        assert named(structure, expected), key
        assert {finding.code for finding in findings if finding.key == expected} == {"missing"}, key
        aside.rename(path)


def test_what_swaps_two_objects_is_found(tmp_path: Path) -> None:
    repository = two_snapshots(tmp_path)
    for folder in ("packs", "index", "snapshots"):
        one, two = [path for path in files(tmp_path) if object_key(tmp_path, path).startswith(folder)][:2]
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)
        findings = everything(repository)
        assert named(findings, object_key(tmp_path, one))
        assert named(findings, object_key(tmp_path, two))
        one.write_bytes(first)
        two.write_bytes(second)


def test_the_keys_lost_are_told_and_no_others(tmp_path: Path) -> None:
    model = entries(5, 400)
    take_snapshot(made(disk(tmp_path)), "one", model)
    repository = opened(disk(tmp_path), tuning=replace(TUNING, cache_bytes=0))
    root = repository.manifest("one").roots["entries"]
    victim = max(
        (path for path in files(tmp_path) if "packs" in path.parts), key=lambda path: path.stat().st_size
    )
    assert victim.name not in {place.pack.hex() for place in repository.store.index.find(root.id)}
    whole = victim.read_bytes()
    victim.write_bytes(whole[:30] + bytes([whole[30] ^ 1]) + whole[31:])
    for snapshot, sample in (("one", 1.0), (ALL, 1.0)):
        findings = list(check_data(repository, snapshot, sample))
        ranges = [finding.lost for finding in findings if finding.lost is not None]
        assert ranges
        lost = [
            key for key in model if any(after < key and (key <= last or not last) for after, last in ranges)
        ]
        assert 0 < len(lost) < len(model) / 4
        read = content_despite_damage(repository, model)
        assert set(read) == set(model) - set(lost)


def content_despite_damage(repository: Repository, model: dict[bytes, bytes]) -> dict[bytes, bytes]:
    from shared.repository.tree import get

    root = repository.manifest("one").roots["entries"]
    found = {}
    for key, value in model.items():
        try:
            read = get(repository, root, key)
        except FirekeepError:
            continue
        assert read == value
        found[key] = value
    return found


def test_a_missing_pack_is_one_finding_for_neighbouring_keys(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), tuning=replace(TUNING, pack_bytes=1 << 14))
    take_snapshot(repository, "one", entries(5, 400))
    root_pack = repository.store.index.find(repository.manifest("one").roots["entries"].id)[0].pack.hex()
    victim = next(path for path in files(tmp_path) if "packs" in path.parts and path.name != root_pack)
    victim.unlink()
    lost = [finding for finding in check_structure(repository, "one") if finding.key.endswith(victim.name)]
    assert [finding.code for finding in lost] == ["missing"] * len(lost)
    assert len(lost) <= 3


def test_nothing_to_check_is_a_finding(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    for check in (check_structure, check_data):
        assert [finding.code for finding in check(repository, ALL)] == ["nothing"]
        assert [(f.code, f.key) for f in check(repository, "none")] == [
            ("missing", "snapshots/none"),
            ("nothing", ""),
        ]
    root = take_snapshot(repository, "one", entries(1, 5))
    repository.commit(replace(manifest("two", root), roots={}))
    assert [(f.code, f.snapshot) for f in check_structure(repository, ALL)] == [("nothing", "two")]


def test_an_empty_tree_passes(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", {})
    assert everything(repository) == []
    assert list(check_data(repository, "one")) == []


def test_a_foreign_object_among_ours_is_named(tmp_path: Path) -> None:
    repository = two_snapshots(tmp_path)
    for name in (
        "packs/aa/readme.txt",
        "index/readme.txt",
        "keys/readme.txt",
        "snapshots/readme.txt",
        "packs/" + "0" * 64,
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"hello")
        assert named(everything(repository), name), name
        path.unlink()


def test_what_a_crash_left_is_no_finding(tmp_path: Path) -> None:
    repository = two_snapshots(tmp_path)
    with repository.writer() as writer:
        for number in range(40):
            writer.put(BlobKind.CHUNK, Random(number).randbytes(40_000))
    assert repository.usage()["packs"].objects > 2
    assert everything(repository) == []


def test_damage_of_one_object_does_not_hide_damage_of_another(tmp_path: Path) -> None:
    repository = two_snapshots(tmp_path)
    for path in files(tmp_path):
        whole = path.read_bytes()
        path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 4]) + whole[-4:])
    findings = everything(repository)
    for path in files(tmp_path):
        assert named(findings, object_key(tmp_path, path)), path


class Stubborn:
    """Refuses to read one object."""

    def __init__(self, inner: Provider, refused: str, error: FirekeepError) -> None:
        self.inner = inner
        self.refused = refused
        self.error = error

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        return self.inner.put(key, data, expect)

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        if key == self.refused:
            raise self.error
        return self.inner.get(key, span)

    def stat(self, key: str) -> Stat:
        return self.inner.stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        for found in self.inner.list(prefix, after):
            if found.key + "+" == self.refused:
                raise self.error
            yield found

    def delete(self, key: str) -> None:
        self.inner.delete(key)

    def hold(self, key: str, until: datetime) -> None:
        self.inner.hold(key, until)


@pytest.mark.parametrize("error", [Unavailable("no answer"), Denied("not allowed")])
def test_an_object_that_cannot_be_read_is_a_finding_of_its_own_kind_and_hides_nothing(
    tmp_path: Path, error: FirekeepError
) -> None:
    two_snapshots(tmp_path)
    for path in files(tmp_path):
        key = object_key(tmp_path, path)
        stubborn = Stubborn(disk(tmp_path), "", error)
        repository = opened(stubborn)
        stubborn.refused = key
        findings = everything(repository)
        assert any(finding.key == key and finding.code == error.code for finding in findings), key
        stubborn.refused = key + "+"
        if "/" in key:
            folder = key.split("/")[0] + "/"
            broken = [finding for finding in everything(repository) if finding.key == folder]
            assert [finding.code for finding in broken][:1] == [error.code], key


def test_a_sample_reads_some_packs_and_another_salt_reads_others(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(6, 800))
    total = repository.usage()["packs"].objects

    def packs_read(sample: float, salt: bytes) -> set[str]:
        watching = Watching(disk(tmp_path))
        assert (
            list(check_data(opened(watching, tuning=replace(TUNING, read_ahead=0)), ALL, sample, salt)) == []
        )
        return {key for key in watching.whole if key.startswith("packs/")}

    some = packs_read(0.3, b"monday")
    assert 0 < len(some) < total
    assert packs_read(0.3, b"monday") == some != packs_read(0.3, b"tuesday")
    assert len(packs_read(1e-9, b"")) == 1
    assert len(packs_read(1.0, b"")) == total


class Watching(Stubborn):
    def __init__(self, inner: Provider) -> None:
        super().__init__(inner, "", Unavailable(""))
        self.whole: list[str] = []

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        if span == WHOLE:
            self.whole.append(key)
        return super().get(key, span)


def test_a_repository_that_cannot_be_opened_says_which_object_is_to_blame(tmp_path: Path) -> None:
    two_snapshots(tmp_path / "good")
    for key in ("config", "keys/*", "index/*"):
        place = tmp_path / "bad"
        shutil.copytree(tmp_path / "good", place)
        victim = next(iter(sorted(place.glob(key))))
        whole = victim.read_bytes()
        for position in range(0, len(whole), 13):
            victim.write_bytes(whole[:position] + bytes([whole[position] ^ 2]) + whole[position + 1 :])
            with pytest.raises(FirekeepError, match=victim.name):
                opened(disk(place))
        shutil.rmtree(place)


def test_a_damaged_index_or_rubbish_beside_it_does_not_prevent_salvage(tmp_path: Path) -> None:
    two_snapshots(tmp_path)
    before = content(opened(disk(tmp_path)), "one")
    (tmp_path / "index" / "rubbish").write_bytes(b"rubbish")
    (tmp_path / "index" / ("0" * 64)).write_bytes(b"rubbish")
    with pytest.raises(Corrupt, match="index/0000"):
        opened(disk(tmp_path))
    repository = Repository.open(disk(tmp_path), rings_for(SMALL), os.urandom, TUNING, salvage=True)
    assert len(repository.damage) == 2
    assert content(repository, "one") == before
    assert {finding.key for finding in everything(repository)} == {"index/rubbish", "index/" + "0" * 64}
    repository.refresh()
    assert len(repository.damage) == 2
    for path in (tmp_path / "index").iterdir():
        path.write_bytes(b"")
    emptied = Repository.open(disk(tmp_path), rings_for(SMALL), os.urandom, TUNING, salvage=True)
    with pytest.raises(Missing):
        content(emptied, "one")
    assert len(everything(emptied)) > 4


def test_damage_found_is_gone_when_it_is_repaired(tmp_path: Path) -> None:
    repository = two_snapshots(tmp_path)
    before = content(repository, "two")
    victim = next(path for path in files(tmp_path) if "packs" in path.parts)
    whole = victim.read_bytes()
    victim.write_bytes(whole[::-1])
    assert everything(repository)
    victim.write_bytes(whole)
    assert everything(repository) == []
    assert content(opened(disk(tmp_path)), "two") == before
