"""`python -m bench`: measure, print the table, and with `--write` keep it in docs/performance.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bench import changes, emulators, files, memory, restore, services, snapshot, start, stores
from bench.place import TREE
from bench.report import Section, as_markdown, as_text, machine, put_sections, wrapped
from bench.scale import QUICK, Scale

MEASURES: dict[str, Callable[[Scale], Section]] = {
    "snapshot": snapshot.measure,
    "restore": restore.measure,
    "changes": changes.measure,
    "files": files.measure,
    "bucket": services.measure_files,
    "accounts": services.measure_accounts,
    "stores": stores.measure,
    "memory": memory.measure,
    "start": start.measure,
    "emulators": emulators.measure,
}

_PAGE = TREE / "docs" / "performance.md"
_INTRODUCTION = """\
on {machine}, with a load average of {load:.1f} when it began. The Firestore emulator is a process of its own on the
same cores and often sets the pace, so what counts are the ratios within this run, not the rates. A document is about
550 bytes in fourteen fields of every common type, a reference in one of four; a snapshot compresses it to 40 %.
`make bench` measures again and prints the numbers; `python -m bench --write` replaces this page, `python -m bench
MEASURE --write` one section of it; `python -m bench --help` tells how to measure one thing, or everything quickly
and roughly. Remarks with numbers that no row has come from profiles of the same code."""


def main() -> None:
    options = _arguments()
    scale = QUICK if options.quick else Scale()
    if options.workers:
        scale = replace(scale, workers=options.workers)
    began, load = time.monotonic(), os.getloadavg()[0]
    sections = [_measured(name, scale) for name in options.measures or MEASURES]
    print(as_text(sections))
    print(f"\n{machine()}; {time.monotonic() - began:.0f} s")
    if options.write:
        whole = not options.measures
        _PAGE.write_text(_page(sections, load) if whole else put_sections(_PAGE.read_text(), sections))
        print(f"written: {_PAGE.relative_to(TREE)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, as ratios in one run.")
    parser.add_argument(
        "measures", nargs="*", metavar="MEASURE", help=f"{', '.join(MEASURES)}; all by default"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the documents, each once: rough")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="worker processes; as many as cores by default"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="keep the result in docs/performance.md: the page, or the sections of the measures that are named",
    )
    options = parser.parse_args()
    unknown = set(options.measures) - set(MEASURES)
    if unknown:
        parser.error(f"there is no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    return options


def _measured(name: str, scale: Scale) -> Section:
    print(f"measuring: {name}", file=sys.stderr, flush=True)
    return MEASURES[name](scale)


def _page(sections: Sequence[Section], load: float) -> str:
    command = " ".join(["python -m bench", *sys.argv[1:]])
    introduction = wrapped(_INTRODUCTION.format(machine=machine(), load=load))
    head = f"# Performance\n\nMeasured in one run on one machine by\n\n    {command}\n\n{introduction}"
    return f"{head}\n\n{as_markdown(sections)}\n"


if __name__ == "__main__":
    main()
