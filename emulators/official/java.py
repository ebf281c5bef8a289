"""`java`, as firebase-tools calls it: for our archive's name it is our Firestore, for any other the real Java.

`java FLAGS -version` says that there is a Java that firebase-tools accepts. With `-jar` and the path in
FIRESTORE_EMULATOR_BINARY_PATH it serves Firestore until SIGINT; else it becomes the next `java` on the path.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import shutil
import sys
from pathlib import Path

from emulators.official.control import RULES_WARNING
from emulators.official.firestore import OfficialFirestore
from emulators.parent import die_with_parent
from emulators.serving import serve
from shared.errors import BadInput

_VERSION = 'openjdk version "21.0.0" (not a Java: it starts the Firestore emulator of firekeep)\n'


def main(argv: list[str]) -> int:
    """An exit status, unless this process becomes another."""
    if "-version" in argv:
        sys.stderr.write(_VERSION)
        return 0
    jar, flags = _split(argv)
    if jar is None or jar != os.environ.get("FIRESTORE_EMULATOR_BINARY_PATH"):
        return _real_java(argv)
    die_with_parent(os.getppid())
    logging.basicConfig(level=logging.WARNING, format="firestore %(levelname)s %(message)s")
    # Millions of long-lived versions make full collections slow and free nothing: there are no cycles among them.
    gc.set_threshold(100_000, 50, 1000)
    return serve("firestore", lambda: _firestore(flags))


def _split(argv: list[str]) -> tuple[str | None, list[str]]:
    """The archive and what follows it."""
    if "-jar" not in argv[:-1]:
        return None, []
    at = argv.index("-jar")
    return argv[at + 1], argv[at + 2 :]


def _firestore(flags: list[str]) -> OfficialFirestore:
    """The emulator that these flags ask for. Raises BadInput for what it cannot do."""
    parser = argparse.ArgumentParser(prog="firestore", allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--functions_emulator")
    parser.add_argument("--rules")
    parser.add_argument("--seed_from_export")
    parser.add_argument("--database-edition", default="standard")
    # The rest is about the Emulator UI and about mistakes in project names.
    options, _ = parser.parse_known_args(flags)
    if options.seed_from_export:
        raise BadInput(
            "starting Firestore with --import: this emulator does not read exports of the official one",
            hint="leave --import away, and write the data with a client",
        )
    if options.database_edition != "standard":
        raise BadInput(f"starting Firestore: it has no {options.database_edition!r} edition")
    if options.rules:
        logging.warning(RULES_WARNING)
    return OfficialFirestore(options.host, options.port, options.functions_emulator)


def _real_java(argv: list[str]) -> int:
    here = Path(sys.argv[0]).parent
    folders = [folder for folder in os.get_exec_path() if Path(folder) != here]
    java = shutil.which("java", path=os.pathsep.join(folders))
    if java is not None:
        os.execv(java, ["java", *argv])
    sys.stderr.write("java: there is none on this machine, and only Firestore can do without\n")
    return 1


if __name__ == "__main__":
    sys.argv[0] = sys.argv.pop(1)
    sys.exit(main(sys.argv[1:]))
