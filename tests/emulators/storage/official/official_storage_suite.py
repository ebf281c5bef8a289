"""The system tests of Google's Python client: fetched with pip, never kept here, and run against an emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

CLIENT = "google-cloud-storage"
PROJECT = "demo-official"
# What the suite imports besides what is installed for the project.
TOOLS = (
    *("google-cloud-testutils", "google-cloud-kms", "google-cloud-iam", "mock", "brotli"),
    *("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-semantic-conventions"),
)
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
        (archive,) = cache.glob(f"google?cloud?storage-{release}.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(source, filter="data")
    if not tools.is_dir():
        _pip("installing the suite's tools", "install", "--no-deps", "--target", tools, *TOOLS)
    (root,) = source.iterdir()
    return root, tools


def run(modules: list[str], address: str, pubsub: str, cache: Path, folder: Path) -> dict[str, str]:
    """Run modules of the suite against the emulators at two addresses. Answers what became of each test."""
    root, tools = fetched(cache)
    outcome = folder / "outcome.json"
    environment = {
        **os.environ,
        "NO_GCE_CHECK": "true",
        "STORAGE_EMULATOR_HOST": f"http://{address}",
        "PUBSUB_EMULATOR_HOST": pubsub,
        "ENABLE_GCS_PYTHON_CLIENT_OTEL_TRACES": "true",
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "GOOGLE_CLOUD_TESTS_USER_PROJECT": PROJECT,
        "FIREKEEP_OFFICIAL_OUTCOME": str(outcome),
        "PYTHONPATH": os.pathsep.join(map(str, (_HERE, tools, root))),
        "PYTEST_ADDOPTS": "",
        "TMPDIR": str(folder),
    }
    options = ["-q", "-p", "official_storage_plugin", "-p", "no:cacheprovider", "-p", "no:xdist"]
    options += ["--timeout", "60", "-c", os.devnull, "--rootdir", str(root)]
    command = [sys.executable, "-m", "pytest", *options, *(f"tests/system/{name}" for name in modules)]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, timeout=600, check=False
    )
    assert outcome.exists(), f"the suite did not run:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    found: dict[str, str] = json.loads(outcome.read_text())
    return {test.removeprefix("tests/system/"): ended for test, ended in found.items()}
