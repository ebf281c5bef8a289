"""Trying again: only what may help, bounded, with jitter, and never mistaking our own success for a conflict."""

from __future__ import annotations

from pathlib import Path

import pytest
from provider_samples import Flaky, local

from shared.errors import BadInput, Conflict, NotFound, Unavailable
from shared.providers.contract import Provider
from shared.providers.retry import Backoff, RetryingProvider


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def retrying(inner: Provider, waits: Waits, jitter: float = 0.5, attempts: int = 5) -> RetryingProvider:
    return RetryingProvider(inner, Backoff(attempts, 1.0, 3.0), sleep=waits, jitter=lambda: jitter)


def test_waits_double_up_to_the_most_times_jitter(tmp_path: Path) -> None:
    waits = Waits()
    retrying(Flaky(local(tmp_path), 4), waits).put("a", b"x")
    assert waits.seconds == [0.5, 1.0, 1.5, 1.5]


def test_after_the_last_attempt_the_failure_is_told_and_not_waited_for(tmp_path: Path) -> None:
    waits = Waits()
    with pytest.raises(Unavailable):
        retrying(Flaky(local(tmp_path), 5), waits).put("a", b"x")
    assert len(waits.seconds) == 4


def test_only_what_may_pass_is_tried_again(tmp_path: Path) -> None:
    waits, provider = Waits(), local(tmp_path)
    provider.put("a", b"x")
    with pytest.raises(NotFound):
        retrying(provider, waits).get("b")
    with pytest.raises(Conflict):
        retrying(provider, waits).put("a", b"x")
    with pytest.raises(BadInput):
        retrying(provider, waits).get("../a")
    assert waits.seconds == []


def test_a_put_whose_answer_was_lost_is_a_success(tmp_path: Path) -> None:
    inner = local(tmp_path)
    version = retrying(Flaky(inner, 1, after=True), Waits()).put("a", b"mine")
    assert inner.stat("a").version == version
    assert inner.get("a") == b"mine"


@pytest.mark.parametrize("theirs", [b"longer than mine", b"abcd"])
def test_a_put_that_failed_before_it_landed_still_conflicts_with_anothers(
    tmp_path: Path, theirs: bytes
) -> None:
    inner = local(tmp_path)
    inner.put("a", theirs)
    with pytest.raises(Conflict):
        retrying(Flaky(inner, 1), Waits()).put("a", b"mine")
    assert inner.get("a") == theirs


def test_a_replace_whose_answer_was_lost_is_left_to_the_caller(tmp_path: Path) -> None:
    """Somebody else may have stored the same bytes: taking them for ours would lose an update."""
    inner = local(tmp_path)
    first = inner.put("a", b"first")
    with pytest.raises(Conflict):
        retrying(Flaky(inner, 1, after=True), Waits()).put("a", b"second", first)
    assert inner.get("a") == b"second"


def test_a_broken_listing_goes_on_where_it_broke(tmp_path: Path) -> None:
    inner, waits = local(tmp_path), Waits()
    keys = [f"k{number:02}" for number in range(20)]
    for key in keys:
        inner.put(key, b"x")
    listed = [found.key for found in retrying(Flaky(inner, 2), waits).list("")]
    assert listed == keys
    assert waits.seconds


def test_a_listing_that_never_gets_on_ends_with_the_failure(tmp_path: Path) -> None:
    inner, waits = local(tmp_path), Waits()
    for number in range(5):
        inner.put(f"k{number}", b"x")
    with pytest.raises(Unavailable):
        list(retrying(Flaky(inner, 100, list_fails_at=0), waits).list(""))
    assert len(waits.seconds) == 4


def test_absurd_back_off_is_refused() -> None:
    for arguments in ((0, 1.0, 2.0), (3, 2.0, 1.0), (3, -1.0, 1.0)):
        with pytest.raises(BadInput):
            Backoff(*arguments)
