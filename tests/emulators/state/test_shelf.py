"""A shelf keeps all of a change or nothing, for one process at a time, and reads only what it wrote."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from emulators.shelf import Shelf
from shared.errors import BadInput, StorageFull, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from emulators.shelf import Shelf
shelf = Shelf(Path(sys.argv[1]))
number = 0
while True:
    key = number.to_bytes(4)
    shelf.write([("left", key, b"x" * 500), ("right", key, b"y" * 500)])
    number += 1
    print(number, flush=True)
"""


def test_what_was_written_is_there_again_in_order(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "new" / "state")
    shelf.write([("a", key.to_bytes(2), b"%d" % key) for key in range(2500, -1, -1)])
    shelf.write([("b", b"", b""), ("b", b"\x00", b"1"), ("b", b"gone", b"1"), ("b", b"gone", None)])
    shelf.close()
    again = Shelf(tmp_path / "new" / "state")
    assert list(again.items("a")) == [(key.to_bytes(2), b"%d" % key) for key in range(2501)]
    assert list(again.items("b")) == [(b"", b""), (b"\x00", b"1")]
    assert list(again.items("c")) == []
    again.close()


def test_a_refused_change_leaves_nothing_behind(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "state")
    with pytest.raises(sqlite3.Error):
        shelf.write([("a", b"1", b"1"), ("a", b"2", object())])  # type: ignore[list-item]
    assert list(shelf.items("a")) == []
    shelf.close()


def test_a_killed_writer_leaves_whole_changes_and_all_it_told_of(tmp_path: Path) -> None:
    path = tmp_path / "state"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(200)][-1]
        writer.send_signal(signal.SIGKILL)
    shelf = Shelf(path)
    left = [key for key, _ in shelf.items("left")]
    assert left == [key for key, _ in shelf.items("right")]
    assert len(left) >= told
    shelf.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "state")
    with pytest.raises(Unavailable, match="another process has it open"):
        Shelf(tmp_path / "state")
    shelf.close()
    Shelf(tmp_path / "state").close()


def test_a_copy_of_a_shelf_in_use_is_a_shelf(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "state")
    shelf.write([("a", b"1", b"1")])
    shelf.copy(tmp_path / "copy")
    shelf.write([("a", b"2", b"2")])
    copy = Shelf(tmp_path / "copy")
    assert list(copy.items("a")) == [(b"1", b"1")]
    copy.close()
    shelf.close()


def test_a_foreign_or_damaged_or_newer_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no shelf, and long enough to look like a header" * 20)
    with pytest.raises(BadInput, match="not a state file"):
        Shelf(tmp_path / "text")
    Shelf(tmp_path / "new").close()
    with sqlite3.connect(tmp_path / "new") as base:
        base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(BadInput, match="version 99"):
        Shelf(tmp_path / "new")


def test_a_full_place_is_an_error_that_says_so(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "state")
    shelf._base.execute("PRAGMA max_page_count = 8")
    with pytest.raises(StorageFull, match="keeping state in"):
        shelf.write([("a", b"1", bytes(1 << 20))])
    assert list(shelf.items("a")) == []
    shelf.close()
