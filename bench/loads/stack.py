"""`python -m bench.loads.stack`: the whole local stack, as `firekeep dev` starts it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from emulators.stack import Stack, StackOptions

_TREE = (
    Path(__file__).resolve().parents[2]
)  # bench.place has it too, but imports what the stack does not need


def main() -> None:
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    options = StackOptions(source=_TREE / "main.py", storage_port=0, auth_port=0, log=lambda *_: None)
    with Stack(options) as stack:
        sys.stdout.write(f"stack ready {stack.url}\n")
        sys.stdout.flush()
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
