"""Read one part of a snapshot into leaves. The worker that finishes the last part commits.

What was read is made durable at checkpoints: packs and index first, then a run (the list of the leaves), then
the cursor in the ledger. A worker that dies is replaced by one that starts at the last cursor; what the dead
one wrote beyond it is unreferenced and collected later. Near its deadline a worker publishes its continuation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace

from shared.clock import Deadline
from shared.contents import MEDIA
from shared.errors import Incomplete
from shared.format.forms import FORMS
from shared.jobs.commit import commit_snapshot, parent_root
from shared.jobs.failure import failing_snapshot
from shared.jobs.heartbeat import Heartbeat
from shared.jobs.lease import Lease, returned
from shared.jobs.limit import check_stored, checkpoint_of, limit_of
from shared.jobs.ports import Ports, Report
from shared.jobs.progress import Teller
from shared.jobs.selecting import Chosen, Keeps, selected
from shared.models.jobs import PartRequest
from shared.repository import Repository
from shared.repository.blobs import BlobWriter
from shared.repository.tree import Root, Run, build_run, encode_run, scan
from shared.sources.contract import SUREST, Batch, FileSource, Part
from shared.sources.parts import part_from_json, part_to_json
from shared.state.contract import Data, Task, TaskId, TaskState

PART_TOPIC = "backup-part"
_NAMED = 20


@dataclass
class _State:
    """How far a part is, as its document keeps it. All of it moves on together, at checkpoints."""

    runs: list[str]
    items: int
    """Records that were read and are meant."""
    passed: int
    """Records that were read and are not meant."""
    gone: int
    """Files that could not be read whole at any one moment, and are left out."""
    size: int
    """Bytes: of keys, and of what the values stand for."""
    stored: int
    cursor: bytes
    vanished: list[str] = field(default_factory=list)
    """The names of the first of the files that are left out."""
    files: dict[str, int] = field(default_factory=dict)
    """What became of the files, in numbers."""

    @classmethod
    def of(cls, data: Data) -> _State:
        state = cls(**{one.name: data[one.name] for one in fields(cls)})
        return replace(state, runs=[*state.runs], vanished=[*state.vanished], files={**state.files})

    def live(self) -> Data:
        """What people see between checkpoints."""
        return {"liveItems": self.items, "liveBytes": self.size}


def new_part(content: str, part: Part) -> Data:
    """The document of a part that nobody has begun."""
    return {"content": content, "part": part_to_json(part), **asdict(_State([], 0, 0, 0, 0, 0, b""))}


def run_part(ports: Ports, request: PartRequest, deadline: Deadline) -> Report:
    """Read the part, or go on with it; commit the snapshot if it was the last."""
    job = ports.ledger.load(TaskId(request.backup_id))
    if job.ended:
        return Report(request.backup_id, f"already {job.state}")
    task, owner = TaskId(request.backup_id, request.part), ports.owner()
    claimed = ports.ledger.claim(task, owner)
    if claimed.state is TaskState.DONE:
        return (
            commit_snapshot(ports, request.backup_id)
            if job.all_parts_done
            else Report(str(task), "already done")
        )
    with returned(ports.ledger, Lease(task, owner)), failing_snapshot(ports, request.backup_id):
        try:
            done = _read(ports, job, claimed, owner, deadline)
        except Incomplete:
            done = _read(ports, job, _start_over(ports, claimed, owner), owner, deadline)
    if not done:
        ports.ledger.release(task, owner)
        ports.publisher.publish(PART_TOPIC, [request.to_message()])
        return Report(str(task), "continued")
    job = ports.ledger.finish(
        task, owner, TaskState.DONE, {"readAt": ports.clock.now(), "lagging": list(ports.lagging())}
    )
    return commit_snapshot(ports, request.backup_id) if job.all_parts_done else Report(str(task), "done")


def _start_over(ports: Ports, task: Task, owner: str) -> Task:
    """Forget what was read, and read by the one method that needs no assumption. If the count still does not
    agree, the snapshot fails: it is never committed short.
    """
    part = part_from_json(task.data["part"])
    fresh = new_part(task.data["content"], replace(part, method=SUREST[part.method]))
    ports.ledger.renew(task.id, owner, fresh)
    return replace(task, data=fresh)


def _read(ports: Ports, job: Task, task: Task, owner: str, deadline: Deadline) -> bool:
    """Read until the part ends (True) or the deadline is near (False)."""
    repository = ports.repository()
    # What other workers have stored since this one opened the repository need not be stored again.
    content, part = task.data["content"], part_from_json(task.data["part"])
    state = _State.of(task.data)
    meant = next(one for one in selected(job) if one.content == content)
    slices = Slices(ports.sources[content].read(part, state.cursor), state, meant)
    like = parent_root(repository, job, content)
    reading = _Reading(repository, part, state, like, ports.files(content))
    with Heartbeat(ports.ledger, task.id, owner, ports.heartbeat_s, state.live, tell=Teller(ports)) as beat:
        while not slices.ended:
            limit = state.size + checkpoint_of(job, ports.checkpoint_bytes)
            batches = slices.until(lambda: state.size >= limit or beat.stopped or deadline.near())  # noqa: B023  # used up here
            run, stored = reading.build(batches)
            beat.check()
            if run.refs:
                state.runs.append(repository.put_run(task.id.job, encode_run(run)))
                state.stored += stored
            ports.ledger.renew(task.id, owner, {**asdict(state), **state.live()})
            if limit_of(job) is not None:
                check_stored(job, ports.ledger.parts(job.id.job))
            if deadline.near() and not slices.ended:
                return False
    _check_count(part, state.items + state.passed)
    return True


@dataclass(frozen=True)
class _Reading:
    """What one slice after the other is read with."""

    repository: Repository
    part: Part
    state: _State
    like: Root | None
    files: FileSource | None
    """Only for records that describe files."""

    def build(self, batches: Iterator[Batch]) -> tuple[Run, int]:
        """The run of these batches, durable, and the bytes that it took to store what was new."""
        with self.repository.writer() as writer:
            whole = batches if self.files is None else self._with_files(writer, self.files, batches)
            run = build_run(writer, self.repository.chunking, whole, self.like)
            writer.flush()
        return run, writer.written.stored_bytes

    def _with_files(self, writer: BlobWriter, files: FileSource, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, the bytes of their files stored; without those that could not be had whole."""
        from shared.jobs.intake import Intaken, Limits, intake

        state, told = self.state, Intaken()
        yield from intake(self.repository, writer, files, batches, self._known(), limits=Limits(), told=told)
        state.gone += told.gone
        state.vanished = [*state.vanished, *map(FORMS[MEDIA].name, told.vanished)][:_NAMED]
        for name, number in asdict(told).items():
            if isinstance(number, int):
                state.files[name] = state.files.get(name, 0) + number

    def _known(self) -> Iterator[Batch]:
        """What the parent snapshot holds from here on."""
        if self.like is None:
            return iter(())
        return scan(self.repository, self.like, max(self.part.start, self.state.cursor), self.part.end)


