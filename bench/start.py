"""Cold start: how long the import of each function's module takes, and until its ports are ready."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from bench.place import TREE, emulator, environment, folder
from bench.report import Row, Section
from bench.scale import Scale
from functions.table import FUNCTIONS

_METHOD = """\
In a new interpreter each time, its byte code cached: `import main; getattr(main, NAME)`, without the interpreter's own
start. *Ready*: until the function's ports are wired, the key is unwrapped and the index loaded, which imports what the
job will need. Medians of {runs}."""

_READING = (
    (
        "The import is pydantic, grpc and the jobs. Google's Firestore client, which keeps the job's state, is "
        "imported only when the ports are wired: that is most of the difference to *ready*."
    ),
)
_RUNS = 5
_LIMIT_S = 1.0
_IMPORT = "import main; getattr(main, {name!r})"
_READY = "from shared.wiring import ports; ports().repository()"
_TIMED = "from time import perf_counter as now; began = now(); {code}; print(now() - began)"


def measure(scale: Scale) -> Section:
    with emulator() as database, folder() as place:
        chosen = place.settings(database)
        variables = {
            "FIREKEEP_PROJECT": chosen.project,
            "FIREKEEP_REPOSITORY": chosen.repository,
            "FIREKEEP_KEY_FILE": str(chosen.key_file),
            "FIRESTORE_EMULATOR_HOST": database.host,
            "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",
        }
        with environment(variables):
            rows = [_row(spec.name) for spec in FUNCTIONS]
    return Section("Cold start", _METHOD.format(runs=_RUNS), rows, _READING)


def _row(name: str) -> Row:
    code = _IMPORT.format(name=name)
    seconds, ready = _median(code), _median(f"{code}; {_READY}")
    return Row(
        f"import of `{name}`",
        f"{seconds:.2f} s",
        f"ready: {ready:.2f} s",
        aim=f"{_LIMIT_S} s",
        met=seconds < _LIMIT_S,
    )


def _median(code: str) -> float:
    return median(_once(code) for _ in range(_RUNS))


def _once(code: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(code=code)],
        cwd=TREE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return float(done.stdout)
