"""A stack of all services as processes, and Google's clients for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from soak_helpers import Clients, clients, whole_stack


@pytest.fixture(scope="module")
def services() -> Iterator[Clients]:
    with whole_stack() as stack, clients(stack) as made:
        yield made
