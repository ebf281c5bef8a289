"""Cloud Storage and Auth beside the rest, found by Google's libraries through the variables the stack gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emulators.stack import Stack, StackOptions

SOURCE = Path(__file__).parent.parent / "host" / "app" / "main.py"
PROGRAM = """
import json, os
import firebase_admin
from firebase_admin import auth, credentials
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

class Nobody(credentials.Base):
    def get_credential(self):
        return AnonymousCredentials()

project = os.environ["GOOGLE_CLOUD_PROJECT"]
bucket = storage.Client(project=project, credentials=AnonymousCredentials()).bucket(project + ".firebasestorage.app")
bucket.blob("a/b.txt").upload_from_string(b"kept", if_generation_match=0)
app = firebase_admin.initialize_app(Nobody(), {"projectId": project})
user = auth.create_user(email="a@example.com", password="secret1", app=app)
print(json.dumps([bucket.blob("a/b.txt").download_as_bytes().decode(), auth.get_user(user.uid, app).email]))
"""


def test_storage_and_auth_serve_googles_libraries() -> None:
    options = StackOptions(source=SOURCE, table=(), storage_port=0, auth_port=0, log=lambda *_: None)
    with Stack(options) as stack:
        assert set(stack.emulators()) == {"firestore", "pubsub", "storage", "auth"}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            env=stack.env | {"PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert json.loads(done.stdout or "null") == ["kept", "a@example.com"], done.stderr


@pytest.mark.parametrize("service", ["STORAGE_EMULATOR_HOST", "FIREBASE_AUTH_EMULATOR_HOST"])
def test_what_is_not_asked_for_is_not_started(service: str) -> None:
    with Stack(StackOptions(source=SOURCE, table=(), log=lambda *_: None)) as stack:
        assert service not in stack.env
