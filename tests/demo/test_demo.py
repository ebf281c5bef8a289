"""The demonstration succeeds, leaves nothing behind, and fails when it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cli.demo.accounts import accounts, compare_accounts, sign_in
from cli.demo.app import Services, load_app, look
from cli.demo.comparison import Comparison
from cli.demo.damage import damage, edit, lose, tamper
from cli.demo.files import compare_files, follow_urls
from cli.demo.reader import every
from emulators.auth import AuthEmulator
from emulators.datasets.auth import Auth, change_account, put_people
from emulators.datasets.bucket import Bucket, patch_file, put_files
from emulators.datasets.load import Database, load_world, put_documents
from emulators.datasets.people import Person, people
from emulators.datasets.pictures import TOKENS, File, pictures
from emulators.datasets.values import encoded
from emulators.firestore import FirestoreEmulator
from emulators.storage import StorageEmulator

PROJECT = "demo-firekeep"


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
    assert "50 files, 22 accounts are what they were" in done.stdout
    assert "49 download URLs work, 19 people sign in as before" in done.stdout
    assert "13/13  read everything, follow URLs, sign in" in done.stderr
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
    assert (facts["accounts"], facts["passwords"], facts["settings"]) == (22, 19, 2)
    assert set(facts["wrong"].values()) == {0}
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
@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("file", "1 file wrong, 1 URL wrong; file photos/AR.png is different"),
        ("account", "1 account wrong, 1 sign-in wrong; account editor is different"),
    ],
)
def test_the_demo_fails_when_one_bit_is_wrong(tmp_path: Path, what: str, wrong: str) -> None:
    """So is what depends on it: the URL that gives the file, and what a token claims."""
    done = demo(tmp_path, "--small", "--tamper", what)
    assert done.returncode == 10, done.stderr
    assert f"NOT IDENTICAL: {wrong}" in done.stdout


@pytest.fixture(scope="module")
def emulators() -> Iterator[Services]:
    name = f"{PROJECT}.firebasestorage.app"
    firestore, storage = FirestoreEmulator(host="127.0.0.1", port=0), StorageEmulator(buckets=[name])
    auth = AuthEmulator(project=PROJECT)
    try:
        yield Services(
            Database(firestore.start(), PROJECT), Bucket(storage.start(), name), Auth(auth.start(), PROJECT)
        )
    finally:
        firestore.stop()
        storage.stop()
        auth.stop()


@pytest.fixture
def services(emulators: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """With nothing in them. Google's client for Firestore finds an emulator by its variable only."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulators.database.host)
    yield emulators
    lose(emulators)


def test_the_comparison_sees_each_kind_of_difference(services: Services) -> None:
    loaded = load_app(services, 50)
    assert look(loaded, services).identical
    app = edit(services, loaded)
    seen = look(app, services)
    assert seen.identical
    before = look(loaded, services)
    assert before.documents.wrong + before.files.wrong + before.accounts.wrong == app.changes(loaded) > 80
    for what in ("document", "file", "account"):
        tamper(services, app, what)
    assert {kind: one.wrong for kind, one in look(app, services)} == {
        "document": 1, "file": 1, "URL": 1, "account": 1, "sign-in": 1, "setting": 0,
    }  # fmt: skip
    done = damage(services, app)
    after = look(app, services)
    assert len(after.documents.missing) == done.dropped + done.deleted
    assert len(after.documents.different) == done.rewritten
    assert len(after.documents.unexpected) == done.added
    assert (len(after.files.missing), len(after.files.different), len(after.files.unexpected)) == (3, 5, 1)
    assert (after.files.wrong, after.settings.wrong) == (done.files, done.settings)
    assert "photos/AR.png" in after.urls.different
    assert (after.accounts.missing, after.accounts.unexpected) == (["careful", "traveller-00"], ["junk"])
    assert after.accounts.wrong == done.accounts + 1  # the editor's claims, changed before
    lose(services)
    empty = look(app, services)
    gone = (len(app.documents), len(app.files), app.urls, len(app.accounts))
    assert tuple(len(one.missing) for _, one in empty)[:4] == gone
    assert not any(one.equal for _, one in empty)
    assert not [*every(services.database)]


