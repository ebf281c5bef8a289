"""A plan for an emulator in a process of its own: a JSON file named by `--chaos`.

`{"seed": …, "faults": […], "log": PATH}`; what fires is appended to the file `log`, when it is named.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from emulators.chaos.controller import Chaos
from emulators.chaos.plan import Plan
from shared.errors import BadInput

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_chaos_option(parser: ArgumentParser) -> None:
    parser.add_argument("--chaos", type=Path, metavar="FILE", help="a plan of what is to go wrong, as JSON")


def load_chaos(file: Path | None) -> Chaos | None:
    """The controller for the plan in a file, if one is named. Raises BadInput when it cannot be read."""
    if file is None:
        return None
    try:
        text = file.read_text("utf-8")
    except (OSError, ValueError) as problem:
        raise BadInput(f"reading the chaos plan {file}: {problem}") from problem
    plan = Plan.from_json(text)
    log = json.loads(text).get("log")
    return Chaos(plan, Path(log) if log else None)


def write_chaos(file: Path, plan: Plan, log: Path) -> None:
    """Makes such a file."""
    file.write_text(json.dumps({**plan.to_json(), "log": str(log)}), "utf-8")
