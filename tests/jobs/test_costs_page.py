"""The page on costs says what the arithmetic uses."""

from __future__ import annotations

import re
from pathlib import Path

from shared.models.prices import Prices

PAGE = (Path(__file__).parents[2] / "docs/costs.md").read_text(encoding="utf-8")


def test_the_page_has_the_prices_that_count() -> None:
    told = {name: float(price) for name, price in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", PAGE, re.M)}
    assert told == Prices().to_document()


def test_the_page_s_example_is_a_file_of_prices() -> None:
    example = re.findall(r"^    (\{.*\})$", PAGE, re.M)
    assert Prices.from_message(example[0]).network == 0.12
