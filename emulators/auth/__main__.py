"""`python -m emulators.auth --host 127.0.0.1 --port 0 [--project-id ID]`: serves until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys

from emulators.auth.server import AuthEmulator
from shared.errors import FirekeepError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators.auth", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--project-id",
        default="demo-firekeep",
        help="the project of calls that name none: those of client apps",
    )
    options = parser.parse_args(argv)
    try:
        emulator = AuthEmulator(options.host, options.port, options.project_id)
        signals = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        address = emulator.start()
    except FirekeepError as problem:
        sys.stderr.write(f"auth: {problem}\n")
        return problem.exit_status
    sys.stdout.write(f"auth ready {address}\n")
    sys.stdout.flush()
    signal.sigwait(signals)
    emulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
