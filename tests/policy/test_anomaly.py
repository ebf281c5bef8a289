"""When rotation must stop: a table."""

from __future__ import annotations

import pytest

from shared.policy.anomaly import Difference, Thresholds, anomaly


@pytest.mark.parametrize(
    ("difference", "found"),
    [
        (Difference(1000, 1000), ""),
        (Difference(1000, 2000), ""),
        (Difference(1000, 499), "501 of 1000 entries are gone"),
        (Difference(1000, 500, 500), ""),
        (Difference(1000, 0, 1000), "1000 of 1000 entries are gone"),
        (Difference(1000, 5000, 501), "501 of 1000 entries are gone"),
        (Difference(1000, 1000, 0, 501), "501 of 1000 entries were overwritten"),
        (Difference(1000, 1000, 0, 500), ""),
        (Difference(1000, 1000, 300, 201), "300 of 1000 entries are gone and 201 were overwritten"),
        (Difference(1000, 1000, 300, 200), ""),
        (Difference(99, 0, 99), ""),
        (Difference(0, 10**9), ""),
    ],
)
def test_most_gone_or_overwritten_is_told(difference: Difference, found: str) -> None:
    assert anomaly({"entries": difference}, Thresholds()) == found


def test_every_content_is_looked_at_by_itself() -> None:
    told = anomaly(
        {"users": Difference(200, 0), "entries": Difference(10**6, 10**6), "media": Difference(500, 1)},
        Thresholds(),
    )
    assert told == "499 of 500 media are gone; 200 of 200 users are gone"


def test_thresholds_can_be_moved() -> None:
    assert anomaly({"a": Difference(10, 8)}, Thresholds(gone=0.1, least=1))
    assert not anomaly({"a": Difference(10, 0)}, Thresholds(gone=1.0, least=1))
