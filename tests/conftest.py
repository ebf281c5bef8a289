"""What every test leaves behind as it found it: the process's logging, which functions set up for themselves.

And what the programs that tests start find: a shell that runs the tests in the background has them ignore Ctrl-C, and
so would every program they start.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
