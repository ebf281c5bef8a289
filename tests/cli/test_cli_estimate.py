"""`firekeep estimate` against a Firestore with real data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_desk import Desk, firestore, new_desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with firestore() as host:
        yield new_desk(tmp_path_factory.mktemp("desk"), host, every=400)


def test_it_tells_what_the_backup_then_is(desk: Desk) -> None:
    first = desk.json("estimate")
    assert first["contents"]["entries"]["items"] == len(desk.loaded)
    assert first["exactness"] == "exact"
    assert first["assumptions"]
    assert desk.json("ls")["backups"] == []
    made = desk.json("backup", "--id", "b1")
    again = desk.json("estimate")
    assert again["bytes"] == made["bytes"]
    assert again["storedBytes"] == made["storedBytes"]
    assert again["assumptions"] == []
    text = desk.done("estimate")
    assert f"documents  {len(desk.loaded):,}, " in text
    assert "USD" in text


def test_prices_are_one_s_own(desk: Desk, tmp_path: Path) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"documentsRead": 100_000, "storage": 0}))
    told = desk.json("estimate", "--prices", str(prices))
    assert told["usd"]["documentsRead"] == told["reads"]
    assert told["usdPerMonth"] == 0
    prices.write_text(json.dumps({"documentRead": 1}))
    refused = desk.json("estimate", "--prices", str(prices), status=2)
    assert "documentRead: unknown field" in refused["error"]["message"]
    assert desk.json("estimate", "--prices", str(tmp_path / "none"), status=3)["error"]["code"] == "not_found"


def test_it_takes_a_choice_a_set_or_a_template(desk: Desk) -> None:
    desk.done("set", "save", "air", "--prefix", "airports")
    desk.done("template", "save", "air", "--set", "air", "--max-size", "1MB")
    wanted = sum(path.startswith("airports/") for path in desk.loaded)
    for words in (("--prefix", "airports"), ("--set", "air"), ("--template", "air")):
        told = desk.json("estimate", *words)
        assert told["contents"]["entries"]["items"] == wanted
    assert told["maxSize"] == 1_000_000
    assert "of 1.0 MB allowed" in desk.done("estimate", "--template", "air")
    assert "at most" in desk.done("estimate", "--except", "entries=*/a*")
    assert desk.json("estimate", "--set", "none", status=3)["error"]["code"] == "not_found"
