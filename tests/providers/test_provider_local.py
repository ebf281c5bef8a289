"""What the folder provider promises beyond the port: crashes, links, full and read-only disks, other processes."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from provider_samples import HandClock, local

from shared.errors import (
    BadInput,
    Conflict,
    Corrupt,
    Denied,
    FirekeepError,
    NotFound,
    StorageFull,
    Unavailable,
)
from shared.providers.files import translate

ROOT = Path(__file__).parents[2]


def keys(root: Path) -> list[str]:
    return [found.key for found in local(root).list("")]


def test_an_empty_place_is_an_empty_store(tmp_path: Path) -> None:
    provider = local(tmp_path / "not" / "there")
    assert list(provider.list("")) == []
    with pytest.raises(NotFound):
        provider.get("config")
    provider.delete("config")
    assert not (tmp_path / "not").exists()


def test_objects_are_for_their_owner_only(tmp_path: Path) -> None:
    local(tmp_path / "store").put("packs/ab/object", b"x")
    for path in ("store", "store/packs", "store/packs/ab"):
        assert (tmp_path / path).stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "store/packs/ab/object").stat().st_mode & 0o777 == 0o600


def test_nothing_temporary_is_left_by_success_or_failure(tmp_path: Path) -> None:
    provider = local(tmp_path)
    provider.put("a", b"x")
    with pytest.raises(Conflict):
        provider.put("a", b"y")
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_even_the_same_bytes_are_not_put_twice(tmp_path: Path) -> None:
    provider = local(tmp_path)
    provider.put("a", b"x")
    with pytest.raises(Conflict):
        provider.put("a", b"x")


def test_what_a_crash_left_is_invisible_and_removed_when_old(tmp_path: Path) -> None:
    clock = HandClock()
    local(tmp_path, clock).put("a", b"x")
    old, new = tmp_path / ".tmp" / "old", tmp_path / ".tmp" / "new"
    for path, age in ((old, timedelta(hours=25)), (new, timedelta(hours=23))):
        path.write_bytes(b"half an obj")
        moment = (clock.now() - age).timestamp()
        os.utime(path, (moment, moment))
    assert keys(tmp_path) == ["a"]
    local(tmp_path, clock).put("b", b"x")
    assert [path.name for path in (tmp_path / ".tmp").iterdir()] == ["new"]


def test_names_that_are_no_keys_are_not_listed(tmp_path: Path) -> None:
    local(tmp_path).put("a", b"x")
    for name in (".DS_Store", "with space", "ümlaut", "~backup", "a~"):
        (tmp_path / name).write_bytes(b"foreign")
    (tmp_path / ".git").mkdir()
    assert keys(tmp_path) == ["a"]


@pytest.mark.parametrize("target", ["outside", "store/a"])
def test_a_link_is_never_followed(tmp_path: Path, target: str) -> None:
    store = tmp_path / "store"
    provider = local(store)
    provider.put("a", b"inside")
    (tmp_path / "outside").write_bytes(b"secret")
    (store / "link").symlink_to(tmp_path / target)
    for act in (lambda: provider.get("link"), lambda: provider.stat("link"), lambda: provider.delete("link")):
        with pytest.raises(Denied, match="link"):
            act()
    with pytest.raises(Conflict):
        provider.put("link", b"x")
    with pytest.raises(Denied, match="link"):
        keys(store)
    assert (tmp_path / target).read_bytes() in (b"secret", b"inside")


def test_a_linked_folder_is_never_entered(tmp_path: Path) -> None:
    store, outside = tmp_path / "store", tmp_path / "outside"
    provider = local(store)
    provider.put("a", b"inside")
    outside.mkdir()
    (outside / "object").write_bytes(b"secret")
    (store / "packs").symlink_to(outside)
    for act in (
        lambda: provider.get("packs/object"),
        lambda: provider.put("packs/new", b"x"),
        lambda: provider.delete("packs/object"),
        lambda: list(provider.list("packs/")),
        lambda: list(provider.list("")),
    ):
        with pytest.raises(Denied):
            act()
    assert [path.name for path in outside.iterdir()] == ["object"]


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    local(tmp_path / "store").put("a/b", b"x")
    assert keys(tmp_path / "disk") == ["a/b"]


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Denied, match="not a plain file"):
        local(tmp_path).get("pipe")


def test_below_an_object_there_is_nothing_and_no_room(tmp_path: Path) -> None:
    provider = local(tmp_path)
    provider.put("a", b"x")
    with pytest.raises(NotFound):
        provider.get("a/b")
    assert list(provider.list("a/")) == []
    provider.delete("a/b")
    with pytest.raises(FirekeepError):
        provider.put("a/b", b"y")
    assert keys(tmp_path) == ["a"]


def test_a_name_the_file_system_cannot_hold_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="too long"):
        local(tmp_path).put("x" * 300, b"")


def test_versions_differ_although_clock_size_and_bytes_are_the_same(tmp_path: Path) -> None:
    provider = local(tmp_path)
    versions = [provider.put("a", b"same")]
    for _ in range(20):
        versions.append(provider.put("a", b"same", versions[-1]))
    assert len(set(versions)) == len(versions)


def test_a_change_behind_our_back_is_another_version(tmp_path: Path) -> None:
    provider = local(tmp_path)
    version = provider.put("a", b"ours")
    (tmp_path / "a").write_bytes(b"more")
    with pytest.raises(Conflict):
        provider.put("a", b"next", version)


def test_a_damaged_hold_still_holds(tmp_path: Path) -> None:
    clock = HandClock()
    provider = local(tmp_path, clock)
    provider.put("a", b"x")
    provider.hold("a", clock.now() + timedelta(days=1))
    (tmp_path / ".holds" / "a").write_bytes(b"yesterday")
    with pytest.raises(Corrupt, match="hold"):
        provider.delete("a")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_hold_ends_with_its_object(tmp_path: Path) -> None:
    clock = HandClock()
    provider = local(tmp_path, clock)
    provider.put("a", b"x")
    provider.hold("a", clock.now() + timedelta(seconds=1))
    clock.sleep(2)
    provider.delete("a")
    provider.put("a", b"y")
    assert provider.stat("a").held_until is None


def test_a_time_before_1970_or_far_ahead_does_not_break_listing(tmp_path: Path) -> None:
    provider = local(tmp_path)
    provider.put("a", b"x")
    os.utime(tmp_path / "a", (-5, -5))
    assert provider.stat("a").modified == datetime(1969, 12, 31, 23, 59, 55, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "kind", "retryable"),
    [
        (errno.ENOSPC, StorageFull, True),
        (errno.EDQUOT, StorageFull, True),
        (errno.EFBIG, StorageFull, True),
        (errno.EACCES, Denied, False),
        (errno.EPERM, Denied, False),
        (errno.EROFS, Denied, False),
        (errno.EIO, Unavailable, True),
        (errno.EMFILE, Unavailable, True),
        (errno.ESTALE, Unavailable, True),
        (errno.ENOENT, NotFound, False),
        (errno.EEXIST, Conflict, False),
        (errno.ELOOP, Denied, False),
    ],
)
def test_every_error_of_the_system_leaves_as_ours(number: int, kind: type, retryable: bool) -> None:
    error = translate(OSError(number, os.strerror(number)), "writing 'a' failed")
    assert type(error) is kind
    assert error.retryable is retryable
    assert "writing 'a' failed" in error.message


def run_child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    prelude = (
        "import os, sys\nfrom pathlib import Path\nfrom shared.clock import SystemClock\n"
        "from shared.errors import *\nfrom shared.providers.local import LocalProvider\n"
        "store = LocalProvider(Path(sys.argv[1]), SystemClock(), os.urandom)\n"
    )
    command = [sys.executable, "-c", prelude + code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_full_disk_is_storage_full_and_changes_nothing(tmp_path: Path) -> None:
    local(tmp_path).put("a", b"x")
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, {resource.RLIM_INFINITY}))\n"
    code = (
        limit + "try:\n    store.put('b', bytes(5000))\nexcept StorageFull as error:\n    print(error.code)\n"
    )
    done = run_child(code, str(tmp_path))
    assert done.stdout.strip() == "storage_full", done.stderr
    assert keys(tmp_path) == ["a"]
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_denied_with_a_hint() -> None:
    with TemporaryDirectory() as name:
        place = Path(name)
        local(place).put("a", b"x")
        for path in (place, place / ".tmp"):
            path.chmod(0o555)
        (place / "a").chmod(0o644)
        # Root may write anywhere: become somebody who may not.
        code = (
            "os.setuid(65534) if os.geteuid() == 0 else None\n"
            "print(store.get('a'))\ntry:\n    store.put('b', b'x')\nexcept Denied as error:\n    print(error.hint)\n"
        )
        done = run_child(code, name)
        place.chmod(0o755)
        assert done.stdout.splitlines()[0] == "b'x'", done.stderr
        assert "permissions" in done.stdout.splitlines()[1]
        assert keys(place) == ["a"]


def test_processes_lose_no_update(tmp_path: Path) -> None:
    local(tmp_path).put("counter", b"0")
    code = (
        "for _ in range(40):\n"
        "    while True:\n"
        "        version = store.stat('counter').version\n"
        "        value = int(store.get('counter'))\n"
        "        try:\n            store.put('counter', b'%d' % (value + 1), version)\n"
        "        except Conflict:\n            continue\n"
        "        break\n"
    )
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run_child(code, str(tmp_path)), range(3)))
    assert [child.returncode for child in done] == [0, 0, 0], done[0].stderr
    assert local(tmp_path).get("counter") == b"120"
