"""With a directory to keep its state in, the emulator is after a restart, or a kill, what it was told to be."""

from __future__ import annotations

import base64
import http.client
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import google_crc32c
import pytest
from google.cloud import storage
from kept_helpers import client_on, content_files, killed, raw_on, running
from storage_helpers import Clock, Raw, connected

from emulators.shelf import Shelf
from emulators.storage import Change, StorageEmulator
from shared.errors import BadInput, Corrupt, Missing, Unavailable

QUANTUM = 256 * 1024
NAMES = ["a", "a/", "a/b", "a//b", "A", "ä", "a\u0308", "a b%2F", "\U0001f600", "z\x00y", "b" * 1000]
SIZES = [0, 1, 64 * 1024, 64 * 1024 + 1, 3 << 20]


def listed(raw: Raw, bucket: str, query: str) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = raw("GET", f"/storage/v1/b/{bucket}/o?{query}{token}").json
        yield from page.get("items", [])
        if "nextPageToken" not in page:
            return
        token = f"&pageToken={page['nextPageToken']}"


def described(raw: Raw, bucket: str) -> list[dict[str, Any]]:
    """All versions of all objects with all that is told of them, soft-deleted ones too, and their content."""
    found = []
    for query in ("versions=true", "softDeleted=true"):
        for item in listed(raw, bucket, query):
            for link in ("selfLink", "mediaLink"):
                del item[link]
            found.append(item)
            if query == "versions=true":
                path = f"/storage/v1/b/{bucket}/o/{quote(item['name'], safe='')}"
                answer = raw("GET", f"{path}?alt=media&generation={item['generation']}")
                assert answer.status == 200
                item["content"] = answer.body
    return found


def checked(item: dict[str, Any]) -> bool:
    """Whether the content has the size and the CRC32C that its resource tells."""
    sums = google_crc32c.Checksum(item["content"]).digest()
    return len(item["content"]) == int(item["size"]) and sums == base64.b64decode(item["crc32c"])


def put(raw: Raw, name: str, data: bytes, bucket: str = "kept", query: str = "") -> dict[str, Any]:
    quoted = quote(name, safe="")
    answer = raw("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quoted}{query}", data)
    assert answer.status == 200, answer.body
    return dict(answer.json)


def test_every_object_is_there_again_with_all_its_generations(tmp_path: Path) -> None:
    with client_on(tmp_path, buckets=["plain", "versions"]) as client:
        bucket = client.get_bucket("versions")
        bucket.versioning_enabled = True
        bucket.patch()
        for place in (client.bucket("plain"), bucket):
            for size in SIZES:
                for name in NAMES:
                    place.blob(name).upload_from_string(random.Random(size).randbytes(size))
            place.delete_blob("a/b")
            blob = place.blob("ä")
            blob.metadata = {"firebaseStorageDownloadTokens": "1-2-3", "ß": "ü"}
            blob.cache_control = "no-store"
            blob.storage_class = "NEARLINE"
            blob.upload_from_string(b"with fields", content_type="text/x")
            blob.metadata = {"more": "x"}
            blob.patch()
        address = client._connection.API_BASE_URL.removeprefix("http://")
        with Raw(address) as raw:
            before = {name: described(raw, name) for name in ("plain", "versions")}
    with raw_on(tmp_path, buckets=["plain", "versions"]) as raw:
        after = {name: described(raw, name) for name in ("plain", "versions")}
    assert after == before
    assert len(before["versions"]) > len(SIZES) * len(NAMES)
    assert any("softDeleteTime" in item for item in before["plain"])
    assert all(checked(item) for items in after.values() for item in items if "content" in item)


