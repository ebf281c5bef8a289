"""The demonstration step by step: each is timed, and told in a line as soon as it is done."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from cli.commands.backup import reading as snapshot_reading
from cli.commands.restore import reading as restore_reading
from cli.commands.verify import reading as verify_reading
from cli.demo.damage import Damage, damage, edit, tamper
from cli.demo.place import Place, demo_place
from cli.demo.reader import Comparison, compare
from cli.demo.report import Facts, report
from cli.interrupt import Interrupted
from cli.jobs import RESTORE, SNAPSHOT, VERIFY, Job, new_id, perform, watched
from cli.output import Output, count, duration, rate, size
from cli.progress import terminal
from emulators.datasets.load import Loaded, load_world
from shared import wiring
from shared.clock import SystemClock
from shared.errors import IntegrityError
from shared.models.jobs import RestoreRequest, SnapshotRequest, VerifyRequest

if TYPE_CHECKING:
    from shared.state.contract import Task

_T = TypeVar("_T")
_STEPS = 10


def run_demo(out: Output, *, every: int, tampering: bool) -> None:
    """Tell the story, with every so many-th document. IntegrityError when what was lost did not come back."""
    try:
        facts = _told(out, every, tampering)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted("the demo was stopped; nothing is left of it") from None
    out.result(facts.as_json(), report(facts))
    if not facts.identical:
        raise IntegrityError(
            f"after the restore {count(facts.wrong, 'document')} not as before: {facts.example}",
            hint="this must never happen; please report it with the log named above",
        )


def _told(out: Output, every: int, tampering: bool) -> Facts:
    with ExitStack() as everything:
        story = _Story(out)
        place = story.step(
            "start the local stack",
            lambda: everything.enter_context(demo_place(out)),
            lambda place: f"Firestore, Pub/Sub and {count(len(place.stack.options.table), 'function')}",
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

    def tell(self, place: Place, every: int, tampering: bool) -> None:
        """All steps after the first."""
        documents = self._load(place, every)
        self._back_up(place)
        documents, backup_id = self._back_up_again(place, documents)
        self._verify(place)
        self._damage(place, documents)
        self._restore(place, backup_id)
        if tampering:
            tamper(place.database, documents)
        self._compare_again(place, documents)

    def _load(self, place: Place, every: int) -> Loaded:
        facts = self.facts

        def told(documents: Loaded) -> str:
            facts.documents = len(documents)
            facts.data_bytes = sum(map(len, documents.values()))
            return f"{count(facts.documents, 'document')}, {size(facts.data_bytes)}"

        return self.step("load real data", lambda: load_world(place.database, every), told)

    def _back_up(self, place: Place) -> None:
        """Ask as an app would: a document in `backupRequests`, whose id becomes the backup's."""
        from google.cloud import firestore

        client = firestore.Client(project=place.database.project)
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
            return f"{count(task.data['items'], 'document')}, {per_second}, {size(self.facts.first_bytes)} stored"

        self.step("back up: a document asks for it", work, told)

    def _back_up_again(self, place: Place, documents: Loaded) -> tuple[Loaded, str]:
        """A few changes later, ask over Pub/Sub."""
        job = self._snapshot_job()

        def work() -> Loaded:
            edited = edit(place.database, documents)
            perform(place.chosen, self._quiet, job, via_functions=True)
            return edited

        def told(edited: Loaded) -> str:
            self.facts.second_bytes = _repository_bytes(place) - self.facts.first_bytes
            self.facts.edited = sum(documents[path] != fields for path, fields in edited.items())
            return f"{count(self.facts.edited, 'document')} changed, {size(self.facts.second_bytes)} stored"

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

    def _damage(self, place: Place, documents: Loaded) -> None:
        def told(done: Damage) -> str:
            self.facts.damage = done
            return (
                f"{count(done.dropped)} dropped with {done.collection}, {count(done.deleted)} deleted, "
                f"{count(done.rewritten)} ruined, {count(done.added)} junk"
            )

        self.step("damage", lambda: damage(place.database, documents), told)

        def told_damaged(result: Comparison) -> str:
            self.facts.damaged = result.wrong
            if result.wrong != done_wrong(self.facts.damage):
                raise IntegrityError(
                    f"the comparison saw {result.wrong} wrong documents", hint=result.example()
                )
            return f"{count(result.wrong, 'document')} not as they were"

        self.step(
            "read everything, without firekeep", lambda: compare(documents, place.database), told_damaged
        )

    def _restore(self, place: Place, backup_id: str) -> None:
        collection = self.facts.damage.collection if self.facts.damage else ""
        for name, asked in (
            (f"restore the collection {collection}", {"selection": {"entries": {"include": [collection]}}}),
            ("restore everything, exactly", {"exact": True}),
        ):
            self._restore_one(place, name, {"backupId": backup_id, **asked})

    def _restore_one(self, place: Place, name: str, asked: dict[str, object]) -> None:
        recovery_id = self._id("restore")
        request = RestoreRequest.from_document({"recoveryId": recovery_id, "requestedBy": "demo", **asked})
        total = self.facts.documents
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
                self.facts.restored[one] = number + (
                    self.facts.restored.get(one, 0) if one != "unchanged" else 0
                )
            return ", ".join(f"{count(number)} {one}" for one, number in did.items())

        self.step(name, lambda: perform(place.chosen, self._quiet, job, via_functions=True), told)

    def _compare_again(self, place: Place, documents: Loaded) -> None:
        def told(result: Comparison) -> str:
            self.facts.repository_bytes = _repository_bytes(place)
            self.facts.identical, self.facts.wrong, self.facts.example = (
                result.identical,
                result.wrong,
                result.example(),
            )
            return (
                "identical, byte by byte" if result.identical else f"{count(result.wrong, 'document')} WRONG"
            )

        self.step("read everything again", lambda: compare(documents, place.database), told)

    def _snapshot_job(self) -> Job:
        backup_id = self._id("demo")
        request = SnapshotRequest(backup_id=backup_id, requested_by="demo")
        return Job(backup_id, SNAPSHOT, request.to_message(), snapshot_reading, "")

    def _id(self, kind: str) -> str:
        return f"{kind}-{new_id(self._clock, secrets.token_bytes)}"


def done_wrong(done: Damage | None) -> int:
    """How many documents the damage has made wrong; each was damaged in one way."""
    return done.dropped + done.deleted + done.rewritten + done.added if done else 0


def _repository_bytes(place: Place) -> int:
    usage = wiring.open_repository(place.chosen).usage()
    return sum(kind.bytes for kind in usage.values())
