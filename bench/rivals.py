"""restic and borg from Debian's packages, and our engine, each a process of its own: how long, and how much memory.

The packages are fetched with apt-get at first use and unpacked into build/, never installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.corpus import Corpus
from bench.place import TREE

_CACHE = TREE / "build" / "bench-rivals"
_PACKAGES = (
    *("restic", "borgbackup"),
    *("python3-msgpack", "python3-packaging", "python3-pkg-resources", "libxxhash0"),
)
_PYTHON = Path("/usr/bin/python3")
_LIMIT_S = 600
_SAMPLE_S = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and the most bytes of memory that were resident at any sample."""

    seconds: float
    peak: int


@dataclass(frozen=True)
class Tool:
    """A program with a repository of its own. Words in braces stand for the corpus, a snapshot, where to restore."""

    name: str
    repository: Path
    init: Sequence[str]
    first: Sequence[str]
    second: Sequence[str]
    verify: Sequence[str]
    restore: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, words: Sequence[str], cwd: Path = TREE) -> Spent:
        return _spent(words, {**os.environ, **self.environment}, cwd)


def missing() -> str:
    """Why they cannot be measured; empty when they can."""
    if (_CACHE / "root").is_dir():
        return ""
    archives, unpacked = _CACHE / "archives", _CACHE / "unpacked"
    archives.mkdir(parents=True, exist_ok=True)
    try:
        _quietly(["apt-get", "download", "-qq", *_PACKAGES], archives)
        for package in archives.glob("*.deb"):
            _quietly(["dpkg-deb", "-x", str(package), str(unpacked)], archives)
        unpacked.rename(_CACHE / "root")
        _quietly([*_borg(), "--version"], _CACHE, _borg_environment(_CACHE))
    except (OSError, subprocess.SubprocessError) as error:
        return f"restic and borg could not be fetched as Debian packages ({type(error).__name__})"
    return ""


def versions() -> str:
    """What is measured against, as the programs tell it."""
    told = (
        _quietly([str(_CACHE / "root/usr/bin/restic"), "version"], _CACHE),
        _quietly([*_borg(), "--version"], _CACHE, _borg_environment(_CACHE)),
    )
    return " and ".join(" ".join(one.split()[:2]) for one in told)


def ours(place: Path, corpus: Corpus) -> Tool:
    start = [sys.executable, "-m", "bench.engine", str(place), str(corpus.files.parent)]
    return Tool(
        "ours",
        place,
        init=[*start, "init"],
        first=[*start, "backup", "one"],
        second=[*start, "backup", "two", "one"],
        verify=[*start, "verify"],
        restore=[*start, "restore", "two", "{to}"],
    )


def restic(place: Path, corpus: Corpus) -> Tool:
    start = [str(_CACHE / "root/usr/bin/restic"), "-q", "-r", str(place), "--cache-dir", f"{place}.cache"]
    backup = [*start, "backup", str(corpus.files)]
    return Tool(
        "restic",
        place,
        init=[*start, "init"],
        first=backup,
        second=backup,
        verify=[*start, "check", "--read-data"],
        restore=[*start, "restore", "latest", "--target", "{to}"],
        environment={"RESTIC_PASSWORD": "bench"},
    )


def borg(place: Path, corpus: Corpus) -> Tool:
    start = _borg()
    create = [*start, "create", "--compression", "zstd,3"]
    return Tool(
        "borg",
        place,
        init=[*start, "init", "-e", "repokey-blake2", str(place)],
        first=[*create, f"{place}::one", str(corpus.files)],
        second=[*create, f"{place}::two", str(corpus.files)],
        verify=[*start, "check", "--verify-data", str(place)],
        restore=[*start, "extract", f"{place}::two"],
        environment=_borg_environment(place.with_name(place.name + ".home")),
    )


def _borg() -> list[str]:
    return [str(_PYTHON), str(_CACHE / "root/usr/bin/borg")]


def _borg_environment(home: Path) -> dict[str, str]:
    root = _CACHE / "root/usr/lib"
    return {
        "BORG_BASE_DIR": str(home),
        "BORG_PASSPHRASE": "bench",
        "PYTHONPATH": str(root / "python3/dist-packages"),
        "LD_LIBRARY_PATH": str(root / f"{os.uname().machine}-linux-gnu"),
    }


def _quietly(command: Sequence[str], cwd: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
        timeout=_LIMIT_S,
    )
    return done.stdout


def _spent(command: Sequence[str], environment: dict[str, str], cwd: Path) -> Spent:
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peak, ended = 0, threading.Event()

    def sample() -> None:
        nonlocal peak
        while not ended.wait(_SAMPLE_S):
            peak = max(peak, _resident(process.pid))

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        _, told = process.communicate(timeout=_LIMIT_S)
        seconds = time.perf_counter() - began
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        ended.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {told[-1000:]}")
    return Spent(seconds, peak)


def _resident(process: int) -> int:
    """Bytes of a process and of those it started; 0 when it has ended."""
    try:
        own = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return own + sum(_resident(int(child)) for child in children)
