"""What a plan did to whom, in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from emulators.chaos.controller import Fired, tally


def report(seed: str, fired: Iterable[Fired]) -> str:
    """A line for each service, with how often each kind of fault struck it."""
    counts = tally(fired)
    if not counts:
        return f"chaos {seed}: nothing was struck\n"
    lines = [
        f"  {service:<10} {', '.join(f'{kind} {number}' for kind, number in sorted(counts[service].items()))}\n"
        for service in sorted(counts)
    ]
    return f"chaos {seed} struck:\n{''.join(lines)}"
