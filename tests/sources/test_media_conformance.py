"""The source of stored files keeps every promise of the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from media_rig import FIELDS, NAMES, Place, body_of, record

from shared.conformance.source import CHECKS, Case
from shared.contents import MEDIA
from shared.format.flat import encode as key_of
from shared.format.forms import FORMS
from shared.sources.contract import Scope


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


def case(place: Place, known_as: str = "") -> Case:
    buckets = [place.bucket().name, place.bucket().name]
    files = {(bucket, name): body_of(name) for bucket in buckets for name in NAMES}
    elsewhere = {f"{known_as}{bucket}": bucket for bucket in buckets}
    keys = {place: key_of(f"{known_as}{place[0]}", place[1]) for place in files}
    records = {
        keys[place]: record(data, **FIELDS[number % len(FIELDS)])
        for number, (place, data) in enumerate(files.items())
    }
    source = place.source(*elsewhere, elsewhere=elsewhere)
    bodies = {keys[place]: data for place, data in files.items()}
    return Case(source, Scope(), dict(sorted(records.items())), FORMS[MEDIA], bodies)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_stored_files_keep(check: Callable[[Case], None], place: Place) -> None:
    check(case(place))


def test_they_keep_it_in_buckets_of_other_names(place: Place) -> None:
    for check in CHECKS[1:3]:
        check(case(place, known_as="theirs-"))
