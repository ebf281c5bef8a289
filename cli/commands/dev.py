"""`firekeep dev`: the local stack, to develop and to try things on."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import debug_option

FILE = click.Path(path_type=Path)
MAIN = Path(__file__).resolve().parent.parent.parent / "main.py"


@click.group("dev", invoke_without_command=True)
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
@click.option("--data", metavar="DIR", type=FILE, help="Keep the state of all services there, across runs.")
@click.option(
    "--seed", metavar="NAME", help="Load this data set where there is nothing yet: world, or a path."
)
@click.option("--import", "imported", metavar="FILE", type=FILE, help="Begin with this exported state.")
@click.option("--export", "exported", metavar="FILE", type=FILE, help="Export the state there at the end.")
@debug_option
@click.pass_context
def command(
    context: click.Context,
    *,
    execute: str | None,
    project: str,
    firestore_port: int,
    pubsub_port: int,
    storage_port: int,
    auth_port: int,
    functions_port: int,
    chaos: str | None,
    data: Path | None,
    seed: str | None,
    imported: Path | None,
    exported: Path | None,
) -> int:
    """Run Firestore, Pub/Sub, Storage, Auth and the functions here.

    Prints the variables that point client libraries at them, and serves until Ctrl-C. Nothing is kept but with
    --data. It listens on loopback only.

    \b
    Examples:
      firekeep dev
      firekeep dev --exec "pytest tests"
      firekeep dev --firestore-port 8080
      firekeep dev --data .firekeep --seed world
      firekeep dev --import state.zip --export state.zip
      firekeep dev --chaos 7 --exec "pytest tests"
    """
    if context.invoked_subcommand is not None:
        return 0
    from emulators.chaos import Plan
    from emulators.dev import run_dev
    from emulators.sojourn import Sojourn
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
        seed=seed,
    )
    return run_dev(execute, options, sojourn=Sojourn(data, imported, exported))


@command.command("export")
@click.argument("data", metavar="DIR", type=FILE)
@click.argument("file", metavar="FILE", type=FILE)
@debug_option
def export(*, data: Path, file: Path) -> int:
    """Export the state in DIR to FILE, also while a stack uses it.

    \b
    Examples:
      firekeep dev export .firekeep state.zip
    """
    from emulators.archive import export_state

    export_state(data, file)
    click.echo(f"Exported {data} to {file}. Begin with it: firekeep dev --import {file}")
    return 0
