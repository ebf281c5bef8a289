"""The demonstration step by step: each is timed, and told in a line as soon as it is done."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from cli.commands.backup import reading as snapshot_reading
from cli.commands.restore import reading as restore_reading
from cli.commands.verify import reading as verify_reading
from cli.demo.app import App, Look, load_app, look
from cli.demo.damage import Damage, damage, edit, lose, tamper
from cli.demo.place import Place, demo_place
from cli.demo.report import Facts, report
from cli.interrupt import Interrupted
from cli.jobs import RESTORE, SNAPSHOT, VERIFY, Job, new_id, perform, watched
from cli.output import Output, count, duration, rate, size
from cli.progress import terminal
from shared import wiring
from shared.clock import SystemClock
from shared.errors import IntegrityError
from shared.models.jobs import RestoreRequest, SnapshotRequest, VerifyRequest

if TYPE_CHECKING:
    from shared.state.contract import Task

_T = TypeVar("_T")
_STEPS = 13


def run_demo(out: Output, *, every: int, tampering: str | None) -> None:
    """Tell the story, with every so many-th document of the world. `tampering` names what kind of thing is changed
    after the restore. IntegrityError when what was lost did not come back."""
    try:
        with _stopping():
            facts = _told(out, every, tampering)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted("the demo was stopped; nothing is left of it") from None
    out.result(facts.as_json(), report(facts))
    if not facts.identical:
        raise IntegrityError(
            f"after the restore {facts.told_wrong}: {facts.example}",
            hint="this must never happen; please report it with the log named above",
        )


@contextmanager
def _stopping() -> Iterator[None]:
    """Being told to end, or the end of the terminal, is what Ctrl-C is."""
    told = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, signal.default_int_handler) for one in told]
    try:
        yield
    finally:
        for one, handler in zip(told, before, strict=True):
            signal.signal(one, handler)


def _told(out: Output, every: int, tampering: str | None) -> Facts:
    with ExitStack() as everything:
        story = _Story(out)
        place = story.step(
            "start the local stack",
            lambda: everything.enter_context(demo_place(out)),
            lambda place: (
                f"Firestore, Storage, Auth, Pub/Sub and {count(len(place.stack.options.table), 'function')}"
            ),
        )
        story.tell(place, every, tampering)
        return story.facts


class _Story:
    def __init__(self, out: Output) -> None:
        self._out = out
        self._clock = SystemClock()
        # Elsewhere than on a terminal, a line a step is enough.
        self._quiet = out if terminal() else Output(json=True)
        self.facts = Facts()

    def step(self, name: str, work: Callable[[], _T], told: Callable[[_T], str]) -> _T:
        """Do `work`, then tell its name, how long it took, and what came of it."""
        began = self._clock.monotonic()
        answer = work()
        seconds = self._clock.monotonic() - began
        self.facts.steps.append((name, seconds))
        self._out.note(
            f"{len(self.facts.steps):>2}/{_STEPS}  {name:<40}{duration(seconds):>7}   {told(answer)}"
        )
        return answer

    def tell(self, place: Place, every: int, tampering: str | None) -> None:
        """All steps after the first."""
        app = self._load(place, every)
        self._back_up(place)
        app, backup_id = self._back_up_again(place, app)
        self._verify(place)
        collection = self._damage(place, app)
        self._restore(place, f"restore the collection {collection}", self._only(backup_id, collection))
        self._restore(place, "restore everything, exactly", {"backupId": backup_id, "exact": True})
        self._look(place, app, "read everything again")
        self._lose(place, app)
        self._restore(place, "restore from what is kept elsewhere", {"backupId": backup_id})
        if tampering:
            tamper(place.services, app, tampering)
        self._look(place, app, "read everything, follow URLs, sign in")

    def _load(self, place: Place, every: int) -> App:
        def told(app: App) -> str:
            self.facts.data_bytes = app.bytes
            return f"{app}, {size(app.bytes)}"

        return self.step("load a small app", lambda: load_app(place.services, every), told)

    def _back_up(self, place: Place) -> None:
        """Ask as an app would: a document in `backupRequests`, whose id becomes the backup's."""
        from google.cloud import firestore

        client = firestore.Client(project=place.services.database.project)
        job = self._snapshot_job()
        asked = {"requestedBy": "demo", "requestedAt": self._clock.now()}

        def work() -> Task:
            client.collection("backupRequests").document(job.id).set(asked)
            return watched(wiring.build_ports(place.chosen), self._quiet, job)

        def told(task: Task) -> str:
            self.facts.first_bytes = _repository_bytes(place)
            per_second = rate(
                task.data["items"], (task.data["endedAt"] - task.data["startedAt"]).total_seconds()
            )
            return (
                f"{count(task.data['items'], 'record')}, {per_second}, {size(self.facts.first_bytes)} stored"
            )

        self.step("back up: a document asks for it", work, told)

    def _back_up_again(self, place: Place, app: App) -> tuple[App, str]:
        """A few changes later, ask over Pub/Sub."""
        job = self._snapshot_job()

        def work() -> App:
            edited = edit(place.services, app)
            perform(place.chosen, self._quiet, job, via_functions=True)
            return edited

        def told(edited: App) -> str:
            facts = self.facts
            facts.second_bytes = _repository_bytes(place) - facts.first_bytes
            facts.edited = edited.changes(app)
            facts.documents, facts.files = len(edited.documents), len(edited.files)
            facts.accounts, facts.settings = len(edited.accounts), len(edited.settings)
            facts.urls, facts.passwords = edited.urls, edited.passwords
            return f"{count(facts.edited)} changed, {size(facts.second_bytes)} stored"

        return self.step("change a few, back up: a topic", work, told), job.id

    def _verify(self, place: Place) -> None:
        verify_id = self._id("verify")
        request = VerifyRequest(verify_id=verify_id, depth="data")
        job = Job(verify_id, VERIFY, request.to_message(), verify_reading, "")

        def told(task: Task) -> str:
            self.facts.verified = list(task.data["verified"])
            if task.data["damaged"] or len(self.facts.verified) != 2:
                raise IntegrityError(
                    "the verify function found damage", hint="; ".join(task.data["findings"][:3])
                )
            return "every byte of both backups is whole"

        self.step("verify", lambda: perform(place.chosen, self._quiet, job, via_functions=True), told)

    def _damage(self, place: Place, app: App) -> str:
        """The name of the collection that is lost whole."""

        def told(done: Damage) -> str:
            self.facts.damage = done
            return (
                f"{count(done.dropped)} dropped with {done.collection}, {count(done.deleted)} deleted, "
                f"{count(done.rewritten)} ruined, {count(done.added)} junk; files, accounts"
            )

        done = self.step("damage", lambda: damage(place.services, app), told)

        def told_damaged(seen: Look) -> str:
            self.facts.damaged = str(seen)
            wrong = [one.wrong for one in (seen.documents, seen.files, seen.accounts, seen.settings)]
            if wrong != [done.documents, done.files, done.accounts, done.settings]:
                raise IntegrityError(f"the comparison saw {seen} wrong", hint=seen.example())
            return f"{seen} not as they were"

        self.step("read everything, without firekeep", lambda: look(app, place.services), told_damaged)
        return done.collection

    def _lose(self, place: Place, app: App) -> None:
        """What is left is the repository and its key."""

        def work() -> Look:
            lose(place.services)
            return look(app, place.services)

        def told(seen: Look) -> str:
            if any(one.equal or one.unexpected for _, one in seen):
                raise IntegrityError(f"not everything was lost: {seen} are", hint=seen.example())
            return f"{seen}, the catalog and every job"

        self.step("lose everything", work, told)

    def _only(self, backup_id: str, collection: str) -> dict[str, object]:
        return {"backupId": backup_id, "selection": {"entries": {"include": [collection]}}}

    def _restore(self, place: Place, name: str, asked: dict[str, object]) -> None:
        recovery_id = self._id("restore")
        request = RestoreRequest.from_document({"recoveryId": recovery_id, "requestedBy": "demo", **asked})
        total = self.facts.documents + self.facts.files + self.facts.accounts + self.facts.settings
        job = Job(
            recovery_id,
            RESTORE,
            request.to_message(),
            lambda _, task: restore_reading(task, total),
            "",
        )

        def told(task: Task) -> str:
            did = {one: int(task.data[one]) for one in ("created", "updated", "deleted", "unchanged")}
            if task.state != "done":
                raise IntegrityError(f"the restore function failed: {'; '.join(task.data['told'][:3])}")
            for one, number in did.items():
                self.facts.restored[one] = number + self.facts.restored.get(one, 0)
            return ", ".join(f"{count(number)} {one}" for one, number in did.items())

        self.step(name, lambda: perform(place.chosen, self._quiet, job, via_functions=True), told)

    def _look(self, place: Place, app: App, name: str) -> None:
        """Read and compare; what is wrong is told in the end, whenever it was seen."""
        facts = self.facts

        def told(seen: Look) -> str:
            facts.repository_bytes = _repository_bytes(place)
            facts.identical = seen.identical
            facts.wrong = {kind: one.wrong for kind, one in seen}
            facts.example = seen.example()
            return "identical" if seen.identical else f"{facts.told_wrong.upper()}"

        self.step(name, lambda: look(app, place.services), told)

    def _snapshot_job(self) -> Job:
        backup_id = self._id("demo")
        request = SnapshotRequest(backup_id=backup_id, requested_by="demo")
        return Job(backup_id, SNAPSHOT, request.to_message(), snapshot_reading, "")

    def _id(self, kind: str) -> str:
        return f"{kind}-{new_id(self._clock, secrets.token_bytes)}"


def _repository_bytes(place: Place) -> int:
    usage = wiring.open_repository(place.chosen).usage()
    return sum(kind.bytes for kind in usage.values())
