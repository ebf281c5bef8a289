"""The demonstration succeeds, leaves nothing behind, and fails when it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.app import Services, load_app, look
from cli.demo.comparison import Comparison
from cli.demo.damage import damage, edit, lose, tamper
from cli.demo.files import compare_files, follow_urls
from cli.demo.reader import every
from emulators.datasets.bucket import Bucket, delete_files, patch_file, put_files
from emulators.datasets.load import Database, load_world, put_documents
from emulators.datasets.pictures import TOKENS, File, pictures
from emulators.datasets.values import encoded
from emulators.firestore import FirestoreEmulator
from emulators.storage import StorageEmulator


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run in a world where everything of the user's own points to something that must not be touched."""
    trap = {
        "TMPDIR": str(folder),
        "FIREKEEP_PROJECT": "my-production",
        "FIREKEEP_DATABASE": "precious",
        "FIREKEEP_REPOSITORY": str(folder / "mine"),
        "FIREKEEP_PASSPHRASE_FILE": str(folder / "mine too"),
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    }
    command = [sys.executable, "-c", "from cli.app import main; main()", "demo", *words]
    return subprocess.run(
        command, env={**os.environ, **trap}, capture_output=True, text=True, timeout=110, check=False
    )


def test_the_demo_proves_that_everything_came_back(tmp_path: Path) -> None:
    done = demo(tmp_path, "--small")
    assert done.returncode == 0, done.stderr
    assert "IDENTICAL: all " in done.stdout
    assert "50 files are, byte for byte, what they were" in done.stdout
    assert "49 download URLs give the same bytes" in done.stdout
    assert "13/13  read everything, follow every URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_whole_demo_for_programs(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["identical"] is True
    assert facts["documents"] > 80_000
    assert facts["damagedDocuments"] > 35_000
    assert (facts["files"], facts["urls"]) == (50, 49)
    assert (facts["wrongDocuments"], facts["wrongFiles"], facts["wrongURLs"]) == (0, 0, 0)
    assert facts["restored"]["created"] > 80_000
    assert facts["secondBackupBytes"] < facts["firstBackupBytes"] / 20
    assert len(facts["verified"]) == 2
    assert facts["seconds"] < 100
    assert list(tmp_path.iterdir()) == []


def test_the_demo_fails_when_one_number_in_one_document_is_wrong(tmp_path: Path) -> None:
    done = demo(tmp_path, "--small", "--tamper")
    assert done.returncode == 10, done.stderr
    assert "NOT IDENTICAL: 1 document wrong; document countries/" in done.stdout
    assert "error: after the restore 1 document" in done.stderr


@pytest.mark.slow
def test_the_demo_fails_when_one_bit_in_one_file_is_wrong(tmp_path: Path) -> None:
    """Its URL, which gives that file, is wrong too."""
    done = demo(tmp_path, "--small", "--tamper", "file")
    assert done.returncode == 10, done.stderr
    assert "NOT IDENTICAL: 1 file wrong, 1 URL wrong; file photos/AR.png is different" in done.stdout
    assert "error: after the restore 1 file wrong, 1 URL wrong" in done.stderr


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    name = "demo-firekeep.firebasestorage.app"
    firestore, storage = FirestoreEmulator(host="127.0.0.1", port=0), StorageEmulator(buckets=[name])
    try:
        yield Services(Database(firestore.start(), "demo-firekeep"), Bucket(storage.start(), name))
    finally:
        firestore.stop()
        storage.stop()


@pytest.fixture(scope="module", autouse=True)
def environment(services: Services) -> Iterator[None]:
    """Google's client for Firestore finds an emulator only so."""
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("FIRESTORE_EMULATOR_HOST", services.database.host)
        yield


def test_the_comparison_sees_each_kind_of_difference(services: Services) -> None:
    loaded = load_app(services, 50)
    assert look(loaded, services).identical
    app = edit(services, loaded)
    seen = look(app, services)
    assert seen.identical
    assert (
        look(loaded, services).documents.wrong + look(loaded, services).files.wrong
        == app.changes(loaded)
        > 80
    )
    tamper(services, app, "document")
    tamper(services, app, "file")
    seen = look(app, services)
    assert (seen.documents.wrong, seen.files.wrong, seen.urls.wrong) == (1, 1, 1)
    done = damage(services, app)
    after = look(app, services)
    assert len(after.documents.missing) == done.dropped + done.deleted
    assert len(after.documents.different) == done.rewritten
    assert len(after.documents.unexpected) == done.added
    assert (len(after.files.missing), len(after.files.different), len(after.files.unexpected)) == (3, 5, 1)
    assert after.files.wrong == done.files
    assert "photos/AR.png" in after.urls.different
    lose(services)
    empty = look(app, services)
    assert [len(one.missing) for _, one in empty] == [len(app.documents), len(app.files), app.urls]
    assert not [*every(services.database)]


def test_what_is_said_of_a_file_counts(services: Services) -> None:
    put_files(services.bucket, {"a": File(b"1", {"contentType": "text/plain"})})
    expected = File(b"1", {"contentType": "text/plain", "storageClass": "STANDARD"})
    assert compare_files({"a": expected}, services.bucket).identical
    for change in ({"cacheControl": "no-store"}, {"metadata": {TOKENS: "t"}}, {"contentType": "text/html"}):
        patch_file(services.bucket, "a", change)
        assert compare_files({"a": expected}, services.bucket).different == ["a"]
        put_files(services.bucket, {"a": File(b"1", {"contentType": "text/plain"})})
    delete_files(services.bucket, ["a"])


def test_a_url_with_another_token_does_not_give_the_file(services: Services) -> None:
    file = File(b"1", {"metadata": {TOKENS: "right"}})
    put_files(services.bucket, {"a": file})
    for token, equal in (("right", 1), ("wrong", 0)):
        photo = encoded({"file": "a", "url": services.bucket.url("a", token)}, services.database.root)
        put_documents(services.database, {"photos/0": photo})
        assert follow_urls({"a": file}, "demo-firekeep").equal == equal
    lose(services)


def test_comparing_nothing_is_not_success() -> None:
    assert not Comparison().identical


def test_every_document_of_the_data_set_is_different_data(services: Services) -> None:
    """Hostile data: look-alike ids, both unicode forms, numeric-looking ids, missing parents."""
    documents = load_world(services.database, 1_000)
    assert {"ids/__id7__", "ids/7", "ids/Zu\u0308rich", "ids/Z\u00fcrich", "missing/nobody/kept/one"} <= set(
        documents
    )
    assert "missing/nobody" not in documents


def test_the_files_of_the_app_are_hostile() -> None:
    """Look-alikes, the same bytes under many names, nothing, a name of 1,024 bytes, what must be quoted."""
    files = pictures()
    assert {
        "photos/Zu\u0308rich.png",
        "photos/Z\u00fcrich.png",
        "photos/../up.png",
        "n" * 1024,
    } <= files.keys()
    assert len({file.data for file in files.values()}) < len(files) - 5
    assert min(len(file.data) for file in files.values()) == 0
    assert files == pictures()


def test_a_demo_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from cli.app import main; main()", "demo"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert "start the local stack" in process.stderr.readline()
    started = children_of(process.pid)
    assert started
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "error: the demo was stopped; nothing is left of it")
    assert list(tmp_path.iterdir()) == []
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def children_of(parent: int) -> list[int]:
    """Linux tells, thread by thread."""
    listed = [file.read_text() for file in Path(f"/proc/{parent}/task").glob("*/children")]
    return [int(pid) for line in listed for pid in line.split()]
