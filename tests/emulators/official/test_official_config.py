"""`firekeep suite` reads firebase.json, and says what is missing before it starts anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.app import app
from emulators.official.config import read_config
from emulators.official.suite import find_firebase, link_environment
from shared.errors import BadInput, NotFound

ROOT = Path(__file__).parents[3]


def write(folder: Path, config: Any) -> Path:
    (folder / "firebase.json").write_text(json.dumps(config))
    return folder


def test_our_own_file_starts_everything_but_storage_which_is_ours() -> None:
    config = read_config(ROOT)
    assert config.emulators == ("auth", "functions", "firestore", "pubsub", "eventarc", "tasks")
    assert config.storage == ("127.0.0.1", 9199)
    assert (config.functions, config.pubsub) == ("127.0.0.1:5001", "127.0.0.1:8085")
    assert config.sources == (ROOT,)


def test_a_small_file_has_the_official_ports(tmp_path: Path) -> None:
    emulators = {"storage": {}, "pubsub": {}, "auth": {"port": 1}, "singleProjectMode": False}
    config = read_config(write(tmp_path, {"functions": {"source": "f"}, "emulators": emulators}))
    assert config.emulators == ("pubsub", "auth")
    assert (config.storage, config.pubsub) == (("127.0.0.1", 9199), "127.0.0.1:8085")
    assert (config.functions, config.sources) == (None, (tmp_path / "f",))


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '"x"', "{}", '{"emulators": 1}', '{"emulators": {"storage": {"port": "ü"}}}']
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "firebase.json").write_text(content)
    with pytest.raises(BadInput):
        read_config(tmp_path)


def test_without_a_file_the_command_says_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["suite"])
    assert result.exit_code == NotFound.exit_status
    assert "firebase.json" in result.stderr
    assert "project's folder" in result.stderr


def test_the_projects_own_firebase_tools_come_first(tmp_path: Path) -> None:
    program = tmp_path / "node_modules" / ".bin" / "firebase"
    program.parent.mkdir(parents=True)
    program.touch()
    assert find_firebase(tmp_path) == program


def test_python_functions_without_an_environment_get_a_link_to_this_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requirements.txt").touch()
    link_environment(tmp_path)
    assert (tmp_path / "venv").resolve() == Path(sys.prefix).resolve()
    assert "venv is now a link to" in capsys.readouterr().err
    link_environment(tmp_path)
    assert capsys.readouterr().err == ""


def test_other_functions_are_left_alone(tmp_path: Path) -> None:
    link_environment(tmp_path)
    assert list(tmp_path.iterdir()) == []
