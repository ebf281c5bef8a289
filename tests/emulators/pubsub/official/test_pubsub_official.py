"""The official Python client's own system tests, of the installed version, against the emulator.

They are downloaded as they were published, kept in the temporary folder, and run in a process of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from official_pubsub import MUST_PASS, complaint

from emulators.pubsub import PubSubEmulator

VERSION = metadata.version("google-cloud-pubsub")
CACHE = Path(tempfile.gettempdir()) / f"firekeep-official-pubsub-{VERSION}"
HELPERS = ("flaky==3.8.1", "psutil==7.2.2", "google-cloud-testutils==1.10.1")


def pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"pip {arguments[0]} failed; this test needs a package index:\n{done.stderr}"


def fetch(cache: Path) -> None:
    """Leaves `system.py` and `helpers/` in the cache, whole or not at all."""
    if cache.is_dir():
        return
    with tempfile.TemporaryDirectory(prefix="firekeep-official-", dir=cache.parent) as made:
        folder = Path(made)
        whole = folder / "whole"
        whole.mkdir()
        sdist = ["--no-deps", "--no-binary", ":all:", f"google-cloud-pubsub=={VERSION}"]
        pip("download", "--dest", made, *sdist)
        (archive,) = folder.glob("google_cloud_pubsub-*.tar.gz")
        with tarfile.open(archive) as tar:
            content = tar.extractfile(f"google_cloud_pubsub-{VERSION}/tests/system.py")
            assert content is not None
            (whole / "system.py").write_bytes(content.read())
        pip("install", "--no-deps", "--target", str(whole / "helpers"), *HELPERS)
        whole.rename(cache)


def run(folder: Path, address: str) -> Path:
    """Runs the tests in `folder`'s company; answers where the report is."""
    account = {"type": "authorized_user", "client_id": "x", "client_secret": "x", "refresh_token": "x"}
    (folder / "account.json").write_text(json.dumps(account))
    report = folder / "report.xml"
    options = [
        "-c",
        os.devnull,
        "--rootdir",
        str(CACHE),
        "-p",
        "no:cacheprovider",
        "-n",
        "6",
        "--timeout",
        "240",
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(CACHE / "helpers"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PUBSUB_EMULATOR_HOST": address,
        "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "account.json"),
        "GOOGLE_CLOUD_PROJECT": "demo-official",
    }
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--junit-xml={report}", str(CACHE / "system.py")],
        check=False,  # the report tells, and a failure may be what was declared
        env=environment,
        cwd=folder,
        capture_output=True,
        timeout=500,
    )
    return report


def outcomes(report: Path) -> dict[str, tuple[str, str]]:
    """Each test's name, with what became of it and what it said."""
    found: dict[str, tuple[str, str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        group = case.attrib["classname"].rpartition("system")[2].removeprefix(".")
        name = f"{group}::{case.attrib['name']}" if group else case.attrib["name"]
        problems = [child for child in case if child.tag in ("failure", "error", "skipped")]
        text = "\n".join(f"{child.attrib.get('message', '')}\n{child.text or ''}" for child in problems)
        skipped = problems and problems[0].tag == "skipped"
        found[name] = ("skipped" if skipped else "failed" if problems else "passed", text)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_official_system_tests_end_as_declared(tmp_path: Path) -> None:
    fetch(CACHE)
    emulator = PubSubEmulator()
    try:
        found = outcomes(run(tmp_path, emulator.start()))
    finally:
        emulator.stop()
    complaints = [complaint(name, *ended) for name, ended in sorted(found.items())]
    complaints += [f"{name} was not run" for name in sorted(MUST_PASS - set(found))]
    assert [each for each in complaints if each] == []
