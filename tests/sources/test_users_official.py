"""The source of accounts against Google's own Auth emulator, whose hashes, order and imports are others than ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from test_users_writing import FULL
from users_rig import APPS, Place, Project, accounts, one, put, read_all, seed

from shared.conformance.source import CHECKS, Case
from shared.contents import USERS
from shared.errors import Incomplete
from shared.format.flat import encode as key_of
from shared.format.forms import FORMS
from shared.format.user import decode
from shared.sources.contract import Kind, Method, Plan, Result, Scope, Write
from shared.sources.users import UsersSource

pytestmark = pytest.mark.node
FORM = FORMS[USERS]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    environment = {**os.environ, "NODE_PATH": str(ROOT / "node" / "node_modules")}
    process = subprocess.Popen(
        ["node", str(Path(__file__).with_name("users_official.cjs"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    made = Place(process.stdout.readline().strip())
    try:
        yield made
    finally:
        made.close()
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


class Sorted(UsersSource):
    """Reads as a job does that saw that the order is another."""

    def plan(self, scope: Scope, at: datetime, cuts: Any = ()) -> Plan:
        plan = super().plan(scope, at, cuts)
        return replace(plan, parts=tuple(replace(part, method=Method.SORT) for part in plan.parts))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_accounts_keep(check: Callable[[Case], None], place: Place) -> None:
    project = Project(place, f"demo-{check.__name__.replace('_', '-')}")
    records = accounts(project.tenant())
    check(Case(project.source(kind=Sorted), Scope(), dict(sorted(records.items())[::3]), FORM))


def test_its_order_is_that_of_javascript_and_noticed(place: Place) -> None:
    source = Project(place, "demo-order").source()
    seed(source, [put("\uffff"), put("\U0010ffff")])
    with pytest.raises(Incomplete):
        read_all(source)
    assert len(read_all(Project(place, "demo-order").source(kind=Sorted))) == 2


def test_people_sign_in_again_and_when_sessions_were_revoked_comes_back(place: Place) -> None:
    project = Project(place, APPS)
    source = project.source(hash_config=lambda _: None)
    uid = project.signed_up("a@example.com", "secret-1")
    source.check_hashes()
    project.admin("update", localId=uid, validSince="1700000000")
    records = read_all(source)
    assert decode(records[key_of("", uid)])["passwordHash"].startswith("fakeHash:")
    seed(source, [Write(key, Kind.DROP, b"", FORM.guard(value)) for key, value in records.items()])
    seed(source, [Write(key, Kind.PUT, value, None) for key, value in records.items()])
    live = read_all(source)
    assert all(FORM.equal(records[key], live[key]) for key in records)
    assert project.live(uid)["validSince"] == "1700000000"
    assert project.signed_in("a@example.com", "secret-1") == uid
    assert not project.signed_in("a@example.com", "secret-2")


def test_every_field_comes_back_that_it_takes_and_the_others_are_named(place: Place) -> None:
    project = Project(place, "demo-fields")
    outcome = one(project.source(), put("a/ü", **FULL))
    assert outcome.result is Result.DONE
    assert outcome.reason == "not brought back: customAuth, dateOfBirth, language, screenName, timeZone"
