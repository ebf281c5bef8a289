"""Every function is loaded and called from exactly the deployed source, with exactly the deploy requirements."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from google.cloud import pubsub_v1

from cli.app import app
from cli.commands.dev import MAIN
from cli.deployment.plan import dead_letter_topics, topics_of
from emulators.stack import Stack, StackOptions
from functions.table import FUNCTIONS, DocumentTrigger, FunctionSpec, HttpTrigger, ObjectTrigger

ROOT = Path(__file__).parents[2]
CALLER = Path(__file__).with_name("call_functions.py")
PROJECT = "demo-firekeep"


def let_through(path: str, patterns: list[str]) -> bool:
    """Whether .gcloudignore lets a file through; the last pattern that fits decides, and a folder for all below it."""
    parts = path.split("/")
    depths = range(1, len(parts) + 1)
    return all(_kept("/".join(parts[:depth]), depth < len(parts), patterns) for depth in depths)


def _kept(path: str, folder: bool, patterns: list[str]) -> bool:
    kept = True
    for pattern in patterns:
        again, bare = pattern.startswith("!"), pattern.lstrip("!")
        if bare.endswith("/") and not folder:
            continue
        bare = bare.rstrip("/")
        fits = (
            fnmatchcase(path, bare[1:])
            if bare.startswith("/")
            else fnmatchcase(path.rpartition("/")[2], bare)
        )
        if fits:
            kept = again
    return kept


def patterns() -> list[str]:
    lines = (ROOT / ".gcloudignore").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def candidates() -> Iterator[str]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in {".git", ".venv", "node_modules"}]
        yield from (str((Path(folder) / name).relative_to(ROOT)) for name in files)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is deployed."""
    folder: Path = tmp_path_factory.mktemp("deployed")
    rules = patterns()
    for path in candidates():
        if let_through(path, rules):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
    return folder


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Everything that a deployed function finds, by local stand-ins: services, topics, a repository and its key."""
    folder: Path = tmp_path_factory.mktemp("services")
    options = StackOptions(source=MAIN, table=(), storage_port=0, auth_port=0, log=lambda _name, _line: None)
    with Stack(options) as stack:
        env = {
            **stack.env,
            "PATH": os.environ["PATH"],
            "FIREKEEP_PROJECT": PROJECT,
            "FIREKEEP_REPOSITORY": str(folder / "repository"),
            "FIREKEEP_KEY_FILE": str(folder / "key"),
        }
        assert CliRunner().invoke(app, ["init"], env=env).exit_code == 0
        os.environ["PUBSUB_EMULATOR_HOST"] = env["PUBSUB_EMULATOR_HOST"]
        try:
            publisher = pubsub_v1.PublisherClient()
        finally:
            del os.environ["PUBSUB_EMULATOR_HOST"]
        for topic in {*topics_of(FUNCTIONS), *dead_letter_topics(FUNCTIONS)}:
            publisher.create_topic(name=f"projects/{PROJECT}/topics/{topic}")
        yield env


def call(spec: FunctionSpec) -> dict[str, Any]:
    """An event as the platform sends it, or a callable's request."""
    trigger = spec.trigger
    if isinstance(trigger, HttpTrigger):
        return {"name": spec.name, "signature": "http", "headers": {}, "body": {"data": {}}}
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-time": "2026-03-29T01:30:00Z",
        "ce-source": "//test",
    }
    if isinstance(trigger, DocumentTrigger):
        path = trigger.document.replace("{id}", "one")
        headers |= {"ce-type": trigger.type, "ce-subject": f"documents/{path}"}
        return {"name": spec.name, "signature": "cloudevent", "headers": headers, "body": {}}
    if isinstance(trigger, ObjectTrigger):
        body: dict[str, Any] = {"bucket": trigger.bucket, "name": "a/b", "generation": "1"}
        return {
            "name": spec.name,
            "signature": "cloudevent",
            "headers": headers | {"ce-type": trigger.type},
            "body": body,
        }
    headers["ce-type"] = "google.cloud.pubsub.topic.v1.messagePublished"
    data = base64.b64encode(b"{}").decode()
    message = {"data": data, "messageId": "7", "publishTime": "2026-03-29T01:30:00Z"}
    return {"name": spec.name, "signature": "cloudevent", "headers": headers, "body": {"message": message}}


def called(python: str, source: Path, env: dict[str, str], folder: Path, *lock: str) -> dict[str, Any]:
    """What each function answered; what it printed is in `log`."""
    (folder / "calls").write_text(json.dumps([call(spec) for spec in FUNCTIONS]))
    # Nothing of the user's packages, and nothing named by PYTHONPATH.
    command = [python, "-s", str(CALLER), str(folder / "calls"), str(folder / "answers"), *lock]
    done = subprocess.run(
        command, cwd=source, env=env, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads((folder / "answers").read_text())
    return {**found, "log": done.stdout}


def check_answers(found: dict[str, Any]) -> None:
    told = found["told"]
    assert list(told) == [spec.name for spec in FUNCTIONS]
    for spec in FUNCTIONS:
        answer = told[spec.name]
        if isinstance(spec.trigger, HttpTrigger):
            assert answer["status"] < 500, (spec.name, answer)
            assert json.loads(answer["text"])
        else:
            assert answer["status"] == 200, (spec.name, answer, found["log"])
            # It ran, and told what became of it: no function is loaded and then answers nothing.
            assert f'"{spec.name}"' in found["log"], spec.name
    assert "ModuleNotFoundError" not in found["log"]
    assert '"internal"' not in found["log"]


def test_only_the_functions_and_what_they_import_are_deployed(source: Path) -> None:
    top = {path.name for path in source.iterdir()}
    assert top == {"main.py", "requirements.txt", "requirements.lock", "functions", "shared"}
    assert not list(source.rglob("__pycache__"))
    assert {f"{spec.name}.py" for spec in FUNCTIONS} <= {
        path.name for path in (source / "functions").iterdir()
    }


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("main.py", True),
        ("functions/table.py", True),
        ("shared/jobs/part.py", True),
        ("shared/jobs/__pycache__/part.pyc", False),
        ("tests/functions/main.py", False),
        ("cli/app.py", False),
        (".env", False),
        ("key.json", False),
        ("docs/main.py", False),
    ],
)
def test_the_ignore_file_is_read_as_gcloud_reads_it(path: str, kept: bool) -> None:
    assert let_through(path, patterns()) is kept


def test_every_function_runs_with_locked_packages_only(
    source: Path, env: dict[str, str], tmp_path: Path
) -> None:
    found = called(sys.executable, source, env, tmp_path, str(source / "requirements.lock"))
    assert found["hidden"] > 20, "the tools of development are hidden"
    check_answers(found)


def test_a_package_that_is_not_locked_is_missed(source: Path, env: dict[str, str], tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    text = (source / "requirements.lock").read_text()
    lock.write_text(text.replace("\nblake3==", "\nother==").replace("\nzstandard==", "\nanother=="))
    with pytest.raises(AssertionError, match="not a requirement of the deployment"):
        check_answers(called(sys.executable, source, env, tmp_path, str(lock)))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_function_runs_in_a_clean_environment_of_exactly_the_requirements(
    source: Path, env: dict[str, str], tmp_path: Path
) -> None:
    clean = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(clean)], check=True, timeout=120)
    python = str(clean / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt"]
    subprocess.run(install, cwd=source, check=True, timeout=900)
    check_answers(called(python, source, env, tmp_path))
