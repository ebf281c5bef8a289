"""Our Pub/Sub as firebase-tools starts it: `--host=HOST --port=PORT`, until SIGINT."""

from __future__ import annotations

import os
import sys

from emulators.parent import die_with_parent
from emulators.pubsub.__main__ import main

if __name__ == "__main__":
    die_with_parent(os.getppid())
    sys.exit(main(sys.argv[2:]))
