"""What no accident makes: contradictions under the right key, bases elsewhere, duplicates of another form."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from repository_samples import (
    OPEN,
    SMALL,
    TUNING,
    disk,
    entries,
    files,
    made,
    manifest,
    opened,
    ring,
    take_next,
    take_snapshot,
)

from shared.errors import Corrupt, Missing
from shared.format.index import Packs, encode_index, parse_index, row_of
from shared.format.node import Root, encode_leaf
from shared.format.pack import PackBuilder
from shared.format.seal import Base
from shared.repository import Repository
from shared.repository.blobs import BlobKind
from shared.repository.check import ALL, check_data, check_structure
from shared.repository.layout import INDEX, pack_key, put_named, put_once
from shared.repository.master import store_wrapped

LEAF = BlobKind.LEAF
LARGE = os.urandom(2000)


def leaf(tail: bytes) -> bytes:
    return encode_leaf([b"key"], [LARGE + tail])


def root_of(blob_id: bytes, tail: bytes) -> Root:
    return Root(blob_id, 0, 1, 3 + len(LARGE) + len(tail))


def patched_snapshot(place: Path) -> tuple[Repository, Path, Path]:
    """A snapshot of one leaf, which is a patch of a leaf in no snapshot; the files of the base's pack and its own."""
    repository = made(disk(place))
    with repository.writer() as writer:
        base = writer.put(LEAF, leaf(b"base"))
        writer.flush()
        patch = writer.put(LEAF, leaf(b"patch"), like=base)
        writer.flush()
        assert writer.written.patches == 1
    repository.commit(manifest("one", root_of(patch, b"patch")))
    find = repository.store.index.find
    return repository, *(place / pack_key(find(blob_id)[0].pack) for blob_id in (base, patch))


def put_pack(repository: Repository, builder: PackBuilder) -> Packs:
    name, data = builder.finish(repository.store.sealer)
    put_once(repository.store.provider, pack_key(name), data)
    return Packs(name, len(data))


def index_pack(repository: Repository, pack: Packs, rows: list[bytes]) -> None:
    put_named(repository.store.provider, INDEX, encode_index([pack], rows, repository.store.sealer))


def test_the_base_of_a_patch_belongs_to_the_snapshot_that_needs_it(tmp_path: Path) -> None:
    repository, base, _ = patched_snapshot(tmp_path)
    whole = base.read_bytes()
    base.unlink()
    for check in (check_structure, check_data):
        findings = list(check(repository, "one"))
        assert any(base.name in finding.key + finding.message for finding in findings)
        assert any(finding.lost is not None for finding in findings)
    # The last byte is no blob's: only reading the whole pack finds it.
    base.write_bytes(whole[:-1] + b"X")
    assert [finding.key.rpartition("/")[2] for finding in check_data(repository, "one")] == [base.name]


@pytest.mark.parametrize("change", [b"", b"\0" * 9])
def test_the_structure_check_sees_a_pack_of_another_size(tmp_path: Path, change: bytes) -> None:
    repository, _, own = patched_snapshot(tmp_path)
    whole = own.read_bytes()
    own.write_bytes(whole + change if change else whole[:-1])
    for check in (check_structure, check_data):
        (finding,) = check(repository, "one")
        assert finding.code == "corrupt"
        assert finding.key.endswith(own.name)
        assert f"{len(whole)}" in finding.message


def test_a_base_that_another_writer_stored_as_a_patch_is_read_where_it_is_whole(tmp_path: Path) -> None:
    first = made(disk(tmp_path))
    with first.writer() as writer:
        start = writer.put(LEAF, leaf(b"start"))
        writer.flush()
    second, third = opened(disk(tmp_path)), opened(disk(tmp_path))
    for repository, like in ((second, start), (third, None)):
        with repository.writer() as writer:
            twice = writer.put(LEAF, leaf(b"twice"), like=like)
            writer.flush()
    fourth = opened(disk(tmp_path))
    with fourth.writer() as writer:
        last = writer.put(LEAF, leaf(b"last"), like=twice)
        writer.flush()
        assert writer.written.patches == 1
    places = opened(disk(tmp_path)).store.index.find(twice)
    assert sorted(place.base_prefix for place in places) == [b"", start[:8]]
    assert opened(disk(tmp_path)).get(LEAF, last) == leaf(b"last")
    fourth.commit(manifest("one", root_of(last, b"last")))
    assert list(check_data(opened(disk(tmp_path)), ALL)) == []


