"""The system tests of Google's Python client: fetched with pip, never kept here, and run against an emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

CLIENT = "google-cloud-firestore"
# What the suite imports besides what is installed for the project.
TOOLS = ("google-cloud-testutils", "mock", "pytest-asyncio")
_HERE = Path(__file__).parent


def _pip(doing: str, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{doing} failed; is the package index reachable?\n{done.stderr[-2000:]}"


def fetched(cache: Path) -> tuple[Path, Path]:
    """The folders of the client's source distribution and of the suite's tools, from the cache or the index."""
    release = version(CLIENT)
    source, tools = cache / f"source-{release}", cache / "tools"
    if not source.is_dir():
        _pip(
            f"downloading the source of {CLIENT} {release}",
            *("download", "--no-deps", "--no-binary", ":all:", "--dest", cache, f"{CLIENT}=={release}"),
        )
        (archive,) = cache.glob(f"google?cloud?firestore-{release}.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(source, filter="data")
    if not tools.is_dir():
        _pip("installing the suite's tools", "install", "--no-deps", "--target", tools, *TOOLS)
    (root,) = source.iterdir()
    return root, tools


def run(module: str, address: str, project: str, cache: Path, outcome: Path) -> dict[str, str]:
    """Run one module of the suite against an emulator. Answers what became of each test."""
    root, tools = fetched(cache)
    tests = root / "tests" / "system"
    environment = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": address,
        "GCLOUD_PROJECT": project,
        "FIREKEEP_OFFICIAL_OUTCOME": str(outcome),
        "PYTHONPATH": os.pathsep.join(map(str, (_HERE, tools, tests))),
        "PYTEST_ADDOPTS": "",
    }
    loop = "session"
    options = ["-q", "-p", "official_plugin", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout", "60"]
    options += ["-c", os.devnull, "--rootdir", str(root)]
    options += [f"--override-ini=asyncio_default_{kind}_loop_scope={loop}" for kind in ("test", "fixture")]
    command = [sys.executable, "-m", "pytest", *options, str(tests / module)]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, timeout=600, check=False
    )
    assert outcome.exists(), f"the suite did not run:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    found: dict[str, str] = json.loads(outcome.read_text())
    return found
