"""Guarded writes of accounts.

The service knows no preconditions: the accounts are looked up right before they are written, and what changes in the
moment between is overwritten, unless it is a new account, which no import replaces. Everything written is looked up
again; an account that is not what was wanted then is FAILED, and says in what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from shared.errors import BadInput, Internal, NotFound
from shared.format import flat, user
from shared.format.user import Fields
from shared.sources.contract import Kind, Outcome, Result, Write
from shared.sources.users.accounts import fields_of
from shared.sources.users.colliding import Claim, Claims
from shared.sources.users.finding import Finder, identifiers
from shared.sources.users.pace import Pace
from shared.sources.users.realms import Realms
from shared.sources.users.service import Service
from shared.sources.users.status import reason_of, told
from shared.sources.users.updating import changes, fragile
from shared.sources.users.uploading import MOST, Refusal, Uploader

Verdict = tuple[Result, str]

_DONE: Verdict = (Result.DONE, "")


@dataclass(frozen=True)
class _Job:
    """One write: the account's id, what it is to be (None: gone), and what it is (None: not there)."""

    uid: str
    write: Write
    wanted: Fields | None
    live: Fields | None = None

    @property
    def claim(self) -> Claim:
        return Claim(identifiers(self.live or {}), identifiers(self.wanted or {}))


