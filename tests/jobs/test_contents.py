"""All contents in one snapshot: files, settings and accounts beside documents, with crashes at any moment."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from content import client_of
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from world import Fuse, World

from emulators.auth import AuthEmulator
from emulators.storage import StorageEmulator
from shared import wiring
from shared.clock import SystemClock
from shared.contents import CONTENTS
from shared.errors import Denied
from shared.format.forms import FORMS
from shared.jobs.ports import Ports, Report
from shared.jobs.remake import remake
from shared.jobs.repair import Repaired, findings_of
from shared.models.jobs import Choice, EntriesChoice, Selection, VerifyRequest
from shared.repository.checking.steps import Steps
from shared.repository.findings import Tally
from shared.repository.layout import pack_key
from shared.repository.tree import scan
from shared.sources.contract import Scope
from shared.sources.users import UNPACED, UsersSource, open_http
from shared.state.contract import TaskId

NewWorld = Callable[..., World]
NewApp = Callable[..., "App"]
State = dict[str, dict[str, bytes]]
_SPARE = 12
"""Moments at the end that are left out: files change how many checkpoints there are by a few from run to run."""
ADMIN = {"Authorization": "Bearer owner"}


@dataclass(frozen=True)
class Services:
    storage: str
    auth: str


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    files, accounts = StorageEmulator("127.0.0.1", 0), AuthEmulator("127.0.0.1", 0)
    found = Services(f"http://{files.start()}", accounts.start())
    os.environ["STORAGE_EMULATOR_HOST"] = found.storage
    yield found
    del os.environ["STORAGE_EMULATOR_HOST"]
    files.stop()
    accounts.stop()


class App:
    """A small app with something of every content."""

    def __init__(self, world: World, services: Services) -> None:
        self.project = world.settings.project
        self.bucket = f"{self.project}.firebasestorage.app"
        world.settings = replace(
            world.settings,
            contents=CONTENTS,
            storage_emulator=services.storage,
            auth_emulator=services.auth,
            settings_collections=("config",),
        )
        self.world = world
        self._identity = f"http://{services.auth}/identitytoolkit.googleapis.com/v1"
        self._accounts = f"{self._identity}/projects/{self.project}/accounts"
        self._cloud = storage.Client(project=self.project, credentials=AnonymousCredentials())

    def fill(self) -> None:
        chance = random.Random(7)
        client = client_of(self.project)
        for number in range(12):
            client.document(f"users/u{number:02}").set({"file": f"gs://{self.bucket}/f/{number}.bin"})
        client.document("config/app").set({"theme": "dark"})
        bucket = self._cloud.create_bucket(self.bucket)
        for number in range(12):
            blob = bucket.blob(f"f/{number}.bin")
            blob.metadata = {"firebaseStorageDownloadTokens": f"token-{number}"}
            blob.upload_from_string(chance.randbytes(number * 700), content_type="image/png")
        for number in range(12):
            self._post(
                "", localId=f"u{number:02}", email=f"u{number}@example.com", password=f"secret-{number}"
            )

    def state(self) -> State:
        """Every record as it is now, but for what no restore brings back."""
        found: State = {}
        ports = self.world.ports()
        for content in CONTENTS:
            source = ports.sources[content]
            excluded = (*ports.own_collections(ports.place), "config") if content == "entries" else ()
            scope = Scope(exclude=excluded)
            records = [
                (key, value)
                for part in source.plan(scope, source.now()).parts
                for keys, values in source.read(part)
                for key, value in zip(keys, values, strict=True)
            ]
            form = FORMS[content]
            found[content] = {form.name(key): form.bare(value) for key, value in records}
        return found

    def lose_everything(self) -> None:
        client = client_of(self.project)
        for path in ("users", "config"):
            for document in client.collection(path).stream():
                document.reference.delete()
        for blob in self._cloud.list_blobs(self.bucket):
            blob.delete()
        self._post(":batchDelete", localIds=[f"u{number:02}" for number in range(12)], force=True)

    def _post(self, path: str, **body: Any) -> None:
        requests.post(self._accounts + path, json=body, headers=ADMIN, timeout=10).raise_for_status()


@pytest.fixture
def new_app(new_world: NewWorld, services: Services) -> NewApp:
    def make(fuse: Fuse | None = None) -> App:
        app = App(new_world(fuse), services)
        app.fill()
        return app

    return make


def held(world: World, backup_id: str) -> State:
    repository = world.repository()
    roots = repository.manifest(backup_id).roots
    return {
        content: {
            FORMS[content].name(key): FORMS[content].bare(value)
            for keys, values in scan(repository, roots[content])
            for key, value in zip(keys, values, strict=True)
        }
        for content in roots
    }


def whole(world: World, backup_id: str) -> bool:
    request = VerifyRequest(verify_id=f"v{secrets.token_hex(4)}", backup_id=backup_id, depth="data")
    reports: list[Report] = world.run("backup-verify", request.to_message())
    return reports[-1].outcome == "verified"


def test_everything_lost_comes_back(new_app: NewApp) -> None:
    app = new_app()
    before = app.state()
    assert {content: len(records) for content, records in before.items()} == {
        "entries": 12,
        "media": 12,
        "settings": 2,
        "users": 12,
    }
    app.world.snapshot("b1")
    assert held(app.world, "b1") == before
    assert whole(app.world, "b1")
    app.lose_everything()
    report = app.world.restore("r1", "b1")[-1]
    assert (report.outcome, report.facts["created"]) == ("completed", 12 + 12 + 1 + 12)
    assert app.state() == before
    again = app.world.restore("r2", "b1")[-1]
    assert (again.facts["created"], again.facts["updated"]) == (0, 0)


def test_the_catalog_and_the_manifest_tell_of_every_content(new_app: NewApp) -> None:
    world = new_app().world
    world.snapshot("b1")
    backup = world.ports().catalog.backup("b1")
    assert backup.content.entries == ("users",)
    assert backup.content.media == (f"{world.settings.project}.firebasestorage.app",)
    assert backup.content.users == ("(no tenant)",)
    assert backup.content.settings
    assert backup.metadata.items == 38
    manifest = world.repository().manifest("b1")
    assert manifest.skew.keys() == {"media", "settings", "users"}
    assert all(0 <= seconds < 60 for seconds in manifest.skew.values())
    assert manifest.excluded["config"] == 1


def test_what_is_unchanged_is_not_downloaded_again(new_app: NewApp) -> None:
    app = new_app()
    app.world.snapshot("b1")
    app.world.snapshot("b2")
    first, second = (app.world.repository().manifest(name) for name in ("b1", "b2"))
    assert (first.statistics["filesDownloaded"], second.statistics["filesDownloaded"]) == (12, 0)
    assert second.statistics["filesTakenOver"] == 12
    assert second.roots == first.roots


def test_accounts_take_the_parameters_of_their_hashes_along(new_app: NewApp) -> None:
    app = new_app()
    app.world.snapshot("b1", selection=Selection(users=Choice()))
    assert held(app.world, "b1").keys() == {"settings", "users"}
    before = app.state()
    app.lose_everything()
    app.world.restore("r1", "b1", selection=Selection(users=Choice(include=("u03", "u04"))))
    after = app.state()
    assert after["users"] == {name: before["users"][name] for name in ("/u03", "/u04")}
    assert after["media"] == after["entries"] == {}


def test_documents_that_point_to_lost_files_are_named(new_app: NewApp) -> None:
    app = new_app()
    client_of(app.project).document("users/u00").set({"file": f"gs://{app.bucket}/never/was.png"})
    app.world.snapshot("b1")
    facts = app.world.ports().ledger.load(TaskId("b1")).data
    assert facts["missingFiles"] == 1
    assert "users/u00 points to the file" in facts["audit"][0]


def _crash_in_snapshot(new_app: NewApp, moment: int) -> None:
    app = new_app(Fuse(moment))
    app.world.snapshot("b1")
    assert app.world.crashes == 1, "the planned crash never happened"
    assert held(app.world, "b1") == app.state()
    assert whole(app.world, "b1")
    assert not [error for error in app.world.errors if not error.retryable]


def _crash_in_restore(new_app: NewApp, moment: int) -> None:
    app = new_app()
    app.world.snapshot("b1")
    before = app.state()
    app.lose_everything()
    world, app.world.fuse = app.world, Fuse(moment)
    world.restore("r1", "b1")
    assert world.crashes == 1, "the planned crash never happened"
    assert app.state() == before
    assert world.ports().catalog.recovery("r1").status == "completed"


def _moments(new_app: NewApp, *, restoring: bool) -> int:
    app = new_app()
    app.world.snapshot("b1")
    if not restoring:
        return len(app.world.fuse.moments)
    app.lose_everything()
    app.world.fuse = Fuse()
    app.world.restore("r1", "b1")
    return len(app.world.fuse.moments)


@pytest.mark.parametrize("restoring", [False, True], ids=["snapshot", "restore"])
def test_a_crash_at_some_moments_loses_nothing(new_app: NewApp, restoring: bool) -> None:
    moments = _moments(new_app, restoring=restoring)
    assert moments > 20
    crash = _crash_in_restore if restoring else _crash_in_snapshot
    for moment in range(2, moments - _SPARE, max(1, moments // 6)):
        crash(new_app, moment)


@pytest.mark.slow
@pytest.mark.parametrize("restoring", [False, True], ids=["snapshot", "restore"])
def test_a_crash_at_any_moment_loses_nothing(new_app: NewApp, restoring: bool) -> None:
    crash = _crash_in_restore if restoring else _crash_in_snapshot
    for moment in range(1, _moments(new_app, restoring=restoring) - _SPARE):
        crash(new_app, moment)


def test_a_backup_without_the_hashes_of_passwords_stops_before_it_reads(new_app: NewApp) -> None:
    """Somebody who may list accounts, but is not told hashes: the role to grant is named, nothing is backed up."""
    app = new_app()
    world, ports = app.world, app.world.ports

    def unprivileged() -> Ports:
        real = ports()
        source = UsersSource(
            open_http(world.settings.auth_emulator),
            app.project,
            clock=SystemClock(),
            jitter=lambda: 0.5,
            endpoint=world.settings.auth_emulator,
            bearer="ya29.somebody",
            options=UNPACED,
        )
        return replace(real, sources={**real.sources, "users": source})

    world.ports = unprivileged  # type: ignore[method-assign]
    world.snapshot("b1")
    assert isinstance(world.errors[-1], Denied)
    assert "roles/firebaseauth.admin" in str(world.errors[-1])
    assert world.ports().catalog.backup("b1").status == "failed"
    assert list(world.repository().snapshots()) == []
    world.snapshot("b2", selection=Selection(entries=EntriesChoice()))
    assert world.ports().catalog.backup("b2").status == "completed"


def test_files_and_records_are_made_anew_from_what_is_live_where_it_has_not_changed(new_app: NewApp) -> None:
    app = new_app()
    world = app.world
    world.snapshot("b1")
    steps = Steps(world.repository(), Tally())
    assert steps.frame() == []
    damaged = 0
    for pack in sorted(steps.walk("b1")[1]):
        path = Path(world.settings.repository) / pack_key(pack)
        kept = path.read_bytes()
        path.write_bytes(kept[: len(kept) // 2])
        found = findings_of(wiring.open_repository(world.settings, salvage=True), ["b1"])
        lost = [one for one in found if one.lost is not None]
        if lost and all("chunk " in one.message and one.content == "media" for one in lost):
            damaged += 1
            continue
        path.write_bytes(kept)
    assert damaged
    assert not whole(world, "b1")
    done = Repaired()
    remake(world.ports(), wiring.open_repository(world.settings, salvage=True), ["b1"], done)
    assert any(line.startswith("media: ") for line in done.remade)
    assert whole(world, "b1")
