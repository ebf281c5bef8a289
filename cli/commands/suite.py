"""`firekeep suite`: the official Firebase Emulator Suite with our Firestore, Pub/Sub and Cloud Storage in it."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import debug_option


@click.command("suite")
@click.option(
    "--exec", "execute", metavar="COMMAND", help="Run this command inside, and end with its status."
)
@click.option("--project", metavar="ID", default="demo-firekeep", show_default=True, help="The project's id.")
@debug_option
def command(*, execute: str | None, project: str) -> int:
    """Run the official Emulator Suite with our emulators in it.

    Needs Node and firebase-tools. Starts the emulators that firebase.json in this folder names, on its ports: ours
    are Firestore, Pub/Sub and Storage, so that neither Java nor a download is needed.

    \b
    Examples:
      firekeep suite
      firekeep suite --exec "pytest tests"
    """
    from emulators.official.suite import SuiteOptions, run_suite
    from shared.settings import inherited

    return run_suite(SuiteOptions(Path.cwd(), project, inherited(), execute))
