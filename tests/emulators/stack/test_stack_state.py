"""What the stack keeps, is seeded with, exports and imports, seen through the command line and Google's clients."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOOK = """
import json, os
import firebase_admin
from firebase_admin import auth
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, pubsub_v1, storage

class Nobody(firebase_admin.credentials.Base):
    def get_credential(self):
        return AnonymousCredentials()

project = os.environ["GOOGLE_CLOUD_PROJECT"]
documents = firestore.Client(project=project, credentials=AnonymousCredentials())
objects = storage.Client(project=project, credentials=AnonymousCredentials())
app = firebase_admin.initialize_app(Nobody(), {"projectId": project})
topics = pubsub_v1.PublisherClient()
if os.environ.get("ADD"):
    documents.document("users/new").set({"n": 2})
    objects.bucket("pictures").blob("new").upload_from_string(b"new")
    auth.create_user(uid="new")
    topics.create_topic(name=f"projects/{project}/topics/own")
print(json.dumps({
    "documents": {one.id: one.to_dict() for one in documents.collection("users").stream()},
    "objects": {
        blob.name: [blob.content_type, blob.download_as_bytes().decode()]
        for bucket in objects.list_buckets() for blob in objects.list_blobs(bucket)
    },
    "accounts": sorted(user.uid for user in auth.list_users().iterate_all()),
    "own": any(one.name.endswith("/own") for one in topics.list_topics(project=f"projects/{project}")),
}))
"""


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cli.app import main; main()", "dev", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **variables}
    return subprocess.run(command, capture_output=True, text=True, timeout=110, env=environment, check=False)


def seen(tmp_path: Path, *arguments: str, **variables: str) -> dict[str, object]:
    """What Google's clients see inside a stack."""
    (tmp_path / "look.py").write_text(LOOK)
    done = run(*arguments, "--exec", f"{sys.executable} {tmp_path / 'look.py'}", **variables)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`firekeep dev` once it serves."""
    command = [sys.executable, "-c", "from cli.app import main; main()", "dev", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            while "GCLOUD_PROJECT" not in (line := process.stdout.readline()):
                assert line
            yield process
        finally:
            process.kill()


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    path = tmp_path / "seed"
    (path / "storage" / "pictures" / "ä").mkdir(parents=True)
    (path / "storage" / "pictures" / "ä" / "x y.txt").write_text("hello")
    lines = [
        {"path": "users/ada", "data": {"n": 1, "list": [None, "ä", {"deep": True}]}},
        {"path": "users/bob", "fields": {"n": {"integerValue": "7"}}},
    ]
    (path / "firestore.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    users = [{"localId": "ada", "email": "ada@example.com", "lastSignedInAt": "1700000000000"}]
    (path / "auth.json").write_text(json.dumps({"users": users}))
    return path


SEEDED = {
    "documents": {"ada": {"n": 1, "list": [None, "ä", {"deep": True}]}, "bob": {"n": 7}},
    "objects": {"ä/x y.txt": ["text/plain", "hello"]},
    "accounts": ["ada"],
    "own": False,
}
ADDED = {
    "documents": {**SEEDED["documents"], "new": {"n": 2}},  # type: ignore[dict-item]
    "objects": {**SEEDED["objects"], "new": ["text/plain", "new"]},  # type: ignore[dict-item]
    "accounts": ["ada", "new"],
    "own": True,
}


def test_a_stack_goes_on_where_it_was_and_its_export_elsewhere(tmp_path: Path, seed: Path) -> None:
    data, file = str(tmp_path / "data"), str(tmp_path / "state.zip")
    assert seen(tmp_path, "--data", data, "--seed", str(seed), ADD="yes") == ADDED
    # What is there is not seeded again, and what is in use can be exported.
    with serving("--data", data, "--seed", str(seed)) as process:
        done = run("export", data, file)
        assert done.returncode == 0, done.stderr
        second = run("--data", data, "--exec", "true")
        assert second.returncode == 6
        assert data in second.stderr
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert seen(tmp_path, "--data", data) == ADDED
    # An imported state is changed, exported at the end, and the file is replaced.
    assert seen(tmp_path, "--import", file, "--export", file) == ADDED
    assert seen(tmp_path, "--import", file, "--data", str(tmp_path / "other")) == ADDED


def test_without_a_directory_each_start_is_seeded(tmp_path: Path, seed: Path) -> None:
    assert seen(tmp_path, "--seed", str(seed)) == SEEDED


def test_a_seeding_that_was_cut_short_is_made_again(tmp_path: Path, seed: Path) -> None:
    data = tmp_path / "data"
    (seed / "auth.json").write_text('{"users": [{"localId": "ada"}, {"localId": "' + "x" * 200 + '"}]}')
    done = run("--data", str(data), "--seed", str(seed), "--exec", "true")
    assert done.returncode == 2
    assert "auth.json" in done.stderr
    (seed / "auth.json").write_text('{"users": [{"localId": "ada"}]}')
    assert seen(tmp_path, "--data", str(data), "--seed", str(seed)) == SEEDED


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--import", "no.zip"], 3, "no.zip: there is no such file"),
        (["--seed", "no-such-set"], 3, "no-such-set: there is no such data set"),
        (["--seed", "full"], 2, "a data set has firestore.jsonl"),
        (["--seed", "bad.jsonl"], 2, "bad.jsonl, line 2: it is not a document"),
        (["--data", "full"], 2, "full: it is not a directory that keeps"),
        (["--data", "bad.jsonl"], 5, "opening bad.jsonl: Not a directory"),
        (["--export", "no/such/x.zip"], 3, "there is no directory no/such"),
    ],
)
def test_what_cannot_be_is_told_before_anything_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    (tmp_path / "bad.jsonl").write_text('{"path": "C/a", "data": {}}\n{"path": "C"}\n')
    done = run(*arguments, "--exec", "true")
    assert (done.returncode, words in done.stderr) == (status, True), done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bad.jsonl", "full"]
