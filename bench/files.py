"""Files, measured against restic and borg on one directory: backups, verify, restore, size, memory."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench import rivals
from bench.corpus import Corpus, change, make
from bench.place import TREE, folder
from bench.report import Row, Section, mebibytes, times
from bench.rivals import Spent, Tool
from bench.scale import Scale

_METHOD = """\
{count:,} files of 10 KB to 5 MB, {size} together, half of them random bytes and half text, one in five a copy of
another; for the second version one file in twenty is overwritten in the middle, appended to or inserted into. Every
program is a process of its own each time and works on the same directory, into a repository on the same disk, with
everything in the disk's cache: {versions}, and ours, which goes through the same code as the files of a bucket do, from
a source that reads a directory and is told checksums, as a bucket tells them. All encrypt; borg by repokey-blake2 with
`--compression zstd,3`, restic as it comes, ours with zstd 3 and every pack flushed to the disk. *Verify* reads and
opens everything: `check --read-data`, `check --verify-data`. *Memory* is resident, sampled fifty times a second.
Medians of {runs}, the programs taking turns, each with its own repositories. Load average {load:.1f} when it began."""
_READING = (
    (
        "Ours is Python around libraries in C and Rust that let other threads run meanwhile. Of the 6.5 processor "
        "seconds of a first backup of 1.1 GiB, 2.7 are zstd on the text, and 1.5 the disk's cache taking the packs; "
        "restic takes 10.5 seconds in all. On two cores that cannot be twice as fast at the same compression."
    ),
    (
        "A second backup that finds nearly everything unchanged is mostly the start of the program: of ours, some "
        "0.35 s are the interpreter, the imports and the opening of the repository."
    ),
    (
        "A restore is bound by what the disk's cache takes: copying the same files with `cp` takes 1.2 processor "
        "seconds, a restore 3."
    ),
    (
        "Memory in a first backup: up to 32 MiB fetched ahead, as much waiting to be sealed, packs being stored, and "
        "what the allocator keeps for each thread; with `MALLOC_ARENA_MAX=2` in the environment it is a quarter less."
    ),
)
_DOINGS = ("first backup", "second backup", "verify with full read", "restore to files")
_AIM = 2.0
_MAKERS = (rivals.ours, rivals.restic, rivals.borg)

Times = dict[tuple[str, str], list[Spent]]
"""By doing and tool."""


def measure(scale: Scale) -> Section:
    load, why = os.getloadavg()[0], rivals.missing()
    makers = _MAKERS[:1] if why else _MAKERS
    with folder() as place:
        corpus = make(place.path, scale.files)
        size = corpus.size
        tools = [
            [maker(place.path / f"{maker.__name__}-{run}", corpus) for maker in makers]
            for run in range(scale.runs)
        ]
        spent, sizes = _measured(tools, corpus, place.path / "restored")
    rows = [Row("files, against others", why)] if why else []
    rows += [*_rows(spent), *_sizes(sizes, size)]
    method = _METHOD.format(
        count=scale.files, size=mebibytes(size), runs=scale.runs, load=load, versions=why or rivals.versions()
    )
    return Section("Files", method, rows, _READING)


def _measured(runs: list[list[Tool]], corpus: Corpus, restored: Path) -> tuple[Times, dict[str, int]]:
    spent: Times = defaultdict(list)
    for tool in (tool for tools in runs for tool in tools):
        tool.run(tool.init)
        spent[_DOINGS[0], tool.name].append(tool.run(tool.first))
    change(corpus)
    os.sync()
    for tool in (tool for tools in runs for tool in tools):
        spent[_DOINGS[1], tool.name].append(tool.run(tool.second))
    for tool in (tool for tools in runs for tool in tools):
        spent[_DOINGS[2], tool.name].append(tool.run(tool.verify))
        spent[_DOINGS[3], tool.name].append(_restored(tool, corpus, restored))
    return spent, {tool.name: _bytes(tool.repository) for tool in runs[0]}


def _restored(tool: Tool, corpus: Corpus, to: Path) -> Spent:
    """What was restored must be the second version."""
    to.mkdir()
    try:
        spent = tool.run([word.format(to=to) for word in tool.restore], to if tool.name == "borg" else TREE)
        whole = to if tool.name == "ours" else to / corpus.files.relative_to("/")
        names = corpus.names()
        same, differing, lost = filecmp.cmpfiles(corpus.files, whole, names, shallow=False)
        if len(same) != len(names):
            raise RuntimeError(
                f"{tool.name} restored {len(same)} of {len(names)} files: {(differing + lost)[:3]}"
            )
        return spent
    finally:
        shutil.rmtree(to)


def _rows(spent: Times) -> Iterator[Row]:
    tools = list(dict.fromkeys(tool for _, tool in spent))
    for doing in _DOINGS:
        taken = {tool: median(one.seconds for one in spent[doing, tool]) for tool in tools}
        yield _row(doing, taken, "{:.2f} s".format, _AIM)
    for doing in _DOINGS:
        peaks = {tool: median(one.peak for one in spent[doing, tool]) for tool in tools}
        yield _row(f"{doing}, memory", peaks, mebibytes)


def _sizes(sizes: dict[str, int], size: int) -> Iterator[Row]:
    yield Row("size of the first version", mebibytes(size))
    row = _row("size of the repository with both versions", sizes, mebibytes)
    others = [size for tool, size in sizes.items() if tool != "ours"]
    met = sizes["ours"] <= min(others) if others else None
    yield replace(row, aim="no larger" if others else "", met=met)


def _row(doing: str, found: Mapping[str, float], told: Callable[[float], str], aim: float = 0) -> Row:
    mine, others = found["ours"], {tool: one for tool, one in found.items() if tool != "ours"}
    if not others:
        return Row(doing, told(mine))
    ratio = min(others.values()) / mine
    compared = ", ".join(f"{tool}: {told(one)}" for tool, one in others.items())
    return Row(
        doing, told(mine), compared, times(ratio), times(aim) if aim else "", ratio >= aim if aim else None
    )


def _bytes(repository: Path) -> int:
    return sum(path.stat().st_size for path in repository.rglob("*") if path.is_file())