class Writer:
    """Applies writes: drops first, as they free what puts may need."""

    def __init__(
        self,
        service: Service,
        realms: Realms,
        finder: Finder,
        uploader: Uploader,
        *,
        drops: Pace,
        drops_at_once: int,
        updates: Pace,
        threads: int,
    ) -> None:
        self._service = service
        self._realms = realms
        self._finder = finder
        self._uploader = uploader
        self._drops = drops
        self._drops_at_once = drops_at_once
        self._updates = updates
        self._threads = threads

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome per write, in order. What keeps failing for all of them is an exception."""
        if len({write.key for write in writes}) != len(writes):
            raise BadInput("writing accounts: one of them is named twice")
        realms: dict[str, list[_Job]] = {}
        for write in writes:
            realm, job = _job(write)
            realms.setdefault(realm, []).append(job)
        verdicts: dict[bytes, Verdict] = {}
        for realm, jobs in realms.items():
            self._uploader.parameters(realm, (job.wanted or {} for job in jobs))
        for realm, jobs in sorted(realms.items()):
            verdicts |= self._apply(realm, jobs)
        return [Outcome(write.key, *verdicts[write.key]) for write in writes]

    def _apply(self, realm: str, jobs: Sequence[_Job]) -> dict[bytes, Verdict]:
        verdicts: dict[str, Verdict] = {}
        drops = [job for job in jobs if job.wanted is None]
        puts = [job for job in jobs if job.wanted is not None]
        try:
            for work, some in ((self._drop, drops), (self._put, puts)):
                for at in range(0, len(some), MOST):
                    live, judged = self._judged(realm, some[at : at + MOST])
                    verdicts |= judged
                    verdicts |= work(realm, live)
        except NotFound:
            if not realm:
                raise
            gone = f"tenant {self._realms.found_as(realm)} does not exist: name the one that takes its place"
            verdicts = {job.uid: (Result.FAILED, gone) for job in jobs} | verdicts
        return {job.write.key: verdicts[job.uid] for job in jobs}

    def _judged(self, realm: str, jobs: Sequence[_Job]) -> tuple[list[_Job], dict[str, Verdict]]:
        """Those whose guards hold, with what is live; and what there is to say of the others."""
        found = self._found(realm, jobs)
        held, verdicts = [], {}
        for job in jobs:
            live = found.get(job.uid)
            moved = _moved(job.write.seen, live)
            if moved:
                verdicts[job.uid] = Result.MOVED, moved
            elif job.wanted is None and live is None:
                verdicts[job.uid] = _DONE
            else:
                held.append(replace(job, live=live))
        return held, verdicts

    def _drop(self, realm: str, jobs: Sequence[_Job]) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        path = self._realms.path(realm, "batchDelete")
        for at in range(0, len(jobs), self._drops_at_once):
            uids = [job.uid for job in jobs[at : at + self._drops_at_once]]
            self._drops.take(len(uids))
            answer = self._service.ask(path, "deleting accounts", {"localIds": uids, "force": True})
            for error in answer.get("errors", ()):
                uid = uids[int(error.get("index", 0))]
                verdicts[uid] = Result.FAILED, f"the service refused it: {reason_of(error.get('message'))}"
        there = self._finder.now(realm, [job.uid for job in jobs])
        kept = dict.fromkeys(there, (Result.FAILED, "it is still there"))
        return {job.uid: _DONE for job in jobs} | kept | verdicts

    def _put(self, realm: str, jobs: Sequence[_Job]) -> dict[str, Verdict]:
        by_uid = {job.uid: job for job in jobs}
        waiting = {job.uid: job.claim for job in sorted(jobs, key=lambda job: job.write.key)}
        wanted = {one for claim in waiting.values() for one in claim.new}
        claims = Claims(waiting, self._finder.holders(realm, wanted))
        verdicts: dict[str, Verdict] = {}
        while ready := claims.ready():
            done = self._write(realm, [by_uid[uid] for uid in ready])
            claims.written({uid: by_uid[uid].claim for uid in ready if done[uid][0] is Result.DONE})
            verdicts |= done
        return verdicts | {uid: (Result.FAILED, why) for uid, why in claims.blocked.items()}

    def _write(self, realm: str, jobs: Sequence[_Job]) -> dict[str, Verdict]:
        """Accounts whose identifiers nobody else has: imported or changed, read back, changed where need be."""
        kept = self._kept(realm, jobs)
        refused = self._import(realm, [job for job in jobs if job.uid not in kept])
        verdicts = {
            uid: (Result.MOVED if refusal.exists else Result.FAILED, refusal.reason)
            for uid, refusal in refused.items()
            if not (refusal.exists and refusal.lost)
        }
        written = self._read_back(realm, [job for job in jobs if job.uid not in verdicts])
        foreign = [job.uid for job in written if job.uid in refused and not _ours(job)]
        verdicts |= dict.fromkeys(foreign, (Result.MOVED, "somebody made it meanwhile"))
        written = [job for job in written if job.uid not in verdicts]
        unlike = [job for job in written if job.live and changes(job.wanted or {}, job.live)]
        failed = self._change(realm, unlike)
        verdicts |= {uid: (Result.FAILED, why) for uid, why in failed.items()}
        changed = {job.uid: job for job in self._read_back(realm, unlike)}
        return {job.uid: _verdict(changed.get(job.uid, job)) for job in written} | verdicts

    def _kept(self, realm: str, jobs: Sequence[_Job]) -> set[str]:
        """Those that are changed field by field: an import would take something away, and the password may stay."""
        risky = [job for job in jobs if job.live and fragile(job.wanted or {}, job.live)]
        readable = [job.uid for job in risky if (job.wanted or {}).get("passwordHash")]
        told = {
            uid: fields_of(one, self._realms.found_as(realm))
            for uid, one in self._finder.with_hashes(realm, readable).items()
        }
        return {
            job.uid
            for job in risky
            if job.uid not in readable
            or (
                told.get(job.uid, {}).get("passwordHash")
                and user.same_password(job.wanted or {}, told[job.uid])
            )
        }

    def _import(self, realm: str, jobs: Sequence[_Job]) -> dict[str, Refusal]:
        refused: dict[str, Refusal] = {}
        groups: dict[tuple[bool, bool], dict[str, Fields]] = {}
        for job in jobs:
            kind = job.live is not None, bool(job.claim.new)
            groups.setdefault(kind, {})[job.uid] = job.wanted or {}
        for (overwrite, check), accounts in groups.items():
            refused |= self._uploader.upload(realm, accounts, overwrite=overwrite, check=check)
        return refused

    def _change(self, realm: str, jobs: Sequence[_Job]) -> dict[str, str]:
        """Change accounts to what is wanted; why, for those that the service refused to."""
        path = self._realms.path(realm, "update")

        def change(job: _Job) -> str:
            for body in changes(job.wanted or {}, job.live or {}):
                self._updates.take(1)
                answer = self._service.call(path, "changing an account", {**body, "localId": job.uid})
                if answer.status != 200:
                    return f"the service refused to change it ({told(answer.status, answer.data)})"
            return ""

        if not jobs:
            return {}
        with ThreadPoolExecutor(min(self._threads, len(jobs)), "change") as pool:
            reasons = list(pool.map(change, jobs))
        return {job.uid: why for job, why in zip(jobs, reasons, strict=True) if why}

    def _read_back(self, realm: str, jobs: Sequence[_Job]) -> list[_Job]:
        found = self._found(realm, jobs)
        return [replace(job, live=found.get(job.uid)) for job in jobs]

    def _found(self, realm: str, jobs: Iterable[_Job]) -> dict[str, Fields]:
        tenant = self._realms.found_as(realm)
        found = self._finder.now(realm, [job.uid for job in jobs])
        return {uid: fields_of(one, tenant) for uid, one in found.items()}


def _job(write: Write) -> tuple[str, _Job]:
    if not isinstance(write.seen, str | None):
        raise Internal("writing an account: an account is guarded by a digest")
    realm, uid = flat.decode(write.key)
    return realm, _Job(uid, write, None if write.kind is Kind.DROP else user.decode(write.value))


def _moved(seen: object, live: Fields | None) -> str:
    """In what the account is not what was seen; empty when it is."""
    if seen is None:
        return "" if live is None else "it is there already"
    if live is None:
        return "it is gone"
    return "" if user.guard(user.encode(live)) == seen else "it has changed"


def _ours(job: _Job) -> bool:
    """Whether an account that was found to exist is what we sent before: the service sets when sessions begin."""
    return job.live is not None and set(user.differences(job.wanted or {}, job.live)) <= {"validSince"}


def _verdict(job: _Job) -> Verdict:
    """Of a written account, as it is now."""
    wanted = job.wanted or {}
    if job.live is None:
        return Result.FAILED, "it is not there after it was written"
    differing = user.differences(wanted, job.live)
    if differing:
        return Result.FAILED, f"the service keeps it otherwise: {', '.join(sorted(differing))}"
    lost = user.lost(wanted, job.live)
    return Result.DONE, f"not brought back: {', '.join(lost)}" if lost else ""
