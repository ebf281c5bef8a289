"""`python -m emulators.pubsub --host 127.0.0.1 --port 0 [--topology FILE]`: serves until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from emulators.pubsub.server import PubSubEmulator
from emulators.pubsub.topology import parse_topology
from shared.errors import FirekeepError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators.pubsub", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--topology", type=Path, help="a JSON file of topics and subscriptions to start with")
    options = parser.parse_args(argv)
    try:
        text = options.topology.read_text() if options.topology else "{}"
        emulator = PubSubEmulator(options.host, options.port, parse_topology(text))
        signals = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        address = emulator.start()
    except (FirekeepError, OSError) as problem:
        sys.stderr.write(f"pubsub: {problem}\n")
        return problem.exit_status if isinstance(problem, FirekeepError) else 1
    sys.stdout.write(f"pubsub ready {address}\n")
    sys.stdout.flush()
    signal.sigwait(signals)
    emulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
