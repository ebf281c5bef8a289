"""A repository from its making to reading it back: every switch, every key, every order of doing things."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from repository_samples import (
    OPEN,
    PLAIN,
    SMALL,
    TUNING,
    content,
    disk,
    entries,
    made,
    manifest,
    opened,
    ring,
    take_next,
    take_snapshot,
)

from shared.errors import BadInput, Conflict, Corrupt, Denied, Missing, NotFound, WrongKey
from shared.format.config import Options
from shared.format.node import Root
from shared.keys.local import KeyFile, create_key_file
from shared.keys.passphrase import Passphrase
from shared.repository import Repository
from shared.repository.blobs import BlobKind


@pytest.mark.parametrize("options", [SMALL, OPEN, PLAIN, replace(SMALL, compression=False)])
def test_what_was_committed_is_read_back_by_another_process(tmp_path: Path, options: Options) -> None:
    model = entries(1)
    take_snapshot(made(disk(tmp_path), options), "one", model)
    again = opened(disk(tmp_path), options)
    assert list(again.snapshots()) == ["one"]
    assert content(again, "one") == model


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    take_snapshot(repository, "one", entries(1))
    before = repository.usage()["packs"]
    take_snapshot(repository, "two", entries(1))
    take_snapshot(opened(disk(tmp_path)), "three", entries(1))
    assert repository.usage()["packs"] == before


def test_a_leaf_like_another_is_stored_as_a_patch_of_it_and_never_of_a_patch(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    whole = os.urandom(3000)
    versions = [whole[:1000] + bytes([whole[1000] ^ number]) + whole[1001:] for number in range(1, 5)]
    with repository.writer() as writer:
        ids = [writer.put(BlobKind.LEAF, whole)]
        writer.flush()
        for version in versions:
            ids.append(writer.put(BlobKind.LEAF, version, like=ids[-1]))
            writer.flush()
        assert (writer.written.blobs, writer.written.patches) == (5, 4)
        assert writer.written.stored_bytes < len(whole) + 4 * 200
    again = opened(disk(tmp_path))
    assert [again.get(BlobKind.LEAF, blob_id) for blob_id in ids] == [whole, *versions]
    bases = {place.base_prefix for blob_id in ids[1:] for place in again.store.index.find(blob_id)}
    assert bases == {ids[0][:8]}


def test_a_patch_is_only_used_where_it_saves_half(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    with repository.writer() as writer:
        first = writer.put(BlobKind.LEAF, os.urandom(3000))
        writer.flush()
        writer.put(BlobKind.LEAF, os.urandom(3000), like=first)
        writer.put(BlobKind.LEAF, b"x" * 3000, like=bytes(32))
        writer.put(BlobKind.NODE, os.urandom(300), like=first)
        writer.flush()
        assert writer.written.patches == 0


def test_one_snapshot_after_another_costs_what_changed(tmp_path: Path) -> None:
    repository = made(disk(tmp_path), tuning=replace(TUNING, pack_bytes=1 << 20))
    model = entries(3, 2000)
    take_snapshot(repository, "one", model)
    first = repository.usage()["packs"].bytes
    key = sorted(model)[1000]
    take_next(repository, "two", "one", {key: b"changed", b"a/new": b"new"})
    assert repository.usage()["packs"].bytes - first < first / 20
    assert content(opened(disk(tmp_path)), "two") == {**model, key: b"changed", b"a/new": b"new"}
    assert content(opened(disk(tmp_path)), "one") == model


def test_committing_the_same_again_succeeds_and_another_conflicts(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    root = take_snapshot(repository, "one", entries(1))
    repository.commit(manifest("one", root))
    opened(disk(tmp_path)).commit(manifest("one", root))
    with pytest.raises(Conflict, match="one"):
        repository.commit(replace(manifest("one", root), database="other"))
    assert repository.manifest("one") == manifest("one", root)


def test_a_snapshot_of_what_was_not_flushed_is_refused(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    with repository.writer() as writer:
        root = Root(writer.put(BlobKind.LEAF, b"data"), 0, 1, 4)
        with pytest.raises(Missing, match="root"):
            repository.commit(manifest("one", root))
    assert list(repository.snapshots()) == []


def test_several_roots_and_an_empty_place_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="firekeep init"):
        opened(disk(tmp_path))
    repository = made(disk(tmp_path))
    for name in ("b", "a", "B", "10", "9"):
        take_snapshot(repository, name, entries(1, 5))
    assert list(repository.snapshots()) == ["10", "9", "B", "a", "b"]
    with pytest.raises(NotFound, match="nothing-like-it"):
        repository.manifest("nothing-like-it")
    for bad in ("", "../config", "a/b", ".x", "x" * 200):
        with pytest.raises(BadInput):
            repository.manifest(bad)


def test_creating_twice_conflicts_and_changes_nothing(tmp_path: Path) -> None:
    made(disk(tmp_path))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(Conflict):
        made(disk(tmp_path))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_any_of_several_keys_opens_and_no_other(tmp_path: Path) -> None:
    store, path = disk(tmp_path / "store"), tmp_path / "key"
    create_key_file(path, os.urandom)
    file = KeyFile(path, os.urandom)
    Repository.create(store, [ring(), file], SMALL, os.urandom)
    for present in ([ring()], [file], [Passphrase("wrong", os.urandom), file]):
        Repository.open(store, present, os.urandom)
    create_key_file(tmp_path / "other", os.urandom)
    for wrong in (Passphrase("Right", os.urandom), KeyFile(tmp_path / "other", os.urandom)):
        with pytest.raises(WrongKey):
            Repository.open(store, [wrong], os.urandom)


def test_encryption_and_keys_must_agree(tmp_path: Path) -> None:
    for options, rings in ((SMALL, []), (OPEN, [ring()])):
        with pytest.raises(BadInput, match="encrypted"):
            Repository.create(disk(tmp_path), rings, options, os.urandom)
    made(disk(tmp_path / "sealed"), SMALL)
    made(disk(tmp_path / "open"), OPEN)
    with pytest.raises(WrongKey, match="no key"):
        Repository.open(disk(tmp_path / "sealed"), [], os.urandom)


def test_an_open_repository_put_in_place_of_a_sealed_one_is_refused(tmp_path: Path) -> None:
    """Else whoever can write the bucket could have the next backup stored in the clear."""
    made(disk(tmp_path / "sealed"), SMALL)
    made(disk(tmp_path / "open"), OPEN)
    (tmp_path / "sealed/config").write_bytes((tmp_path / "open/config").read_bytes())
    with pytest.raises(Denied, match="not encrypted"):
        opened(disk(tmp_path / "sealed"), SMALL)


def test_an_option_changed_without_the_key_is_refused(tmp_path: Path) -> None:
    from blake3 import blake3

    from shared.format.canonical import decode, encode

    made(disk(tmp_path))
    path = tmp_path / "config"
    envelope = decode(path.read_bytes(), "config")
    envelope["config"]["options"]["compression"] = False
    envelope["digest"] = blake3(encode(envelope["config"])).hexdigest()
    path.write_bytes(encode(envelope))
    with pytest.raises(Corrupt, match="MAC"):
        opened(disk(tmp_path))


def test_sealed_objects_show_nothing_of_what_is_in_them(tmp_path: Path) -> None:
    model = {b"users/alice": b"SECRET-VALUE " * 50, b"users/bob": b"SECRET-VALUE"}
    repository = made(disk(tmp_path), replace(SMALL, compression=False))
    take_snapshot(repository, "one", model)
    repository.put_run("one", b"SECRET-VALUE")
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (b"SECRET", b"alice", b"demo-firekeep", b"right"):
        assert secret not in stored


def test_runs_come_back_and_nothing_else_does(tmp_path: Path) -> None:
    repository = made(disk(tmp_path))
    names = [repository.put_run("job", data) for data in (b"", b"run", os.urandom(100_000))]
    assert [len(opened(disk(tmp_path)).get_run(name)) for name in names] == [0, 3, 100_000]
    with pytest.raises(Missing):
        repository.get_run("runs/job/" + "0" * 64)
    moved = tmp_path / names[1].replace("runs/job", "runs/other")
    moved.parent.mkdir()
    moved.write_bytes((tmp_path / names[1]).read_bytes())
    with pytest.raises(Corrupt):
        repository.get_run(names[1].replace("runs/job", "runs/other"))
    for bad in ("config", "runs/job", "runs/../config", "snapshots/x/" + "0" * 64):
        with pytest.raises(BadInput):
            repository.get_run(bad)


def test_a_snapshot_under_anothers_name_is_refused(tmp_path: Path) -> None:
    take_snapshot(made(disk(tmp_path)), "one", entries(1))
    (tmp_path / "snapshots/two").write_bytes((tmp_path / "snapshots/one").read_bytes())
    with pytest.raises(Corrupt, match="two"):
        opened(disk(tmp_path)).manifest("two")


def test_a_repository_of_a_later_format_is_named_unsupported(tmp_path: Path) -> None:
    from blake3 import blake3

    from shared.errors import Unsupported
    from shared.format.canonical import decode, encode

    made(disk(tmp_path), OPEN)
    path = tmp_path / "config"
    envelope = decode(path.read_bytes(), "config")
    envelope["config"]["format"] = 2
    envelope["digest"] = blake3(encode(envelope["config"])).hexdigest()
    path.write_bytes(encode(envelope))
    with pytest.raises(Unsupported, match="format 2"):
        opened(disk(tmp_path), OPEN)
