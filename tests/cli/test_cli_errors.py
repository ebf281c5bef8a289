"""Whatever goes wrong is one line that says so, a hint, and an exit status; with --json, one object."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.app import app


def run(*words: str, **env: str) -> Result:
    clean = dict.fromkeys(
        ("FIREKEEP_REPOSITORY", "FIREKEEP_KEY_FILE", "FIREKEEP_PASSPHRASE_FILE", "FIREKEEP_PROJECT",
         "GOOGLE_CLOUD_PROJECT", "FIRESTORE_EMULATOR_HOST"), ""
    )  # fmt: skip
    return CliRunner().invoke(app, list(words), env=clean | env)


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["bogus"], 2, "No such command 'bogus'"),
        (["ls", "--nope"], 2, "No such option '--nope'"),
        (["show"], 2, "Missing argument"),
        (["ls"], 2, "FIREKEEP_REPOSITORY is not set"),
        (["ls", "--repository", "/nowhere/at/all"], 3, "there is no repository"),
        (["ls", "--repository", "ftp://bucket"], 2, "cannot be at ftp://"),
        (["ls", "--key-file", "a", "--passphrase-file", "b"], 2, "exclude one another"),
        (["backup", "--prefix", "a//b"], 2, "a segment is empty"),
        (["backup", "--prefix", "a/__b__"], 2, "reserved"),
        (["backup", "--project", "NO"], 2, "--project 'NO' is not valid"),
        (["backup", "--at", "yesterday", "--project", "some-project"], 2, "--at 'yesterday' is not a date"),
        (["backup", "--resume", "x", "--at", "2025-01-01"], 2, "--resume goes on"),
        (["backup", "--id", "no/slash", "--project", "some-project"], 2, "backupId"),
        (["restore"], 2, "the backup to restore is not named"),
        (["restore", "x", "--resume", "y"], 2, "--resume goes on"),
        (["restore", "x", "--document", "users"], 2, "users is a collection, not a document"),
        (["verify", "--sample", "0"], 2, "--sample"),
        (["verify", "--sample", "1.5"], 2, "--sample"),
        (["verify", "--depth", "deep"], 2, "--depth"),
        (["init", "--repository", "x", "--no-encryption", "--key-file", "y"], 2, "has no key"),
    ],
)
def test_wrong_input_is_refused_with_its_reason(words: list[str], status: int, told: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.startswith("error: ")
    assert told in result.stderr
    assert "Traceback" not in result.output
    for_programs = run(*words, "--json")
    answer = json.loads(for_programs.stdout)["error"]
    assert (for_programs.exit_code, answer["exitStatus"], for_programs.stderr) == (status, status, "")
    assert told in answer["message"]


def test_a_bad_variable_is_named(tmp_path: Path) -> None:
    result = run("ls", FIREKEEP_LEASE_SECONDS="soon", FIREKEEP_REPOSITORY=str(tmp_path))
    assert result.exit_code == 2
    assert "FIREKEEP_LEASE_SECONDS" in result.stderr
    assert "soon" not in result.stderr


BROKEN = """
import click
from cli.app import app

@click.command("broken")
@click.option("--debug", is_flag=True, expose_value=False)
@click.option("--json", is_flag=True, expose_value=False)
def broken():
    raise ZeroDivisionError("what a document said")

app.get_command = lambda context, name: broken
app.main()
"""


def python(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_bug_is_called_a_bug_and_tells_no_content() -> None:
    done = python(BROKEN, "broken")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: unexpected ZeroDivisionError; this is a bug in firekeep\nhint:")
    assert "what a document said" not in done.stderr
    assert json.loads(python(BROKEN, "broken", "--json").stdout)["error"]["code"] == "internal"


def test_debug_shows_where_a_bug_is() -> None:
    assert "Traceback" in python(BROKEN, "broken", "--debug").stderr


def test_a_reader_that_leaves_early_is_nothing_to_complain_about() -> None:
    script = "import sys; from cli.app import main; main()"
    whole = f"{sys.executable} -c '{script}' restore --help | true"
    done = subprocess.run(["/bin/sh", "-c", whole], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_has_its_own_status() -> None:
    script = BROKEN.replace('ZeroDivisionError("what a document said")', "KeyboardInterrupt")
    done = python(script, "broken")
    assert (done.returncode, done.stderr.strip()) == (130, "error: interrupted")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of an empty one."""
    folder = tmp_path_factory.mktemp("repository")
    env = {"FIREKEEP_REPOSITORY": str(folder / "r"), "FIREKEEP_KEY_FILE": str(folder / "k")}
    assert run("init", **env).exit_code == 0
    return env


NOBODY = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1", "PUBSUB_EMULATOR_HOST": ""}


@pytest.mark.parametrize("words", [["backup"], ["backup", "--resume", "x"], ["restore", "--resume", "x"]])
def test_an_emulator_that_is_not_there_is_told_at_once(repository: dict[str, str], words: list[str]) -> None:
    result = run(*words, **repository, **NOBODY)
    assert (result.exit_code, result.stdout) == (6, "")
    assert "nothing answers at 127.0.0.1:1, which FIRESTORE_EMULATOR_HOST names" in result.stderr
    assert "firekeep dev" in result.stderr


def test_ls_does_without_a_catalog_that_is_not_there(repository: dict[str, str]) -> None:
    result = run("ls", **repository, **NOBODY)
    assert result.exit_code == 0
    assert "this is the repository alone" in result.stderr


def test_emulated_and_real_services_are_not_mixed(repository: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        env = {**repository, "FIRESTORE_EMULATOR_HOST": host, "PUBSUB_EMULATOR_HOST": ""}
        result = run("backup", "--via-functions", **env)
    assert result.exit_code == 2
    assert "PUBSUB_EMULATOR_HOST is not set" in result.stderr


def test_missing_credentials_are_not_a_bug() -> None:
    script = BROKEN.replace(
        'ZeroDivisionError("what a document said")', 'google.auth.exceptions.DefaultCredentialsError("x")'
    )
    done = python(f"import google.auth.exceptions\n{script}", "broken")
    assert done.returncode == 5
    assert "gcloud auth application-default login" in done.stderr