def test_a_chain_or_a_circle_of_patches_is_damage_and_ends(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), OPEN)
    sealer = repository.store.sealer
    one, two = leaf(b"one"), leaf(b"two")
    one_id, two_id = sealer.identify(LEAF, one), sealer.identify(LEAF, two)
    builder = PackBuilder()
    builder.add(LEAF, one_id, sealer.seal(LEAF, one_id, one, Base(two_id, two, 10**6)))
    builder.add(LEAF, two_id, sealer.seal(LEAF, two_id, two, Base(one_id, one, 10**6)))
    pack = put_pack(repository, builder)
    index_pack(repository, pack, [row_of(pack.id, entry) for entry in builder.entries])
    repository.refresh()
    with pytest.raises(Missing, match="not stored whole"):
        repository.get(LEAF, one_id)
    liars = [row_of(pack.id, entry._replace(base=b"")) for entry in builder.entries]
    for path in files(tmp_path):
        if "index" in path.parts:
            path.unlink()
    index_pack(repository, pack, liars)
    with pytest.raises(Corrupt, match="itself the base"):
        opened(disk(tmp_path), OPEN).get(LEAF, one_id)


def test_an_index_that_contradicts_a_packs_table_is_found(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), tuning=replace(TUNING, pack_bytes=1 << 20))
    take_snapshot(repository, "one", entries(1, 60))
    (path,) = (path for path in files(tmp_path) if "index" in path.parts)
    packs, rows = parse_index(path.read_bytes(), repository.store.sealer, "index")
    path.unlink()
    extra = rows[0][:32][::-1] + rows[0][32:]
    for changed in ([*rows, extra], [*rows[1:], rows[0][:56] + b"\1\0\0\0" + rows[0][60:]]):
        key = put_named(
            repository.store.provider, INDEX, encode_index(packs, changed, repository.store.sealer)
        )
        findings = list(check_data(repository, ALL))
        assert ("mismatch", pack_key(packs[0].id)) in {(finding.code, finding.key) for finding in findings}
        (tmp_path / key).unlink()


def test_a_blob_that_is_not_what_its_id_says_is_found_although_its_pack_is_whole(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1, 20))
    sealer = repository.store.sealer
    for kind, blob_id, data in (
        (LEAF, bytes(32), b"not what the id says"),
        (LEAF, sealer.identify(LEAF, b"no leaf"), b"no leaf"),
        (BlobKind.NODE, sealer.identify(BlobKind.NODE, b"no node"), b"no node"),
        (9, sealer.identify(9, b"no kind"), b"no kind"),
    ):
        builder = PackBuilder()
        builder.add(kind, blob_id, sealer.seal(kind, blob_id, data))
        pack = put_pack(repository, builder)
        assert [finding.key for finding in check_data(repository, ALL)] == [pack_key(pack.id)], data
        (tmp_path / pack_key(pack.id)).unlink()


def test_blobs_without_a_snapshot_prove_nothing(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    with repository.writer() as writer:
        writer.put(LEAF, leaf(b""))
        writer.flush()
    for check in (check_structure, check_data):
        assert [(finding.code, finding.key) for finding in check(repository, ALL)] == [
            ("nothing", "snapshots/")
        ]


def test_the_wrapped_key_of_another_repository_is_not_taken_for_ours(tmp_path: Path) -> None:
    made(disk(tmp_path), SMALL)
    for path in files(tmp_path):
        if "keys" in path.parts:
            path.unlink()
    store_wrapped(disk(tmp_path), ring(), bytes(32), b"another one here")
    with pytest.raises(Missing, match="no wrapped master key"):
        opened(disk(tmp_path), SMALL)


def test_a_patch_whose_base_is_gone_is_lost_and_its_neighbours_are_not(tmp_path: Path) -> None:
    one_blob_a_pack = replace(TUNING, pack_bytes=1)
    repository = made(disk(tmp_path), tuning=one_blob_a_pack)
    model = {b"%04d" % number: os.urandom(300) for number in range(60)}
    take_snapshot(repository, "one", model)
    take_next(repository, "two", "one", {b"0030": b"changed"})
    index = repository.store.index
    patches = [row for row in index.rows() if row[40:48] != bytes(8) and row[60] == LEAF]
    assert len(patches) == 1
    base = index.complete(patches[0][40:48])
    assert base is not None
    (tmp_path / pack_key(index.find(base)[0].pack)).unlink()
    for check in (check_structure, check_data):
        ranges = [finding.lost for finding in check(repository, "two") if finding.lost is not None]
        assert len(ranges) == 1
        assert ranges[0][0] < b"0030" <= ranges[0][1]
        assert ranges[0] != (b"", b"")


def test_nothing_is_told_twice_although_the_trees_are_walked_twice(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(5, 400))
    take_next(repository, "two", "one", {b"a": b"b"})
    (tmp_path / "snapshots" / "gone").write_bytes(b"rubbish")
    root_pack = repository.store.index.find(repository.manifest("one").roots["entries"].id)[0].pack
    path = tmp_path / pack_key(root_pack)
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + bytes(len(whole) - 8))
    findings = list(check_data(repository, ALL))
    where = [(finding.code, finding.key, finding.snapshot, finding.lost) for finding in findings]
    assert len(where) == len(set(where))
    assert len([finding for finding in findings if finding.key == "snapshots/gone"]) == 1
