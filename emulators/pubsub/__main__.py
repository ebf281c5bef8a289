"""`python -m emulators.pubsub --host 127.0.0.1 --port 0 [--topology FILE]`: serves until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emulators.chaos.process import add_chaos_option, load_chaos
from emulators.pubsub.server import PubSubEmulator
from emulators.pubsub.topology import parse_topology
from emulators.serving import serve


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators.pubsub", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--topology", type=Path, help="a JSON file of topics and subscriptions to start with")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep everything there")
    add_chaos_option(parser)
    options = parser.parse_args(argv)

    def make() -> PubSubEmulator:
        topology = parse_topology(options.topology.read_text()) if options.topology else None
        chaos = load_chaos(options.chaos)
        return PubSubEmulator(options.host, options.port, topology, chaos, options.data)

    return serve("pubsub", make)


if __name__ == "__main__":
    sys.exit(main())
