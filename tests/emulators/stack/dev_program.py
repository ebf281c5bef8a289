"""`run_dev` as a program: arguments are SEEN_DIR and, when there is one, the command."""

from __future__ import annotations

import sys

from stack_helpers import APP, NOWHERE, topic_function

from emulators.dev import run_dev
from emulators.stack import StackOptions

if __name__ == "__main__":
    options = StackOptions(
        APP,
        (topic_function("echo"), topic_function("hang")),
        firestore_address=NOWHERE,
        env={"SEEN_DIR": sys.argv[1]},
    )
    sys.exit(run_dev(sys.argv[2] if len(sys.argv) > 2 else None, options))
