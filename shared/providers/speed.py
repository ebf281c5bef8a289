"""How fast a store takes and gives objects, with one or several transfers at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from shared.clock import Clock
from shared.providers.contract import Provider


@dataclass(frozen=True)
class Speed:
    """Bytes per second, with `at_once` transfers at the same time."""

    at_once: int
    up: float
    down: float


def measure(
    provider: Provider,
    place: str,
    clock: Clock,
    random: Callable[[int], bytes],
    *,
    size: int = 4 << 20,
    count: int = 32,
    at_once: int = 1,
) -> Speed:
    """Put `count` objects of `size` bytes below `place`, an unused key's beginning, read them, and delete them."""
    data = random(size)
    keys = [f"{place}/{number}" for number in range(count)]
    with ThreadPoolExecutor(at_once) as pool:
        up = _seconds(clock, lambda: list(pool.map(lambda key: provider.put(key, data), keys)))
        down = _seconds(clock, lambda: list(pool.map(lambda key: len(provider.get(key)), keys)))
        list(pool.map(provider.delete, keys))
    return Speed(at_once, size * count / up, size * count / down)


def _seconds(clock: Clock, work: Callable[[], object]) -> float:
    began = clock.monotonic()
    work()
    return max(clock.monotonic() - began, 1e-9)
