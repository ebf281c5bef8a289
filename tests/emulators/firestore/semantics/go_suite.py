"""The integration tests of Google's Go client, which Debian ships with its source: fetched with apt-get, never kept
here, built by Debian's own Go, and run against an emulator. Nothing is installed on the machine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PACKAGES = ("golang-go", "golang-google-cloud-dev")
PROJECT = "demo-go"
_SOURCE = "usr/share/gocode/src/cloud.google.com/go/firestore"
_ENDED = re.compile(r"^--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)


def _run(doing: str, *command: str | Path, **environment: str) -> None:
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"{doing} failed:\n{(done.stdout + done.stderr)[-2000:]}"


def fetched(cache: Path) -> Path:
    """A folder with Go and the client's source as Debian lays them out, from the cache or Debian's archive."""
    root = cache / "root"
    if root.is_dir():
        return root
    archives = cache / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    nothing = cache / "status"  # as if nothing were installed, so that all that is needed is fetched
    nothing.touch()
    options = [f"Dir::Cache::archives={archives}", f"Dir::State::status={nothing}", "Debug::NoLocking=1"]
    chosen = [word for option in options for word in ("-o", option)]
    _run(
        "downloading Go and its client from Debian (`apt-get update` first; only Debian's kin have apt-get)",
        *(
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "--download-only",
            *chosen,
            *PACKAGES,
        ),
    )
    unpacked = cache / "unpacked"
    for package in archives.glob("*.deb"):
        _run(f"unpacking {package.name}", "dpkg-deb", "-x", package, unpacked)
    return unpacked.rename(root)


def _built(cache: Path) -> Path:
    root, program = fetched(cache), cache / "firestore.test"
    if not program.exists():
        _run(
            "building the tests of the Go client",
            *(
                root / "usr/lib/go/bin/go",
                "test",
                "-c",
                "-vet=off",
                "-o",
                program,
                "cloud.google.com/go/firestore",
            ),
            GOROOT=str(root / "usr/lib/go"),
            GOPATH=str(root / "usr/share/gocode"),
            GOCACHE=str(cache / "objects"),
            GO111MODULE="off",
            GOFLAGS="",
            CGO_ENABLED="0",
        )
    return program


def run(address: str, cache: Path, folder: Path) -> dict[str, str]:
    """Run the integration tests against an emulator. Answers PASS, FAIL or SKIP for each."""
    program = _built(cache)
    done = subprocess.run(
        [str(program), "-test.v", "-test.run", "^TestIntegration_", "-test.timeout", "120s"],
        env={
            **os.environ,
            "FIRESTORE_EMULATOR_HOST": address,
            "GCLOUD_TESTS_GOLANG_FIRESTORE_PROJECT_ID": PROJECT,
            "GCLOUD_TESTS_GOLANG_FIRESTORE_KEY": str(_account(folder)),
        },
        cwd=cache / "root" / _SOURCE,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    found = {name: ended for ended, name in _ENDED.findall(done.stdout)}
    assert found, f"the suite did not run:\n{(done.stdout + done.stderr)[-2000:]}"
    (folder / "go.log").write_text(done.stdout + done.stderr)
    return found


def _account(folder: Path) -> Path:
    """The suite wants a service account, and sends no emulator a token of it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": key.private_bytes(serialization.Encoding.PEM, *form).decode(),
        "client_email": f"suite@{PROJECT}.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:1",
    }
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    return path
