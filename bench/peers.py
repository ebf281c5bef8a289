"""The npm package `firestore-export-import` on the same emulator: see peer/measure.mjs.

It is what people use who back up Firestore by themselves. Installed from peer/package-lock.json at first use.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.data import flat
from bench.place import load
from emulators.datasets.load import Database

NAME = "firestore-export-import"
_FOLDER = Path(__file__).resolve().parent / "peer"
_TIMEOUT_S = 600
_WARM = 2_000


@dataclass(frozen=True)
class Peer:
    """Documents per second, read and written."""

    documents: int
    read: float
    written: float
    read_cpu_s: float


def missing() -> str:
    """Why the peer cannot be measured; empty when it can."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed"
    if (_FOLDER / "node_modules" / NAME).is_dir():
        return ""
    done = subprocess.run(
        ["npm", "ci"], cwd=_FOLDER, capture_output=True, text=True, check=False, timeout=300
    )
    return "" if done.returncode == 0 else "`npm ci` in bench/peer failed"


def measure(database: Database, how: Literal["WHOLE", "OWN"], collections: Sequence[str]) -> Peer:
    """Read these collections with the peer, and write them to an empty database. OWN: without subcollections."""
    load(database, ((f"warmUp/{place}", fields) for place, (_, fields) in enumerate(flat(_WARM, 1))))
    command = ["node", "--max-old-space-size=8192", "measure.mjs", how, *collections]
    variables = {
        "FIRESTORE_EMULATOR_HOST": database.host,
        "GOOGLE_CLOUD_PROJECT": database.project,
        "METADATA_SERVER_DETECTION": "none",  # or it looks for Google's credentials on the network first
    }
    done = subprocess.run(
        command,
        cwd=_FOLDER,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_TIMEOUT_S,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    documents = found["documents"]
    read, written = found["read"], found["written"]
    return Peer(documents, documents / read["seconds"], documents / written["seconds"], read["cpuSeconds"])
