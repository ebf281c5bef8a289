"""The emulator as a project of others sees it: the tests of `firedantic`, models over Firestore, which come with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from emulators.firestore import FirestoreEmulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PACKAGES = ("firedantic==0.12.0", "pytest-asyncio")


@pytest.fixture
def address() -> Iterator[str]:
    emulator = FirestoreEmulator()
    yield emulator.start()
    emulator.stop()


def fetched(cache: Path) -> Path:
    folder = cache / "packages"
    if not folder.is_dir():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            str(folder),
            *PACKAGES,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, (
            f"installing {PACKAGES} failed; is the package index reachable?\n{done.stderr}"
        )
    return folder


def test_an_object_mappers_tests_pass(address: str, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    cache = pytestconfig.cache
    assert cache is not None
    packages, report = fetched(cache.mkdir("firestore-firedantic")), tmp_path / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout", "60", "-c", os.devnull]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *options,
            f"--junit-xml={report}",
            str(packages / "firedantic/tests"),
        ],
        env={
            **os.environ,
            "FIRESTORE_EMULATOR_HOST": address,
            "GOOGLE_CLOUD_PROJECT": "demo-firedantic",
            "PYTHONPATH": str(packages),
            "PYTEST_ADDOPTS": "",
        },
        cwd=packages,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    (suite,) = ElementTree.parse(report).iter("testsuite")
    assert (int(suite.attrib["tests"]) >= 151, suite.attrib["skipped"]) == (True, "0")
