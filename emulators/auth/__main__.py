"""`python -m emulators.auth --host 127.0.0.1 --port 0 [--project-id ID]`: serves until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emulators.auth.server import AuthEmulator
from emulators.chaos.process import add_chaos_option, load_chaos
from emulators.serving import serve


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators.auth", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--project-id",
        default="demo-firekeep",
        help="the project of calls that name none: those of client apps",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep everything there across runs")
    add_chaos_option(parser)
    options = parser.parse_args(argv)
    return serve(
        "auth",
        lambda: AuthEmulator(
            options.host,
            options.port,
            options.project_id,
            data=options.data,
            chaos=load_chaos(options.chaos),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
