"""`firekeep dev`: the local stack, to develop and to try things on."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import debug_option

MAIN = Path(__file__).resolve().parent.parent.parent / "main.py"


@click.command("dev")
@click.option(
    "--exec", "execute", metavar="COMMAND", help="Run this command inside, and end with its status."
)
@click.option("--project", metavar="ID", default="demo-firekeep", show_default=True, help="The project's id.")
@click.option("--firestore-port", type=int, default=0, help="Of Firestore; any free one by default.")
@click.option("--pubsub-port", type=int, default=0, help="Of Pub/Sub; any free one by default.")
@click.option("--storage-port", type=int, default=0, help="Of Cloud Storage; any free one by default.")
@click.option("--auth-port", type=int, default=0, help="Of Auth; any free one by default.")
@click.option("--functions-port", type=int, default=0, help="Of the functions; any free one by default.")
@click.option("--chaos", metavar="SEED", help="Have the services misbehave, repeatably by this seed.")
@debug_option
def command(
    *,
    execute: str | None,
    project: str,
    firestore_port: int,
    pubsub_port: int,
    storage_port: int,
    auth_port: int,
    functions_port: int,
    chaos: str | None,
) -> int:
    """Run Firestore, Pub/Sub, Storage, Auth and the functions here.

    Prints the variables that point client libraries at them, and serves until Ctrl-C. Nothing is kept. It listens on
    loopback only.

    \b
    Examples:
      firekeep dev
      firekeep dev --exec "pytest tests"
      firekeep dev --firestore-port 8080
      firekeep dev --chaos 7 --exec "pytest tests"
    """
    from emulators.chaos import Plan
    from emulators.dev import run_dev
    from emulators.stack import StackOptions

    options = StackOptions(
        source=MAIN,
        project=project,
        firestore_port=firestore_port,
        pubsub_port=pubsub_port,
        storage_port=storage_port,
        auth_port=auth_port,
        functions_port=functions_port,
        chaos=None if chaos is None else Plan.from_seed(chaos),
    )
    return run_dev(execute, options)
