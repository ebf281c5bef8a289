"""Parts pass through JSON unchanged, and nothing else passes for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import BadInput
from shared.sources.contract import Method, Part
from shared.sources.parts import part_from_json, part_to_json

PART = Part(
    3, b"a\x00\x01\x00\xff", b"", Method.WALK, 12, datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "a/é/b"
)


def test_a_part_passes_through_json_unchanged() -> None:
    assert part_from_json(json.loads(json.dumps(part_to_json(PART)))) == PART


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1}, {"start": "zz"}, {"start": 5}, {"method": "guess"}, {"expected": -1}, {"expected": "3"},
        {"number": True},         {"at": "yesterday"}, {"at": "2025-01-02T03:04:05"}, {"path": None},
    ],
)  # fmt: skip
def test_what_is_no_part_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        part_from_json({**part_to_json(PART), **change})
    missing = part_to_json(PART)
    missing.pop("path")
    with pytest.raises(BadInput):
        part_from_json(missing)