def test_what_is_said_of_a_file_counts(services: Services) -> None:
    put_files(services.bucket, {"a": File(b"1", {"contentType": "text/plain"})})
    expected = File(b"1", {"contentType": "text/plain", "storageClass": "STANDARD"})
    assert compare_files({"a": expected}, services.bucket).identical
    for change in ({"cacheControl": "no-store"}, {"metadata": {TOKENS: "t"}}, {"contentType": "text/html"}):
        patch_file(services.bucket, "a", change)
        assert compare_files({"a": expected}, services.bucket).different == ["a"]
        put_files(services.bucket, {"a": File(b"1", {"contentType": "text/plain"})})


def test_a_url_with_another_token_does_not_give_the_file(services: Services) -> None:
    file = File(b"1", {"metadata": {TOKENS: "right"}})
    put_files(services.bucket, {"a": file})
    for token, equal in (("right", 1), ("wrong", 0)):
        photo = encoded({"file": "a", "url": services.bucket.url("a", token)}, services.database.root)
        put_documents(services.database, {"photos/0": photo})
        assert follow_urls({"a": file}, PROJECT).equal == equal


def test_comparing_nothing_is_not_success() -> None:
    assert not Comparison().identical


def test_every_document_of_the_data_set_is_different_data(services: Services) -> None:
    """Hostile data: look-alike ids, both unicode forms, numeric-looking ids, missing parents."""
    documents = load_world(services.database, 1_000)
    assert {"ids/__id7__", "ids/7", "ids/Zu\u0308rich", "ids/Z\u00fcrich", "missing/nobody/kept/one"} <= set(
        documents
    )
    assert "missing/nobody" not in documents


def test_a_sign_in_is_wrong_with_another_password_and_with_other_claims(services: Services) -> None:
    person = Person({"email": "a@b.c", "customAttributes": '{"role": "guide"}'}, "right-one")
    put_people(services.auth, {"a": person})
    expected = accounts(services.auth)
    assert sign_in({"a": person}, expected, services.auth).identical
    assert not sign_in({"a": replace(person, password="wrong-one")}, expected, services.auth).identical
    change_account(services.auth, "a", {"customAttributes": '{"role": "admin"}'})
    assert sign_in({"a": person}, expected, services.auth).different == ["a"]
    assert compare_accounts(expected, services.auth).different == ["a"]


def test_the_accounts_of_the_app_are_of_every_kind() -> None:
    """With and without password, disabled, with claims, a second factor, a phone, other providers, nothing; unicode."""
    everybody = people(str)
    named = [name for person in everybody.values() for name in person.fields]
    assert {"disabled", "customAttributes", "mfaInfo", "phoneNumber", "providerUserInfo", "photoUrl"} <= set(
        named
    )
    assert everybody["nobody"] == Person({})
    assert any("/" in uid for uid in everybody)


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


@pytest.mark.parametrize(
    ("told", "after"),
    [
        (signal.SIGINT, "start the local stack"),
        (signal.SIGTERM, "load a small app"),
        pytest.param(signal.SIGHUP, "verify", marks=pytest.mark.slow),
    ],
)
def test_a_demo_that_is_stopped_leaves_nothing_behind(
    tmp_path: Path, told: signal.Signals, after: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from cli.app import main; main()", "demo", "--small"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert any(after in line for line in process.stderr)
    started = children_of(process.pid)
    assert started
    process.send_signal(told)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip().endswith("error: the demo was stopped; nothing is left of it")
    assert list(tmp_path.iterdir()) == []
    assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]


def children_of(parent: int) -> list[int]:
    """Linux tells, thread by thread."""
    listed = [file.read_text() for file in Path(f"/proc/{parent}/task").glob("*/children")]
    return [int(pid) for line in listed for pid in line.split()]
