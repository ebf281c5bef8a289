"""`firekeep migrate`: a whole repository elsewhere, in an order that is never half a one, checked, and gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from blake3 import blake3
from click.testing import CliRunner, Result
from provider_proxy import proxy
from provider_samples import Flaky, HandClock, local
from provider_servers import BUCKET, cloud, s3_server, storage_emulator

from cli.app import app
from shared.clock import SystemClock
from shared.errors import Conflict, Corrupt, Unavailable
from shared.format.config import Options
from shared.format.manifest import Manifest
from shared.keys.local import KeyFile
from shared.providers.contract import ABSENT, Provider, Version
from shared.providers.local import LocalProvider
from shared.providers.transfer import Transfer
from shared.repository import Repository
from shared.repository.tree import build
from shared.repository.tuning import Tuning

ROOT = Path(__file__).parents[2]
ORDER = ("packs/", "runs/", "index/", "keys/", "", "snapshots/", "config")
SMALL = Options(leaf_target=1024, leaf_min=256, leaf_max=4096, fan_target=8, fan_min=3, fan_max=16)
AT = datetime(2026, 3, 29, 1, 59, 59, tzinfo=UTC)


def disk(place: Path) -> LocalProvider:
    return LocalProvider(place, SystemClock(), os.urandom)


def run(*words: str, **env: str) -> Result:
    silenced = dict.fromkeys(("FIREKEEP_PASSPHRASE_FILE", "FIREKEEP_REPOSITORY", "STORAGE_EMULATOR_HOST"), "")
    return CliRunner().invoke(app, list(words), env={**silenced, **env})


def ran(*words: str, status: int = 0, **env: str) -> dict[str, Any]:
    result = run(*words, "--json", **env)
    assert result.exit_code == status, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def objects(provider: Provider) -> dict[str, bytes]:
    return {found.key: provider.get(found.key) for found in provider.list("")}


@pytest.fixture
def key(tmp_path: Path) -> str:
    return str(tmp_path / "backups.key")


@pytest.fixture
def backups(tmp_path: Path, key: str) -> str:
    """A repository with a snapshot in many packs, and one object that nobody knows."""
    place = tmp_path / "backups"
    ran("init", "--repository", str(place), "--key-file", key)
    for path in (place / "config",):
        path.unlink()
    rings = [KeyFile(Path(key), os.urandom)]
    repository = Repository.create(disk(place), rings, SMALL, os.urandom, Tuning(pack_bytes=4096))
    random = Random(1)
    with repository.writer() as writer:
        keys = [b"users/%05d" % number for number in range(400)]
        root = build(writer, repository.chunking, [(keys, [random.randbytes(100) for _ in keys])])
        writer.flush()
    at = {"at": AT, "created": AT, "parent": None, "project": "demo-firekeep", "database": "(default)"}
    more: dict[str, Any] = {"excluded": {}, "skew": {}, "statistics": {}, "backup": {}}
    repository.commit(Manifest(id="one", roots={"entries": root}, **at, **more))
    disk(place).put("note", b"somebody's")
    return str(place)


def test_a_copy_is_the_same_repository_and_the_source_stays(tmp_path: Path, backups: str, key: str) -> None:
    before = objects(disk(Path(backups)))
    copy = str(tmp_path / "copy")
    (told,) = ran("migrate", backups, copy, "--key-file", key)["migrations"]
    assert objects(disk(Path(copy))) == objects(disk(Path(backups))) == before
    assert (told["copied"], told["copiedBytes"]) == (len(before), sum(map(len, before.values())))
    assert told["findings"] == []
    text = run("migrate", backups, copy, "--key-file", key)
    assert "Copied 0 objects" in text.stdout
    assert "structure is whole" in text.stdout


def test_a_dry_run_tells_and_changes_nothing(tmp_path: Path, backups: str, key: str) -> None:
    (told,) = ran("migrate", backups, str(tmp_path / "copy"), "--dry-run", "--key-file", key)["migrations"]
    assert told["missing"] == len(objects(disk(Path(backups))))
    assert not (tmp_path / "copy").exists()


def test_a_move_leaves_nothing_but_what_is_held(tmp_path: Path, backups: str, key: str) -> None:
    source = disk(Path(backups))
    before = objects(source)
    held = next(found.key for found in source.list("packs/"))
    source.hold(held, datetime.now(UTC) + timedelta(days=1))
    (told,) = ran("migrate", backups, str(tmp_path / "new"), "--move", "--key-file", key)["migrations"]
    assert objects(disk(tmp_path / "new")) == before
    assert list(objects(source)) == told["kept"] == [held]
    assert told["removed"] == len(before) - 1


def test_buckets_are_places_like_any_other(tmp_path: Path, backups: str, key: str) -> None:
    before = objects(disk(Path(backups)))
    with storage_emulator(HandClock()) as address, s3_server() as url:
        env = {"STORAGE_EMULATOR_HOST": f"http://{address}", "FIREKEEP_S3_ENDPOINT": url}
        env |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "FIREKEEP_KEY_FILE": key}
        places = [
            f"gs://{BUCKET}/app",
            f"s3://{BUCKET}/app",
            f"firebase://{BUCKET}/other",
            str(tmp_path / "back"),
        ]
        for source, destination in zip([backups, *places], places, strict=False):
            ran("migrate", source, destination, "--move", **env)
        assert objects(cloud(address)) == {}
    assert objects(disk(tmp_path / "back")) == before


def test_init_makes_a_repository_in_a_bucket_and_once_only(tmp_path: Path, key: str) -> None:
    with storage_emulator(HandClock()) as address:
        env = {"STORAGE_EMULATOR_HOST": f"http://{address}", "FIREKEEP_KEY_FILE": key}
        ran("init", "--repository", f"gs://{BUCKET}/app", **env)
        ran("init", "--repository", f"gs://{BUCKET}/app", status=4, **env)
        assert cloud(address, "app").stat("config").size


def test_a_store_that_passes_over_conditions_is_refused_before_anything_is_made(
    tmp_path: Path, key: str
) -> None:
    with s3_server() as url, proxy(url, without=("if-none-match",)) as (address, _):
        env = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        env |= {"FIREKEEP_S3_ENDPOINT": f"http://{address}", "FIREKEEP_KEY_FILE": key}
        answer = ran("init", "--repository", f"s3://{BUCKET}/app", status=11, **env)
        assert "told not to" in answer["error"]["message"]
        assert not Path(key).exists()
        env["FIREKEEP_S3_ENDPOINT"] = url
        ran("init", "--repository", f"s3://{BUCKET}/app", **env)


def test_several_places_are_made_at_once_and_opened_by_any(tmp_path: Path, key: str) -> None:
    places = [str(tmp_path / name) for name in ("one", "two", "three")]
    ran("init", "--repository", " ".join(places), "--key-file", key)
    assert len({tuple(objects(disk(Path(place))).items()) for place in places}) == 1
    for place in places:
        assert ran("ls", "--repository", place, "--key-file", key)["backups"] == []
    few = {"FIREKEEP_REQUIRED_COPIES": "4", "FIREKEEP_KEY_FILE": key}
    ran("ls", "--repository", " ".join(places), status=2, **few)


def test_a_folder_costs_no_client_of_any_cloud(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom shared import wiring\nfrom shared.settings import Settings\n"
        "wiring.provider(Settings(repository=sys.argv[1])).put('a', b'x')\n"
        "clients = ('google.cloud.storage', 'firebase_admin', 'obstore', 'requests')\n"
        "print([name for name in clients if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_sync_brings_the_copies_up_to_date(tmp_path: Path, backups: str, key: str) -> None:
    env = {"FIREKEEP_REPOSITORY": f"{backups} {tmp_path}/two, {tmp_path}/three", "FIREKEEP_KEY_FILE": key}
    ran("migrate", "--sync", **env)
    before = objects(disk(Path(backups)))
    pack = next(found.key for found in disk(tmp_path / "two").list("packs/"))
    (tmp_path / "two" / pack).write_bytes(b"cut off")
    disk(tmp_path / "three").delete(pack)
    told = ran("migrate", "--sync", **env)["migrations"]
    assert [one["copied"] for one in told] == [1, 1]
    assert objects(disk(tmp_path / "two")) == objects(disk(tmp_path / "three")) == before


def test_another_repository_is_never_mixed_with(tmp_path: Path, backups: str, key: str) -> None:
    ran("init", "--repository", str(tmp_path / "other"), "--key-file", key)
    before = objects(disk(tmp_path / "other"))
    ran("migrate", backups, str(tmp_path / "other"), "--key-file", key, status=4)
    assert objects(disk(tmp_path / "other")) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["{backups}"],
        ["{backups}", "{backups}"],
        ["{backups}", "ftp://host/x"],
        ["--sync"],
        ["--sync", "{backups}", "/tmp/x"],
    ],
)
def test_what_makes_no_sense_is_refused(backups: str, key: str, words: list[str]) -> None:
    words = [word.format(backups=backups) for word in words]
    ran("migrate", *words, "--repository", backups, "--key-file", key, status=2)


def test_where_there_is_no_repository_nothing_is_copied(tmp_path: Path, key: str) -> None:
    disk(tmp_path / "some").put("packs/x", b"x")
    ran("migrate", str(tmp_path / "some"), str(tmp_path / "copy"), status=3)
    assert not (tmp_path / "copy").exists()


class Stopping(LocalProvider):
    """Refuses every put after the first `left`, and remembers the order."""

    def __init__(self, root: Path, left: int) -> None:
        super().__init__(root, SystemClock(), os.urandom)
        self.left = left
        self.order: list[str] = []

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        if self.left <= 0:
            raise Unavailable("the power is gone")
        self.left -= 1
        self.order.append(key)
        return super().put(key, data, expect)


def test_a_copy_that_stops_anywhere_is_no_repository_yet_and_goes_on(tmp_path: Path, backups: str) -> None:
    source = disk(Path(backups))
    total = len(objects(source))
    for left in (0, 1, total // 2, total - 2, total - 1):
        place = tmp_path / str(left)
        done = Transfer(source, Stopping(place, left), ORDER, at_once=2).copy()
        assert done.failed
        assert "config" not in objects(disk(place))
        again = Stopping(place, total)
        assert not Transfer(source, again, ORDER).copy().failed
        assert len(again.order) == total - left
        assert objects(disk(place)) == objects(source)


def test_groups_are_written_one_after_the_other(tmp_path: Path, backups: str) -> None:
    destination = Stopping(tmp_path / "copy", 10_000)
    Transfer(disk(Path(backups)), destination, ORDER).copy()
    heads = [key.partition("/")[0] for key in destination.order]
    assert list(dict.fromkeys(heads)) == ["packs", "index", "keys", "note", "snapshots", "config"]


@pytest.fixture
def damaged(backups: str) -> Iterator[tuple[str, str]]:
    source = Path(backups)
    pack = sorted(source.glob("packs/*/*"))[0]
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    yield backups, str(pack.relative_to(source))


def test_damage_is_named_and_not_copied(tmp_path: Path, damaged: tuple[str, str], key: str) -> None:
    backups, pack = damaged
    done = Transfer(disk(Path(backups)), disk(tmp_path / "copy"), ORDER).copy()
    assert list(done.failed) == [pack]
    assert isinstance(done.failed[pack], Corrupt)
    there = objects(disk(tmp_path / "copy"))
    assert pack not in there
    assert all(name.startswith("packs/") for name in there)
    assert pack in run("migrate", backups, str(tmp_path / "copy"), "--key-file", key).stderr


def test_removing_refuses_what_the_copy_lacks(tmp_path: Path, backups: str) -> None:
    source, copy = disk(Path(backups)), disk(tmp_path / "copy")
    transfer = Transfer(source, copy, ORDER)
    transfer.copy()
    pack = next(found.key for found in copy.list("packs/"))
    copy.delete(pack)
    assert transfer.check() == [pack]
    with pytest.raises(Conflict, match="lacks"):
        transfer.remove(SystemClock())
    assert "config" in objects(source)
    assert pack in objects(source)


def test_names_before_between_and_behind_the_groups_are_copied_too(tmp_path: Path) -> None:
    source, copy = local(tmp_path / "source"), local(tmp_path / "copy")
    hashed = blake3(b"x").hexdigest()
    names = [
        "0",
        "a/b",
        "config",
        "config.old",
        "config2/x",
        "index",
        f"indexes/{hashed}",
        "packs.x/y",
        "zz",
        "Z",
    ]
    names += ["packs/" + "z" * 120, "packs/z", "snapshots/s", "snapshots0", f"keys/{hashed}"]
    source.put("index0", b"x")
    for name in names:
        if name != "index":
            source.put(name, b"x")
    Transfer(source, Flaky(copy, 0), ORDER).copy()
    assert objects(copy) == objects(source)


def test_progress_is_told_and_memory_is_bounded(tmp_path: Path) -> None:
    class Counting(LocalProvider):
        running = most = 0

        def get(self, key: str, *rest: Any) -> bytes:
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                return super().get(key, *rest)
            finally:
                self.running -= 1

    source = Counting(tmp_path / "source", SystemClock(), os.urandom)
    for number in range(60):
        data = b"%d" % number
        source.put(f"packs/{blake3(data).hexdigest()}", data)
    seen: list[tuple[int, int]] = []
    Transfer(
        source,
        local(tmp_path / "copy"),
        ORDER,
        lambda progress: seen.append((progress.looked_at, progress.copied)),
        at_once=4,
    ).copy()
    assert seen[-1] == (60, 60)
    assert max(looked - copied for looked, copied in seen) <= 5
    assert source.most <= 4
