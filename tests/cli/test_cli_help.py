"""Help teaches, and is there at once."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cli.app import COMMANDS, app

HEAVY = (
    "google.protobuf",
    "google.api_core",
    "google.cloud.firestore",
    "grpc",
    "pydantic",
    "rich",
    "cryptography",
    "emulators",
    "shared.models",
    "shared.wiring",
)


def help_of(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_help_names_every_command() -> None:
    text = help_of()
    assert all(f"\n  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_its_own_options_allow(name: str) -> None:
    text = help_of(name)
    _, _, examples = text.partition("Examples:\n")
    lines = [line.strip() for line in examples.split("\n\n")[0].splitlines()]
    assert lines
    for line in lines:
        program, command, *words = line.split()
        assert (program, command) == ("firekeep", name)
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        assert all(f"{option} " in text or f"{option}\n" in text for option in options), line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    assert command.get_short_help_str(200).endswith(".")
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, json\nfrom cli.app import main\nsys.argv = ['firekeep', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    sys.stderr.write(json.dumps(sorted(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    loaded = json.loads(run.stderr)
    assert [
        name for name in loaded if name in HEAVY or name.startswith(tuple(f"{one}." for one in HEAVY))
    ] == []
