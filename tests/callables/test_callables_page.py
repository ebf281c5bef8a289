"""The page about callables tells what there is."""

from __future__ import annotations

import re
from pathlib import Path

from functions.callable.protocol import MAX_BODY_BYTES
from functions.table import FUNCTIONS
from shared.models.callables import CALLABLES
from shared.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "callables.md").read_text(encoding="utf-8")


def test_the_page_lists_every_callable_with_its_role_and_models() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| `(\w+)` \| `(\w+)` \| (.*) \|$", PAGE, re.M)
    assert rows == [
        (one.name, one.role, one.input.__name__, one.output.__name__, one.summary) for one in CALLABLES
    ]


def test_the_page_tells_the_limits() -> None:
    (api,) = [spec for spec in FUNCTIONS if spec.name == "api"]
    costs = {spec.name: spec.cost for spec in CALLABLES}
    assert f"{MAX_BODY_BYTES:,} bytes" in PAGE
    assert f"{Settings.calls_per_minute} calls a minute" in PAGE
    assert f"at most {api.workers}" in PAGE
    assert costs["estimateBackup"] == 10
    assert costs["requestBackup"] == costs["requestRestore"] == 5
