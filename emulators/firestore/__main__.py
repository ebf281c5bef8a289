"""`python -m emulators.firestore`: serve until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import gc
import logging
import sys
from datetime import timedelta
from pathlib import Path

from emulators.chaos.process import add_chaos_option, load_chaos
from emulators.firestore.server import FirestoreEmulator
from emulators.serving import serve


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.firestore", description="A Firestore for this machine."
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--project-id", default="demo-firekeep", help="the stack's project; others are served as well"
    )
    parser.add_argument(
        "--horizon", type=float, default=3600.0, metavar="SECONDS", help="how far back reads may reach"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep everything there")
    parser.add_argument("--events", metavar="URL", help="post each changed document there as a CloudEvent")
    parser.add_argument(
        "--events-filter",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only for such documents, as users/{id}",
    )
    add_chaos_option(parser)
    return parser.parse_args()


def main() -> None:
    """Serve, and say so in one line once it is so."""
    options = _arguments()
    logging.basicConfig(level=logging.WARNING, format="firestore %(levelname)s %(message)s")
    # Millions of long-lived versions make full collections slow and free nothing: there are no cycles among them.
    gc.set_threshold(100_000, 50, 1000)
    status = serve(
        "firestore",
        lambda: FirestoreEmulator(
            host=options.host,
            port=options.port,
            horizon=timedelta(seconds=options.horizon),
            events=options.events,
            events_filter=options.events_filter,
            chaos=load_chaos(options.chaos),
            data=options.data,
        ),
    )
    sys.exit(status)


if __name__ == "__main__":
    main()
