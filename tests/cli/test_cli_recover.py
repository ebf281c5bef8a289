"""The repository and its key are enough: into a new project come the catalog, the documents and the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_desk import Desk, firestore, new_desk
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore as cloud_firestore
from google.cloud import storage

from emulators.storage import StorageEmulator

OLD, NEW = "demo-firekeep", "demo-second"
OWN, STRANGE = f"{OLD}.firebasestorage.app", "pictures-of-old"
FILES = {(OWN, "a/b c.txt"): b"one" * 9, (OWN, "ü//"): b"", (STRANGE, "x.png"): b"\x00" * 100_000}


@pytest.fixture
def bucket_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    buckets = (OWN, STRANGE, f"{NEW}.firebasestorage.app", "pictures-of-new")
    emulator = StorageEmulator("127.0.0.1", 0, project=OLD, buckets=buckets)
    address = f"http://{emulator.start()}"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
    yield address
    emulator.stop()


@pytest.fixture
def lost(tmp_path: Path, bucket_host: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A project was backed up, twice, and is gone: what is left is the repository, its key, and a new project."""
    files = {"STORAGE_EMULATOR_HOST": bucket_host, "FIREKEEP_BUCKETS": f"{OWN} {STRANGE}"}
    client = storage.Client(project=OLD, credentials=AnonymousCredentials())
    for (bucket, name), data in FILES.items():
        client.bucket(bucket).blob(name).upload_from_string(data, content_type="x/y")
    with firestore() as host:
        desk = new_desk(tmp_path, host, every=400)
        desk.done("backup", "--id", "first", **files)
        desk.done("backup", "--id", "second", **files)
    for bucket, name in FILES:
        client.bucket(bucket).blob(name).delete()
    with firestore() as host:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
        kept = ("FIREKEEP_REPOSITORY", "FIREKEEP_KEY_FILE", "FIREKEEP_LEASE_SECONDS")
        env = {name: desk.env[name] for name in kept} | {"FIREKEEP_PROJECT": ""}
        yield Desk(tmp_path, desk.database, env | {"FIRESTORE_EMULATOR_HOST": host}, desk.loaded)


def test_without_a_project_it_tells_what_there_is(lost: Desk) -> None:
    bare = {"FIRESTORE_EMULATOR_HOST": "", "STORAGE_EMULATOR_HOST": ""}
    facts = lost.json("recover", **bare)
    assert [one["id"] for one in facts["backups"]] == ["first", "second"]
    assert facts["backups"][0]["contents"].keys() == {"entries", "media"}
    assert "firekeep recover second --project PROJECT" in lost.done("recover", **bare)
    named = lost.json("recover", "latest", status=2, **bare)
    assert "FIREKEEP_PROJECT" in named["error"]["message"]


def test_a_new_project_gets_the_catalog_the_documents_and_the_files(lost: Desk) -> None:
    refused = lost.json("recover", "latest", "--project", NEW, status=2)
    assert f"--bucket {STRANGE}=NAME" in refused["error"]["hint"]
    answer = lost.json("recover", "latest", "--project", NEW, "--bucket", f"{STRANGE}=pictures-of-new")
    assert (answer["status"], answer["created"]) == ("completed", len(lost.loaded) + len(FILES))
    assert {row["id"]: row["status"] for row in lost.json("ls", "--project", NEW)["backups"]} == {
        "first": "completed",
        "second": "completed",
    }
    client = storage.Client(project=NEW, credentials=AnonymousCredentials())
    there = {OWN: f"{NEW}.firebasestorage.app", STRANGE: "pictures-of-new"}
    for (bucket, name), data in FILES.items():
        blob = client.bucket(there[bucket]).get_blob(name)
        assert blob is not None
        assert (blob.download_as_bytes(), blob.content_type) == (data, "x/y")
        assert client.bucket(bucket).get_blob(name) is None
    documents = cloud_firestore.Client(project=NEW, credentials=AnonymousCredentials())
    assert all(documents.document(path).get().exists for path in sorted(lost.loaded)[:20])


def test_files_can_be_left_out(lost: Desk) -> None:
    answer = lost.json("recover", "first", "--project", NEW, "--only", "entries")
    assert answer["created"] == len(lost.loaded)
