"""Every command of docs/setup.md exists, with the options that the page gives it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cli.app import app

PAGE = (Path(__file__).parents[2] / "docs" / "setup.md").read_text(encoding="utf-8")
SPOKEN = re.findall(r"^    (firekeep .*)$|`(firekeep [a-z][^`]*)`", PAGE, re.M)
LINES = sorted({block or inline for block, inline in SPOKEN})


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_is_one(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])[1:]
    context: click.Context = click.Context(app)
    command: click.Command | None = app
    while isinstance(command, click.Group) and words:
        command = command.get_command(context, words.pop(0))
    assert command is not None
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


def test_the_page_has_commands_to_check() -> None:
    assert len(LINES) >= 8


def test_what_the_page_links_to_is_there() -> None:
    links = re.findall(r"\]\(([a-z_/]+\.md)\)", PAGE)
    assert links
    assert all((Path(__file__).parents[2] / "docs" / link).is_file() for link in links)