def test_buckets_are_there_again_with_all_their_fields(tmp_path: Path) -> None:
    fields = {
        "name": "fields",
        "location": "EU",
        "storageClass": "COLDLINE",
        "labels": {"x": "y"},
        "versioning": {"enabled": True},
        "retentionPolicy": {"retentionPeriod": "60"},
        "softDeletePolicy": {"retentionDurationSeconds": str(8 * 86_400)},
        "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 3}}]},
        "cors": [{"origin": ["*"]}],
        "defaultEventBasedHold": True,
    }
    shown = ("", "/iam", "/notificationConfigs", "/storageLayout")

    def look(raw: Raw) -> list[Any]:
        found = [raw("GET", f"/storage/v1/b/fields{part}").json for part in shown]
        del found[0]["selfLink"]
        return [found, raw("GET", "/storage/v1/b/gone").status]

    with raw_on(tmp_path) as raw:
        query = "project=demo-x&enableObjectRetention=true"
        assert raw("POST", f"/storage/v1/b?{query}", fields).status == 200
        assert raw("POST", f"/storage/v1/b?{query}", {"name": "gone"}).status == 200
        policy = {"bindings": [{"role": "roles/storage.admin", "members": ["allUsers"]}]}
        assert raw("PUT", "/storage/v1/b/fields/iam", policy).status == 200
        assert raw("PATCH", "/storage/v1/b/fields", {"labels": {"z": "1"}}).status == 200
        put(raw, "left", b"x", "gone")
        assert raw("DELETE", "/storage/v1/b/gone/o/left").status == 204
        assert raw("DELETE", "/storage/v1/b/gone").status == 204
        before = look(raw)
    with raw_on(tmp_path) as raw:
        assert look(raw) == before
        assert raw("POST", "/storage/v1/b?project=demo-x", {"name": "gone"}).status == 200
        assert raw("GET", "/storage/v1/b/gone/o?softDeleted=true").json.get("items", []) == []


def test_retention_and_holds_still_forbid(tmp_path: Path) -> None:
    clock = Clock()
    with raw_on(tmp_path, clock=clock) as raw:
        query = "project=demo-x&enableObjectRetention=true"
        assert raw("POST", f"/storage/v1/b?{query}", {"name": "kept"}).status == 200
        put(raw, "held", b"x")
        put(raw, "retained", b"x")
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        locked = {"retention": {"mode": "Locked", "retainUntilTime": until}}
        assert raw("PATCH", "/storage/v1/b/kept/o/held", {"temporaryHold": True}).status == 200
        assert raw("PATCH", "/storage/v1/b/kept/o/retained", locked).status == 200
    with raw_on(tmp_path, clock=clock) as raw:
        for name, reason in (("held", "objectUnderActiveHold"), ("retained", "retentionPolicyNotMet")):
            answer = raw("DELETE", f"/storage/v1/b/kept/o/{name}")
            assert (answer.status, answer.reason) == (403, reason)
        clock.ahead = 4000
        assert raw("DELETE", "/storage/v1/b/kept/o/retained").status == 204


def test_generations_increase_even_when_the_clock_went_back_and_the_last_object_is_gone(
    tmp_path: Path,
) -> None:
    clock = Clock()
    clock.ahead = 10_000
    with raw_on(tmp_path, buckets=["kept"], clock=clock) as raw:
        assert (
            raw("PATCH", "/storage/v1/b/kept", {"softDeletePolicy": {"retentionDurationSeconds": "0"}}).status
            == 200
        )
        first = int(put(raw, "x", b"1")["generation"])
        assert raw("DELETE", "/storage/v1/b/kept/o/x").status == 204
        made = raw("POST", "/storage/v1/b?project=demo-x", {"name": "gone"}).json
        second = int(made["generation"])
        assert raw("DELETE", "/storage/v1/b/gone").status == 204
    clock.ahead = -10_000
    with raw_on(tmp_path, clock=clock) as raw:
        assert first < second < int(put(raw, "x", b"2")["generation"])


def test_what_was_soft_deleted_comes_back_or_ends_in_its_time(tmp_path: Path) -> None:
    clock = Clock()
    with raw_on(tmp_path, buckets=["kept"], clock=clock) as raw:
        for name in ("big", "small"):
            put(raw, name, name.encode() * 100_000 if name == "big" else b"x")
            assert raw("DELETE", f"/storage/v1/b/kept/o/{name}").status == 204
    with raw_on(tmp_path, clock=clock) as raw:
        items = raw("GET", "/storage/v1/b/kept/o?softDeleted=true").json["items"]
        back = {item["name"]: item["generation"] for item in items}
        assert raw("POST", f"/storage/v1/b/kept/o/big/restore?generation={back['big']}").status == 200
        assert raw("GET", "/storage/v1/b/kept/o/big?alt=media").body == b"big" * 100_000
    clock.ahead = 8 * 86_400
    with raw_on(tmp_path, clock=clock) as raw:
        assert raw("GET", "/storage/v1/b/kept/o?softDeleted=true").json.get("items", []) == []
        assert len(content_files(tmp_path)) == 1
    shelf = Shelf(tmp_path / "state")
    assert list(shelf.items("piece")) == []
    assert len(list(shelf.items("version"))) == 1
    shelf.close()


