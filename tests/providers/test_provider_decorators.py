"""Counting and refusing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from provider_samples import HandClock, local

from shared.errors import Conflict, Denied, NotFound
from shared.providers.contract import Span
from shared.providers.metered import Count, MeteredProvider
from shared.providers.readonly import ReadOnlyProvider
from shared.providers.speed import measure


def test_calls_failures_and_bytes_are_counted(tmp_path: Path) -> None:
    metered = MeteredProvider(local(tmp_path))
    metered.put("a", b"12345")
    with pytest.raises(Conflict):
        metered.put("a", b"1234567")
    metered.get("a")
    metered.get("a", Span(1, 2))
    with pytest.raises(NotFound):
        metered.get("b")
    metered.stat("a")
    assert len(list(metered.list(""))) == 1
    metered.delete("a")
    counts = metered.counts()
    assert counts["put"] == Count(calls=2, failed=1, up=5)
    assert counts["get"] == Count(calls=3, failed=1, down=7)
    assert (counts["stat"], counts["list"], counts["delete"], counts["hold"]) == (
        Count(1),
        Count(1),
        Count(1),
        Count(0),
    )


def test_many_threads_lose_no_count(tmp_path: Path) -> None:
    metered = MeteredProvider(local(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: metered.put(f"k{number}", b"xx"), range(200)))
    assert metered.counts()["put"] == Count(calls=200, up=400)


def test_read_only_changes_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    inner = local(tmp_path, clock)
    version = inner.put("a", b"x")
    provider = ReadOnlyProvider(inner)
    for act in (
        lambda: provider.put("b", b"y"),
        lambda: provider.put("a", b"y", version),
        lambda: provider.delete("a"),
        lambda: provider.delete("nothing"),
        lambda: provider.hold("a", clock.now()),
    ):
        with pytest.raises(Denied, match="for reading only"):
            act()
    assert provider.get("a") == b"x"
    assert [found.key for found in provider.list("")] == ["a"]
    assert provider.stat("a") == inner.stat("a")


def test_a_measurement_leaves_nothing(tmp_path: Path) -> None:
    class Ticking(HandClock):
        def monotonic(self) -> float:
            self.sleep(1.0)
            return super().monotonic()

    provider = local(tmp_path)
    speed = measure(provider, "bench/x", Ticking(), lambda size: b"x" * size, size=1000, count=8, at_once=4)
    assert speed.up == speed.down == pytest.approx(8000)
    assert list(provider.list("")) == []
