"""Every provider, and every decorator around one, keeps every promise of the port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from provider_samples import Flaky, HandClock, local

from shared.clock import Clock
from shared.conformance.promise import Broken
from shared.conformance.provider import CHECKS, check_provider, check_put_is_create_only
from shared.providers.contract import ABSENT, Provider, Version
from shared.providers.local import LocalProvider
from shared.providers.retry import Backoff, RetryingProvider


def retrying(inner: Provider, clock: HandClock) -> RetryingProvider:
    return RetryingProvider(inner, Backoff(), sleep=clock.sleep, jitter=Random(1).random)


def plain(root: Path, clock: HandClock) -> Provider:
    return local(root, clock)


def retried(root: Path, clock: HandClock) -> Provider:
    return retrying(local(root, clock), clock)


def retried_over_failures(root: Path, clock: HandClock) -> Provider:
    return retrying(Flaky(local(root, clock), 2), clock)


@pytest.mark.parametrize("make", [plain, retried, retried_over_failures])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_provider_keeps_its_promises(
    check: Callable[[Provider, str, Clock], None],
    make: Callable[[Path, HandClock], Provider],
    tmp_path: Path,
) -> None:
    clock = HandClock()
    check(make(tmp_path / "store", clock), "conformance/one", clock)


def test_all_checks_run_in_one_place_and_leave_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    provider = local(tmp_path, clock)
    check_provider(provider, "doctor", clock)
    assert list(provider.list("")) == []


def test_a_provider_that_overwrites_is_found_out(tmp_path: Path) -> None:
    class Overwriting(LocalProvider):
        def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
            self.delete(key)
            return super().put(key, data, expect)

    clock = HandClock()
    with pytest.raises(Broken, match="never replaces"):
        check_put_is_create_only(Overwriting(tmp_path, clock, local(tmp_path)._random), "x", clock)
