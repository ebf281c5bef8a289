"""The two key services, for each test its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from keys_services import Services, key_services


@pytest.fixture
def services() -> Iterator[Services]:
    with key_services() as running:
        yield running
