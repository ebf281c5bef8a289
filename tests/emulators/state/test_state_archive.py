"""An exported state is one instant of all services; an import is all of it, or nothing has changed."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emulators.archive import MANIFEST, export_state, import_state
from emulators.shelf import Shelf
from emulators.state import StateDirectory
from shared.errors import BadInput, Corrupt, FirekeepError, NotFound, Unavailable


def state(path: Path, rows: int = 10) -> Path:
    """A state of two services, one with a file besides."""
    StateDirectory(path).close()
    for service in ("firestore", "storage"):
        shelf = Shelf(path / service / "state")
        shelf.write([("k", b"%d" % number, b"v" * number) for number in range(rows)])
        shelf.close()
    (path / "storage" / "content").mkdir()
    (path / "storage" / "content" / "7").write_bytes(b"seven" * 1000)
    return path


def rows(path: Path, service: str) -> dict[bytes, bytes]:
    shelf = Shelf(path / service / "state")
    found = dict(shelf.items("k"))
    shelf.close()
    return found


def test_what_was_exported_is_there_again(tmp_path: Path) -> None:
    source, target = state(tmp_path / "a"), tmp_path / "new" / "b"
    export_state(source, tmp_path / "x.zip")
    import_state(tmp_path / "x.zip", target)
    for service in ("firestore", "storage"):
        assert rows(target, service) == rows(source, service)
    assert (target / "storage" / "content" / "7").read_bytes() == b"seven" * 1000
    StateDirectory(target).close()
    # Again, over what was there.
    export_state(target, tmp_path / "x.zip")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "new", "x.zip"]


def test_an_export_in_use_is_one_instant_of_all_services(tmp_path: Path) -> None:
    """A writer changes one service after the other: no export may see the second without the first."""
    path = state(tmp_path / "a")
    shelves = [Shelf(path / service / "state") for service in ("firestore", "storage")]
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for shelf in shelves:
                shelf.write([("n", b"", number.to_bytes(8, "big"))])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            export_state(path, tmp_path / f"{number}.zip")
    finally:
        stop.set()
        writer.join()
    for shelf in shelves:
        shelf.close()
    for number in range(5):
        import_state(tmp_path / f"{number}.zip", tmp_path / f"{number}")
        values = []
        for service in ("firestore", "storage"):
            shelf = Shelf(tmp_path / f"{number}" / service / "state")
            values.append(int.from_bytes(dict(shelf.items("n")).get(b"", b""), "big"))
            shelf.close()
        assert values[0] - values[1] in (0, 1)


def changed(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The archive again, with other entries."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def with_manifest(change: Callable[[dict[str, object]], None]) -> Callable[[dict[str, bytes]], None]:
    def apply(entries: dict[str, bytes]) -> None:
        manifest = json.loads(entries[MANIFEST])
        change(manifest)
        entries[MANIFEST] = json.dumps(manifest).encode()

    return apply


def renamed(to: str) -> Callable[[dict[str, bytes]], None]:
    def apply(entries: dict[str, bytes]) -> None:
        entries[to] = entries.pop("storage/content/7")
        manifest = json.loads(entries[MANIFEST])
        manifest["files"][to] = manifest["files"].pop("storage/content/7")
        entries[MANIFEST] = json.dumps(manifest).encode()

    return apply


def flipped(entries: dict[str, bytes]) -> None:
    data = bytearray(entries["storage/content/7"])
    data[17] ^= 1
    entries["storage/content/7"] = bytes(data)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (flipped, Corrupt),
        (lambda entries: entries.pop(MANIFEST), BadInput),
        (lambda entries: entries.pop("firestore/state"), BadInput),
        (lambda entries: entries.update({"storage/content/8": b""}), BadInput),
        (lambda entries: entries.update({MANIFEST: b"[]"}), BadInput),
        (lambda entries: entries.update({"storage/content/7": b"short"}), BadInput),
        (with_manifest(lambda manifest: manifest.update(version=99)), BadInput),
        (with_manifest(lambda manifest: manifest.update(format="other")), BadInput),
        *[
            (renamed(name), BadInput)
            for name in (
                "../escaped",
                "storage/../../escaped",
                "/tmp/escaped",
                "storage\\..\\escaped",
                "elsewhere/file",
                "storage/state-wal",
                "storage//twice",
                "firekeep-state.json",
            )
        ],
    ],
)
def test_an_archive_that_does_not_fit_together_is_refused_and_leaves_nothing(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], error: type[FirekeepError]
) -> None:
    file = tmp_path / "x.zip"
    export_state(state(tmp_path / "a"), file)
    changed(file, change)
    with pytest.raises(error, match="importing"):
        import_state(file, tmp_path / "b")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "x.zip"]


def test_a_shelf_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (path := state(tmp_path / "a"), export_state(path, tmp_path / "x.zip"))
    noise = b"no shelf " * 500

    def change(entries: dict[str, bytes]) -> None:
        import hashlib

        entries["firestore/state"] = noise
        manifest = json.loads(entries[MANIFEST])
        manifest["files"]["firestore/state"] = {
            "size": len(noise),
            "sha256": hashlib.sha256(noise).hexdigest(),
        }
        entries[MANIFEST] = json.dumps(manifest).encode()

    changed(tmp_path / "x.zip", change)
    with pytest.raises(BadInput, match="the state of firestore cannot be read"):
        import_state(tmp_path / "x.zip", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_only_an_empty_directory_takes_an_import(tmp_path: Path) -> None:
    export_state(state(tmp_path / "a"), tmp_path / "x.zip")
    with pytest.raises(BadInput, match="not empty"):
        import_state(tmp_path / "x.zip", tmp_path / "a")
    (tmp_path / "empty").mkdir()
    import_state(tmp_path / "x.zip", tmp_path / "empty")
    with pytest.raises(NotFound, match="no such file"):
        import_state(tmp_path / "y.zip", tmp_path / "c")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(BadInput, match="not an exported state"):
        import_state(tmp_path / "text.zip", tmp_path / "c")
    with pytest.raises(FirekeepError, match="No such file or directory"):
        export_state(tmp_path / "a", tmp_path / "no" / "x.zip")


def test_a_directory_is_one_process_s_and_holds_nothing_else(tmp_path: Path) -> None:
    with StateDirectory(tmp_path / "a"), pytest.raises(Unavailable, match=str(tmp_path / "a")):
        StateDirectory(tmp_path / "a")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(BadInput, match="not a directory that keeps"):
        StateDirectory(tmp_path / "home")
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["letter.txt"]
    (tmp_path / "a" / "firekeep-state.json").write_text('{"version": 99}')
    with pytest.raises(BadInput, match="version 99"):
        StateDirectory(tmp_path / "a")
    with pytest.raises(FirekeepError, match=r"letter\.txt"):
        StateDirectory(tmp_path / "home" / "letter.txt" / "below")
