"""`python -m emulators.storage --host 127.0.0.1 --port 0`: serves until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from emulators.chaos.process import add_chaos_option, load_chaos
from emulators.serving import serve
from emulators.storage.server import SOFT_DELETE, StorageEmulator


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators.storage", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--project-id", default="demo-firekeep", help="the project of the buckets made at the start"
    )
    parser.add_argument(
        "--bucket", action="append", default=[], help="a bucket to start with; may be repeated"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep everything there across runs")
    parser.add_argument("--pubsub", metavar="HOST:PORT", help="the Pub/Sub emulator that notifications go to")
    parser.add_argument("--events", metavar="URL", help="post changes of objects there as CloudEvents")
    parser.add_argument(
        "--events-filter",
        action="append",
        default=[],
        metavar="BUCKET",
        help="the bucket whose changes are posted; may be repeated",
    )
    parser.add_argument(
        "--soft-delete",
        type=int,
        metavar="SECONDS",
        default=int(SOFT_DELETE.total_seconds()),
        help="how long new buckets keep deleted objects when they do not say; 0 for not at all",
    )
    add_chaos_option(parser)
    options = parser.parse_args(argv)
    return serve(
        "storage",
        lambda: StorageEmulator(
            options.host,
            options.port,
            project=options.project_id,
            buckets=options.bucket,
            pubsub=options.pubsub,
            data=options.data,
            events=options.events,
            event_buckets=options.events_filter,
            soft_delete=timedelta(seconds=options.soft_delete),
            chaos=load_chaos(options.chaos),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
