"""The Firestore source keeps every promise of the port."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from firestore_data import every_value, hostile_tree
from firestore_rig import SMALL, source

from shared.conformance.source import EXACT_CHECKS, Case
from shared.contents import ENTRIES
from shared.format.forms import FORMS
from shared.format.key import key_of_path
from shared.sources.contract import Scope

CONTENT = {**every_value(), **hostile_tree()}
RECORDS = {key_of_path(path): value for path, value in CONTENT.items()}
NAMED = Scope(prefixes=tuple({path.split("/")[0] for path in CONTENT} | {"a/b/c", "values/all"}))


@pytest.mark.parametrize("scope", [Scope(), NAMED], ids=["everything", "prefixes"])
@pytest.mark.parametrize("check", EXACT_CHECKS, ids=lambda check: check.__name__)
def test_firestore_keeps(check: Callable[[Case], None], scope: Scope, host: str, project: str) -> None:
    few = check.__name__ in ("check_resumes_after_every_key", "check_guards")
    records = dict(sorted(RECORDS.items())[:: 5 if few else 1])
    check(Case(source(host, project, limits=SMALL, page_size=7), scope, records, FORMS[ENTRIES]))


def test_firestore_keeps_them_under_another_name_as_well(host: str, project: str) -> None:
    for check in EXACT_CHECKS:
        target = source(host, project, "restored", known_as="(default)")
        check(Case(target, Scope(), dict(sorted(RECORDS.items())[::4]), FORMS[ENTRIES]))
