"""The source of accounts keeps every promise of the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from users_rig import Place, accounts, started

from shared.conformance.source import CHECKS, Case
from shared.contents import USERS
from shared.format.forms import FORMS
from shared.sources.contract import Scope


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with started() as made:
        yield made


def case(place: Place, scope: Scope | None = None) -> Case:
    project = place.project()
    tenant = project.tenant()
    records = accounts(tenant)
    return Case(project.source(), scope or Scope(prefixes=("/", tenant)), records, FORMS[USERS])


@pytest.mark.parametrize("scope", [Scope(), None], ids=["everything", "prefixes"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_accounts_keep(check: Callable[[Case], None], scope: Scope | None, place: Place) -> None:
    check(case(place, scope))


def test_they_keep_it_in_tenants_of_other_names(place: Place) -> None:
    project = place.project()
    tenant = project.tenant()
    source = project.source(elsewhere={"as-it-was": tenant})
    for check in CHECKS:
        check(Case(source, Scope(), accounts("as-it-was"), FORMS[USERS]))
