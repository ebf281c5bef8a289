"""An estimate is the truth where it can be known, says where it cannot, and reads nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import requests
from content import client_of, fill, state_of
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from world import World, entries

from emulators.auth import AuthEmulator
from emulators.storage import StorageEmulator
from shared.contents import CONTENTS
from shared.jobs.asked import want
from shared.jobs.costs import Estimate, Found, Past, work_out
from shared.jobs.estimate import estimate
from shared.models.jobs import Asked, Choice, Selection
from shared.models.prices import Prices
from shared.models.sets import BackupSet

NewWorld = Callable[..., World]
BEFORE = Past("b0", {"entries": Found(100, 50_000)}, 10_000, 0, 2.04)


@pytest.mark.parametrize(
    ("found", "past", "bytes_", "stored", "reads", "assumptions"),
    [
        ({}, None, 0, 0, 0, 1),
        ({"entries": Found(0)}, None, 0, 0, 0, 2),
        ({"entries": Found(1_000)}, None, 1_000_000, 400_000, 1_003, 3),
        ({"entries": Found(1_001)}, BEFORE, 500_500, 100_100, 1_007, 0),
        ({"media": Found(10, 9_000)}, None, 9_000, 8_100, 0, 2),
        ({"media": Found(10, 9_000)}, BEFORE, 9_000, 8_100, 0, 2),
        ({"entries": Found(10), "users": Found(3, 600)}, BEFORE, 5_600, 2_240, 13, 3),
    ],
    ids=["nothing", "empty", "assumed", "like-the-last", "files", "files-unlike-the-last", "more-than-the-last"],
)  # fmt: skip
def test_the_arithmetic(
    found: dict[str, Found], past: Past | None, bytes_: int, stored: int, reads: int, assumptions: int
) -> None:
    told = work_out(found, past, Prices())
    assert (told.bytes, told.stored, told.reads) == (bytes_, stored, reads)
    assert len(told.assumptions) == assumptions


def test_time_follows_the_last_backup() -> None:
    as_before = work_out({"entries": Found(100)}, BEFORE, Prices())
    assert as_before.seconds == pytest.approx(2.04)
    assert work_out({"entries": Found(100_000)}, BEFORE, Prices()).seconds == pytest.approx(42, rel=0.01)


def test_files_that_are_known_are_not_paid_for_again() -> None:
    found = {"media": Found(1_000, 10**9)}
    priced = Prices(network=0.12)
    first = work_out(found, None, priced)
    again = work_out(found, Past("b0", found, 0, 10**7, 3.0), priced)
    assert first.usd["network"] == pytest.approx(0.12)
    assert again.usd["network"] == pytest.approx(0.0012)
    assert again.usd_per_month == 0


def test_prices_are_by_what_is_paid_for() -> None:
    nothing = Prices(**dict.fromkeys(Prices.model_fields, 0.0))
    found = {"entries": Found(99_700)}
    assert set(work_out(found, None, nothing).usd.values()) == {0.0}
    reads = work_out(found, None, nothing.changed(documents_read=0.06))
    assert sum(reads.usd.values()) == pytest.approx(0.06)
    assert work_out({"media": Found(1, 10**9)}, BEFORE, Prices()).usd_per_month == pytest.approx(0.018)


def test_the_whole_is_as_exact_as_its_least_exact_part() -> None:
    kinds = {"entries": Found(1, 1, "at most"), "users": Found(1, 1)}
    assert work_out(kinds, None, Prices()).exactness == "at most"
    assert work_out({**kinds, "media": Found(1, 1, "at least")}, None, Prices()).exactness == "at least"


def of(world: World, **asked: object) -> Estimate:
    ports = world.ports()
    return estimate(ports, want(ports, Asked(**asked)), Prices())


@pytest.mark.parametrize(
    ("include", "exclude", "exactness"),
    [
        ((), (), "exact"),
        (("shops", "users/u001"), ("shops/s1",), "exact"),
        ((), ("shops", "shops/s1/items", "backups", "nowhere"), "exact"),
        (("shops/s1", "odd"), ("shops",), "exact"),
        (("shops",), ("odd",), "exact"),
        (("shops/*/items",), (), "at most"),
        ((), ("**/logs",), "at most"),
    ],
)
def test_documents_are_counted_as_the_backup_then_finds_them(
    new_world: NewWorld, include: tuple[str, ...], exclude: tuple[str, ...], exactness: str
) -> None:
    world = new_world()
    fill(client_of(world.settings.project))
    told = of(world, selection=entries(*include, exclude=exclude))
    world.snapshot("b1", selection=entries(*include, exclude=exclude))
    items = world.ports().catalog.backup("b1").metadata.items
    assert told.exactness == exactness
    assert items == told.contents["entries"].records or (exactness == "at most" and items < told.reads)


def test_a_second_backup_is_foretold_by_the_first(new_world: NewWorld) -> None:
    world = new_world()
    fill(client_of(world.settings.project))
    assert of(world).assumptions
    world.snapshot("b1")
    told, past = of(world), world.repository().manifest("b1")
    assert told.assumptions == ()
    assert told.contents["entries"].records == len(state_of(world.settings.project))
    assert told.bytes == past.statistics["entriesBytes"]
    assert told.stored == past.statistics["storedBytes"]
    assert told.seconds == pytest.approx(past.statistics["seconds"])


def test_a_set_is_estimated_as_what_it_means(new_world: NewWorld) -> None:
    world = new_world()
    fill(client_of(world.settings.project))
    world.ports().catalog.save_preset(BackupSet(name="shop", selection=entries("shops")))
    assert of(world, set="shop").contents["entries"].records == 6 + 24


@pytest.fixture
def accounts() -> Iterator[str]:
    emulator = AuthEmulator("127.0.0.1", 0)
    yield emulator.start()
    emulator.stop()


@pytest.fixture
def with_files(new_world: NewWorld) -> Iterator[World]:
    """A world with a bucket of 30 files of 1,000 bytes in two folders, and one of 0."""
    emulator = StorageEmulator()
    address = emulator.start()
    client = storage.Client(
        project="demo-firekeep",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://{address}"},
    )
    world = new_world()
    fill(client_of(world.settings.project))
    bucket = client.create_bucket("files-of-the-app")
    for number in range(30):
        bucket.blob(f"{'odd' if number % 2 else 'even'}/f{number}").upload_from_string(
            secrets.token_bytes(1_000)
        )
    bucket.blob("empty").upload_from_string(b"")
    chosen = replace(
        world.settings,
        contents=("entries", "media"),
        buckets=("files-of-the-app",),
        storage_emulator=f"http://{address}",
    )
    yield World(chosen)
    client.close()
    emulator.stop()


def test_files_are_listed_with_their_sizes(with_files: World) -> None:
    found = of(with_files).contents["media"]
    assert found.records == 31
    assert 30_000 < found.bytes < 40_000  # type: ignore[operator]  # files, and the keys they are kept under
    odd = of(with_files, selection=Selection(media=Choice(exclude=("files-of-the-app/even", "*/empty"))))
    assert (odd.contents["media"].records, odd.contents["media"].exactness) == (15, "exact")
    with_files.snapshot("b1")
    assert with_files.repository().manifest("b1").statistics["mediaBytes"] == found.bytes


def test_without_time_what_was_seen_is_a_lower_bound(with_files: World) -> None:
    ports = with_files.ports()
    told = estimate(ports, want(ports, Asked()), Prices(), seconds=0.0)
    assert told.contents["media"].exactness == told.exactness == "at least"
    assert told.contents["entries"].exactness == "exact"


def test_every_content_is_foretold_as_the_backup_then_has_it(with_files: World, accounts: str) -> None:
    project = with_files.settings.project
    for number in range(3):
        requests.post(
            f"http://{accounts}/identitytoolkit.googleapis.com/v1/projects/{project}/accounts",
            json={"localId": f"u{number}", "email": f"u{number}@example.com", "password": "secret-1"},
            headers={"Authorization": "Bearer owner"},
            timeout=10,
        ).raise_for_status()
    client_of(project).document("config/app").set({"theme": "dark"})
    world = World(
        replace(
            with_files.settings,
            contents=CONTENTS,
            auth_emulator=accounts,
            settings_collections=("config",),
        )
    )
    told = of(world)
    assert told.contents["users"].records == 3
    world.snapshot("b1")
    made = world.repository().manifest("b1")
    assert {name: one.records for name, one in told.contents.items()} == {
        name: root.count for name, root in made.roots.items()
    }
    assert told.contents["settings"].records > 0
    assert told.exactness == "exact"