def _check_count(part: Part, items: int) -> None:
    if part.expected is not None and items != part.expected:
        raise Incomplete(
            f"part {part.number} holds {items} records where the count at {part.at.isoformat()} says {part.expected}",
            hint="nothing was committed; start the backup again",
        )


class Slices:
    """Hands out a source's batches in slices, but for what is not meant, without losing the place between slices."""

    def __init__(self, batches: Iterator[Batch], state: _State, meant: Chosen) -> None:
        self._batches = batches
        self._state = state
        self._keeps = meant.keeps
        self._weight = FORMS[meant.content].weight
        self.ended = False

    def until(self, enough: Callable[[], bool]) -> Iterator[Batch]:
        """Batches until `enough` says so, or the end."""
        for read in self._batches:
            keys, values = read if self._keeps is None else _meant(read, self._keeps)
            if keys:
                yield keys, values
            self._state.items += len(keys)
            self._state.passed += len(read[0]) - len(keys)
            self._state.size += sum(map(self._weight, values)) + sum(map(len, keys))
            self._state.cursor = read[0][-1]
            if enough():
                return
        self.ended = True


def _meant(batch: Batch, keeps: Keeps) -> Batch:
    kept = [(key, value) for key, value in zip(*batch, strict=True) if keeps(key)]
    return [key for key, _ in kept], [value for _, value in kept]