def test_copies_share_one_file_and_it_goes_with_the_last_of_them(tmp_path: Path) -> None:
    big, small = os.urandom(1 << 20), os.urandom(1000)
    policy = {"softDeletePolicy": {"retentionDurationSeconds": "0"}}
    with raw_on(tmp_path, buckets=["kept"]) as raw:
        assert raw("PATCH", "/storage/v1/b/kept", policy).status == 200
        put(raw, "big", big)
        put(raw, "small", small)
        assert raw("POST", "/storage/v1/b/kept/o/big/rewriteTo/b/kept/o/copy", {}).status == 200
        sources = {"sourceObjects": [{"name": "big"}, {"name": "small"}, {"name": "big"}]}
        assert raw("POST", "/storage/v1/b/kept/o/composed/compose", sources).status == 200
        assert raw("POST", "/storage/v1/b/kept/o/small/moveTo/o/moved").status == 200
        assert len(content_files(tmp_path)) == 1
    with raw_on(tmp_path) as raw:
        assert len(content_files(tmp_path)) == 1
        assert raw("GET", "/storage/v1/b/kept/o/composed?alt=media").body == big + small + big
        assert raw("GET", "/storage/v1/b/kept/o/moved?alt=media").body == small
        assert raw("DELETE", "/storage/v1/b/kept/o/big").status == 204
        assert raw("DELETE", "/storage/v1/b/kept/o/composed").status == 204
        assert raw("GET", "/storage/v1/b/kept/o/copy?alt=media").body == big
    with raw_on(tmp_path) as raw:
        assert raw("GET", "/storage/v1/b/kept/o/copy?alt=media").body == big
        for name in ("copy", "moved"):
            assert raw("DELETE", f"/storage/v1/b/kept/o/{name}").status == 204
        assert content_files(tmp_path) == []
    shelf = Shelf(tmp_path / "state")
    assert [list(shelf.items(kind)) for kind in ("piece", "version")] == [[], []]
    shelf.close()


def begin(raw: Raw, name: str) -> str:
    answer = raw(
        "POST", f"/upload/storage/v1/b/kept/o?uploadType=resumable&name={name}", {"metadata": {"k": "v"}}
    )
    assert answer.status == 200
    return "/" + answer.headers["location"].split("/", 3)[3]


def chunk(raw: Raw, url: str, data: bytes, span: str) -> Any:
    return raw("PUT", url, data, {"Content-Range": f"bytes {span}"})


