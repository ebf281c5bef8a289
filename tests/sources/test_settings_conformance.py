"""The source of settings keeps every promise of the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from firestore_data import every_value
from firestore_rig import source as firestore
from settings_rig import WRITABLE, Place, new_project

from shared.conformance.source import CHECKS, Case
from shared.contents import SETTINGS
from shared.format.forms import FORMS
from shared.format.key import key_of_path
from shared.format.setting import encode_document
from shared.sources.contract import Scope

BUCKETS = ("a.appspot.com", "a", "empty")
PREFIXES = ("auth/idps", "firestore/documents", "firestore/rules", "remote-config", "storage")
DOCUMENTS = {
    key_of_path(f"firestore/documents/{path}"): encode_document(value)
    for path, value in [
        *((f"config/{number}", value) for number, value in enumerate(list(every_value().values())[:4])),
        ("flags/a/b/c", next(iter(every_value().values()))),
        ("flags/é/b/__id7__", b""),
    ]
}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


def case(place: Place, host: str) -> Case:
    project = new_project()
    source = place.source(
        project,
        buckets=BUCKETS,
        elsewhere={"a": f"{project}.a"},
        documents=firestore(host, project),
        collections=("config", "flags/a", "flags/é"),
    )
    return Case(source, Scope(PREFIXES), dict(sorted({**WRITABLE, **DOCUMENTS}.items())), FORMS[SETTINGS])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_settings_keep(check: Callable[[Case], None], place: Place, host: str) -> None:
    place.services.rules.releases.clear()
    check(case(place, host))
