"""A repository with hostile content, and the command line over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from cli.app import app
from tests.exporting.export_samples import Made, make

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def run(made: Made) -> Run:
    """Runs `firekeep` with these words."""
    variables = {"FIREKEEP_REPOSITORY": str(made.folder), "FIREKEEP_KEY_FILE": str(made.key)}
    silenced = dict.fromkeys(("FIREKEEP_PASSPHRASE_FILE", "PUBSUB_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"), "")

    def run(*words: object, **env: str) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], env={**silenced, **variables, **env})

    return run