def test_a_resumable_upload_goes_on_in_the_next_run(tmp_path: Path) -> None:
    data = os.urandom(5 * QUANTUM + 77)
    size = len(data)
    with raw_on(tmp_path, buckets=["kept"]) as raw:
        url, fresh, ended = (begin(raw, name) for name in ("big", "fresh", "ended"))
        assert chunk(raw, url, data[:QUANTUM], f"0-{QUANTUM - 1}/*").status == 308
        assert (
            chunk(raw, url, data[QUANTUM : 3 * QUANTUM], f"{QUANTUM}-{3 * QUANTUM - 1}/{size}").status == 308
        )
        done = chunk(raw, ended, b"done", "0-3/4").json
        cancelled = begin(raw, "cancelled")
        assert raw("DELETE", cancelled).status == 499
    with raw_on(tmp_path) as raw:
        assert chunk(raw, url, b"", f"*/{size}").headers["range"] == f"bytes=0-{3 * QUANTUM - 1}"
        assert chunk(raw, fresh, b"abc", "0-2/3").json["size"] == "3"
        again = chunk(raw, ended, b"", "*/4")
        assert (again.status, again.json["generation"]) == (200, done["generation"])
        assert chunk(raw, cancelled, b"", "*/4").status == 404
        first = 2 * QUANTUM
        made = chunk(raw, url, data[first:], f"{first}-{size - 1}/{size}")
        assert made.status == 200
        assert made.json["metadata"] == {"k": "v"}
        assert raw("GET", "/storage/v1/b/kept/o/big?alt=media").body == data
    with raw_on(tmp_path) as raw:
        assert raw("GET", "/storage/v1/b/kept/o/big?alt=media").body == data
        assert chunk(raw, url, b"", f"*/{size}").status == 200
        assert len(content_files(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["gone", "short", "flipped"])
def test_an_upload_whose_beginning_is_damaged_must_start_over(tmp_path: Path, damage: str) -> None:
    with raw_on(tmp_path, buckets=["kept"]) as raw:
        url = begin(raw, "big")
        assert chunk(raw, url, bytes(QUANTUM), f"0-{QUANTUM - 1}/*").status == 308
    _damage(content_files(tmp_path)[0], damage)
    with raw_on(tmp_path) as raw:
        assert chunk(raw, url, b"", "*/*").status == (410 if damage == "flipped" else 404)
        assert raw("GET", "/storage/v1/b/kept/o/big").status == 404


def test_an_upload_that_nobody_ended_is_forgotten_after_a_week(tmp_path: Path) -> None:
    clock = Clock()
    with raw_on(tmp_path, buckets=["kept"], clock=clock) as raw:
        url = begin(raw, "big")
        assert chunk(raw, url, bytes(QUANTUM), f"0-{QUANTUM - 1}/*").status == 308
    clock.ahead = 8 * 86_400
    with raw_on(tmp_path, clock=clock) as raw:
        assert chunk(raw, url, b"", "*/*").status == 404
        assert content_files(tmp_path) == []


def test_an_upload_of_parts_and_a_rewrite_under_way_must_start_over(tmp_path: Path) -> None:
    with raw_on(tmp_path, buckets=["kept"]) as raw:
        begun = raw("POST", "/kept/parted?uploads").body.decode()
        identity = begun.split("<UploadId>")[1].split("<")[0]
        assert raw("PUT", f"/kept/parted?partNumber=1&uploadId={identity}", bytes(1 << 20)).status == 200
        put(raw, "source", bytes(2 << 20))
        rewrite = "/storage/v1/b/kept/o/source/rewriteTo/b/kept/o/to?maxBytesRewrittenPerCall=1048576"
        token = raw("POST", rewrite, {}).json["rewriteToken"]
    with raw_on(tmp_path) as raw:
        assert len(content_files(tmp_path)) == 1
        assert raw("PUT", f"/kept/parted?partNumber=2&uploadId={identity}", b"x").status == 404
        assert raw("POST", f"{rewrite}&rewriteToken={token}", {}).status == 400


def _damage(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
        return
    data = bytearray(path.read_bytes())
    if how == "short":
        del data[-1]
    else:
        data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(("damage", "error"), [("gone", Missing), ("short", Corrupt)])
def test_a_missing_or_short_content_file_is_named_at_the_start(
    tmp_path: Path, damage: str, error: type[Exception]
) -> None:
    with raw_on(tmp_path, buckets=["kept"]) as raw:
        put(raw, "whole", bytes(100_000))
        put(raw, "broken", os.urandom(100_000))
    broken = content_files(tmp_path)[1]
    _damage(broken, damage)
    before = [path.name for path in content_files(tmp_path)]
    for _ in range(2):
        with pytest.raises(error, match=r"kept/broken#\d+.*" + str(broken)):
            StorageEmulator(data=tmp_path)
    assert [path.name for path in content_files(tmp_path)] == before


def test_a_flipped_bit_in_a_content_file_is_never_served(tmp_path: Path) -> None:
    data = os.urandom(2 << 20)
    with raw_on(tmp_path, buckets=["kept"]) as raw:
        put(raw, "broken", data)
        _damage(content_files(tmp_path)[0], "flipped")
        assert raw("GET", "/storage/v1/b/kept/o/broken?alt=media").reason == "corrupt"
    with raw_on(tmp_path) as raw:
        assert raw("GET", "/storage/v1/b/kept/o/broken").status == 200
        for headers in ({}, {"Range": "bytes=0-9"}):
            answer = raw("GET", "/storage/v1/b/kept/o/broken?alt=media", None, headers)
            assert (answer.status, answer.reason) == (500, "corrupt")
            assert str(content_files(tmp_path)[0]) in answer.json["error"]["message"]
        sources = {"sourceObjects": [{"name": "broken"}, {"name": "broken"}]}
        assert raw("POST", "/storage/v1/b/kept/o/composed/compose", sources).reason == "corrupt"
        _damage(content_files(tmp_path)[0], "flipped")
        assert raw("GET", "/storage/v1/b/kept/o/broken?alt=media").body == data


@pytest.mark.parametrize("how", ["flipped", "gone", "no JSON", "other fields"])
def test_a_damaged_row_is_found_at_the_start(tmp_path: Path, how: str) -> None:
    with raw_on(tmp_path, buckets=["kept"]) as raw:
        put(raw, "small", b"some bytes")
    shelf = Shelf(tmp_path / "state")
    kind = "version" if how in {"no JSON", "other fields"} else "piece"
    key, row = next(shelf.items(kind))
    changed = {"flipped": b"some byteS", "gone": None, "no JSON": row[:-1], "other fields": b"{}"}[how]
    shelf.write([(kind, key, changed)])
    shelf.close()
    with pytest.raises((Missing, Corrupt)):
        StorageEmulator(data=tmp_path)
    # It has let go of the directory.
    shelf = Shelf(tmp_path / "state")
    shelf.write([(kind, key, row)])
    shelf.close()
    with raw_on(tmp_path) as raw:
        assert raw("GET", "/storage/v1/b/kept/o/small?alt=media").body == b"some bytes"


def test_a_directory_in_use_or_of_another_service_is_refused(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(Unavailable, match=str(tmp_path)):
        StorageEmulator(data=tmp_path)
    shelf = Shelf(tmp_path / "other" / "state")
    shelf.write([("format", b"", b"auth 1")])
    shelf.close()
    with pytest.raises(BadInput, match="auth 1"):
        StorageEmulator(data=tmp_path / "other")


@pytest.fixture
def full() -> Iterator[Any]:
    """Lets this process write no file beyond a size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size if size else soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, previous)


def test_a_change_that_does_not_fit_is_refused_and_did_not_happen(tmp_path: Path, full: Any) -> None:
    told: list[Change] = []
    with raw_on(tmp_path, buckets=["kept"], on_change=told.append) as raw:
        put(raw, "old", b"1" * 50_000)
        put(raw, "big", b"2" * 300_000)
        before = described(raw, "kept")
        url = begin(raw, "resumed")
        full(1)
        for name, data in (("old", b"3" * 60_000), ("new", b"4"), ("big", b"5" * 400_000)):
            answer = raw("POST", f"/upload/storage/v1/b/kept/o?uploadType=media&name={name}", data)
            assert (answer.status, answer.reason) == (507, "storage_full")
        for method, path in (
            ("DELETE", "o/old"),
            ("POST", "o/old/moveTo/o/moved"),
            ("POST", "o/old/rewriteTo/b/kept/o/copy"),
        ):
            assert raw(method, f"/storage/v1/b/kept/{path}").status == 507
        assert raw("PATCH", "/storage/v1/b/kept", {"labels": {"a": "b"}}).status == 507
        assert chunk(raw, url, bytes(QUANTUM) + b"x" * QUANTUM, f"0-{2 * QUANTUM - 1}/*").status == 507
        full(0)
        assert described(raw, "kept") == before
        assert "labels" not in raw("GET", "/storage/v1/b/kept").json
        assert chunk(raw, url, b"", "*/*").status == 410
        put(raw, "new", b"6")
        before = described(raw, "kept")
    with raw_on(tmp_path) as raw:
        assert described(raw, "kept") == before
        assert len(content_files(tmp_path)) == 1
    assert [(change.kind, change.name) for change in told] == [
        ("finalize", "old"),
        ("finalize", "big"),
        ("finalize", "new"),
    ]


def test_a_directory_that_cannot_be_written_ends_the_process_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    command = [sys.executable, "-m", "emulators.storage", "--data", str(tmp_path / "file")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode != 0
    assert str(tmp_path / "file") in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_a_killed_run_left_half_done_is_removed(tmp_path: Path) -> None:
    def work(address: str) -> None:
        client = connected(address)
        client.bucket("kept").blob("whole").upload_from_string(bytes(100_000))
        client.close()

    killed(tmp_path, work, lambda: None)
    (tmp_path / "content" / "77").write_bytes(b"half")
    (tmp_path / "content" / "README").write_bytes(b"not ours")
    with raw_on(tmp_path) as raw:
        assert [path.name for path in content_files(tmp_path)] == ["0", "README"]
        put(raw, "more", b"x" * 100_000)
    with raw_on(tmp_path) as raw:
        assert raw("GET", "/storage/v1/b/kept/o/more?alt=media").body == b"x" * 100_000


class Uploader(threading.Thread):
    """Writes, overwrites, copies and deletes, and knows of each name what was acknowledged and what may be."""

    def __init__(self, address: str, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.address, self.prefix = address, f"{seed}/"
        self.sure: dict[str, bytes | None] = {}
        self.open: dict[str, bytes | None] = {}
        self.count = 0

    def run(self) -> None:
        with Raw(self.address) as raw:
            try:
                while True:
                    self.step(raw)
            except (OSError, http.client.HTTPException):
                return

    def step(self, raw: Raw) -> None:
        name = f"{self.prefix}{self.random.randrange(20)}"
        quoted = name.replace("/", "%2F")
        old = self.sure.get(name)
        kind = self.random.choice(["put", "put", "delete", "move"])
        if kind == "put" or old is None:
            data = self.random.randbytes(self.random.choice([0, 10, 5000, 70_000, 700_000]))
            self.open = {name: data}
            answer = raw("POST", f"/upload/storage/v1/b/kept/o?uploadType=media&name={quoted}", data)
        elif kind == "delete":
            self.open = {name: None}
            answer = raw("DELETE", f"/storage/v1/b/kept/o/{quoted}")
        else:
            to = f"{self.prefix}{self.random.randrange(20, 40)}"
            self.open = {name: None, to: old}
            answer = raw("POST", f"/storage/v1/b/kept/o/{quoted}/moveTo/o/{to.replace('/', '%2F')}")
        assert answer.status in {200, 204}, answer
        self.sure.update(self.open)
        self.open = {}
        self.count += 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rounds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_loses_nothing_acknowledged_and_leaves_nothing_half(
    tmp_path: Path, rounds: int
) -> None:
    dice = random.Random(rounds)
    known: dict[str, bytes | None] = {}
    for number in range(rounds):
        uploaders: list[Uploader] = []

        def work(address: str, number: int = number, uploaders: list[Uploader] = uploaders) -> None:
            for each in range(3):
                uploaders.append(Uploader(address, 10 * number + each))
                uploaders[-1].start()

        killed(tmp_path, work, lambda: time.sleep(dice.uniform(0.05, 0.6)))
        for each in uploaders:
            each.join()
        known = look_after_kill(tmp_path, known, uploaders)
    assert len(known) > rounds


def look_after_kill(
    data: Path, known: dict[str, bytes | None], uploaders: list[Uploader]
) -> dict[str, bytes | None]:
    """Checks all there is against what the uploaders know; answers what is there now."""
    sure = {**known}
    for each in uploaders:
        sure |= each.sure
    with raw_on(data) as raw:
        items = {item["name"]: item for item in described(raw, "kept") if "content" in item}
        assert all(checked(item) for item in items.values())
        now = {name: item["content"] for name, item in items.items()}
        for each in uploaders:
            if each.open and all(now.get(name) == wanted for name, wanted in each.open.items()):
                sure |= each.open
        assert now == {name: content for name, content in sure.items() if content is not None}
        large = {item["crc32c"] for item in items.values() if int(item["size"]) > 64 * 1024}
        soft = listed(raw, "kept", "softDeleted=true")
        large |= {item["crc32c"] for item in soft if int(item["size"]) > 64 * 1024}
        assert len(content_files(data)) == len(large)
    return dict(now)


def test_without_a_directory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    emulator = StorageEmulator(buckets=["kept"])
    client: storage.Client = connected(emulator.start())
    client.bucket("kept").blob("x").upload_from_string(bytes(2 << 20))
    client.close()
    emulator.stop()
    assert list(tmp_path.iterdir()) == []
