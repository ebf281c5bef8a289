"""All buckets and objects, and every change to them: each is atomic, checked against its preconditions, kept, told.

One lock guards everything; nothing is read from or written to a client while it is held.
"""

from __future__ import annotations

import contextlib
import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from emulators.journal import Journal
from emulators.storage.attributes import check_class, patched, without_nulls
from emulators.storage.changes import Change, Dispatcher, Kind
from emulators.storage.content import Content
from emulators.storage.keeping import Keeping
from emulators.storage.model import Attributes, Bucket, Entry, Version
from emulators.storage.names import check_object
from emulators.storage.preconditions import NONE, Conditions
from emulators.storage.refusal import invalid, no_bucket, no_object
from emulators.storage.resources import object_resource
from emulators.storage.retention import check_removal, check_retention
from emulators.storage.times import SECOND, as_datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """An object to be made: its content is complete and checked."""

    name: str
    content: Content
    attributes: Attributes
    storage_class: str | None = None
    components: int | None = None


def renamed(old: Version, name: str) -> Draft:
    """All of an object that may be removed, so that its retention, if it had one, has ended."""
    attributes = {key: value for key, value in old.attributes.items() if key != "retention"}
    return Draft(name, old.content, attributes, old.storage_class, old.components)


class Store:
    """`clock` tells microseconds since 1970; `base` is the server's address for the links in told changes.

    `keeping` notes in the `journal` what the shelf, if there is one, must have before a change is acknowledged.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        dispatchers: Sequence[Dispatcher],
        journal: Journal,
        keeping: Keeping,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.buckets: dict[str, Bucket] = {}
        self.base = ""
        self.journal = journal
        self.last = 0  # the greatest generation given out
        self._keeping = keeping
        self._dispatchers = dispatchers
        self._depth = 0
        self._told: list[Change] = []

    @contextlib.contextmanager
    def operation(self) -> Iterator[Journal]:
        """What changes inside is kept together and then told, or none of it happens. Operations may nest."""
        with self.lock:
            self._depth += 1
            try:
                yield self.journal
                if self._depth == 1:
                    self.journal.commit()
            except BaseException:
                if self._depth == 1:
                    self.journal.roll_back()
                    self._told.clear()
                raise
            finally:
                self._depth -= 1
            if not self._depth:
                for change in self._told:
                    for dispatcher in self._dispatchers:
                        dispatcher.offer(change)
                self._told.clear()

    def next_generation(self) -> int:
        """Unique and ascending, and close to the time."""
        with self.lock:
            self.last = max(self.last + 1, self.clock())
            return self.last

    def bucket(self, name: str) -> Bucket:
        """Refused when there is none."""
        found = self.buckets.get(name)
        if found is None:
            raise no_bucket()
        return found

    def put_bucket(self, bucket: Bucket) -> Bucket:
        """A new bucket, or one in the place of that of its name. A bucket's own fields change in no other way."""
        with self.operation():
            old = self.buckets.get(bucket.name)
            self.buckets[bucket.name] = bucket
            undo = partial(self.buckets.pop, bucket.name) if old is None else partial(self._again, old)
            self.journal.done(undo)
            self._keeping.bucket(bucket.name, bucket)
            return bucket

    def drop_bucket(self, bucket: Bucket) -> None:
        """And with it what was soft-deleted in it."""
        with self.operation():
            del self.buckets[bucket.name]
            self.journal.done(partial(self._again, bucket))
            for version in bucket.soft.values():
                self._keeping.version(version, None)
            self._keeping.bucket(bucket.name, None)
            self._keeping.last(self.last)

    def _again(self, bucket: Bucket) -> None:
        self.buckets[bucket.name] = bucket

    def find(
        self, bucket: str, name: str, generation: int | None = None, conditions: Conditions = NONE
    ) -> Version:
        """The live version, or that of a generation. Refused when there is none or a condition fails."""
        with self.lock:
            entry = self.bucket(bucket).entries.get(name)
            version: Version | None = entry.find(generation) if entry else None
            if version is None:
                raise no_object(bucket, name, generation)
            conditions.check(version)
            return version

    def find_soft(self, bucket: str, name: str, generation: int) -> Version:
        """A soft-deleted version."""
        with self.operation():
            found = self.bucket(bucket)
            self._purge(found)
            version: Version | None = found.soft.get((name, generation))
            if version is None:
                raise no_object(bucket, name, generation)
            return version

    def check(self, bucket: str, name: str, conditions: Conditions) -> None:
        """Refused when the object could not be made now."""
        check_object(name)
        with self.lock:
            entry = self.bucket(bucket).entries.get(name)
            conditions.check(entry.live if entry else None)

    def insert(self, bucket_name: str, draft: Draft, conditions: Conditions = NONE) -> Version:
        """Makes the object's next generation, which becomes the live one."""
        check_object(draft.name)
        with self.operation():
            bucket = self.bucket(bucket_name)
            entry: Entry | None = bucket.entries.get(draft.name)
            old = entry.live if entry else None
            conditions.check(old)
            now = self.clock()
            if old is not None:
                check_removal(old, bucket, now, archiving=bucket.versioning)
            new = self._version(bucket, draft, now)
            if entry is None:
                entry = bucket.entries[draft.name] = Entry()
                self.journal.done(partial(bucket.entries.pop, draft.name))
            if old is not None:
                self._retire(bucket, entry, old, now, new.generation)
            entry.live = new
            self.journal.done(partial(entry.remove, new))
            self._keeping.version(None, new)
            self._tell("finalize", bucket, new, overwrote=old.generation if old else None)
            return new

    def _version(self, bucket: Bucket, draft: Draft, now: int) -> Version:
        kept = check_retention(None, draft.attributes.get("retention"), bucket, now, override=False)
        attributes = without_nulls({**draft.attributes, "retention": kept})
        if bucket.attributes.get("defaultEventBasedHold"):
            attributes.setdefault("eventBasedHold", True)
        return Version(
            bucket=bucket.name,
            name=draft.name,
            generation=self.next_generation(),
            content=draft.content,
            attributes=attributes,
            storage_class=check_class(draft.storage_class, bucket.storage_class),
            created=now,
            updated=now,
            components=draft.components,
        )

    def delete(
        self, bucket_name: str, name: str, generation: int | None = None, conditions: Conditions = NONE
    ) -> None:
        """Without a generation, the live version becomes noncurrent in a bucket with versioning, else it goes."""
        with self.operation():
            version = self.find(bucket_name, name, generation, conditions)
            bucket = self.buckets[bucket_name]
            now = self.clock()
            archiving = generation is None and bucket.versioning
            check_removal(version, bucket, now, archiving=archiving)
            entry = bucket.entries[name]
            if archiving:
                self._retire(bucket, entry, version, now)
            else:
                self._remove(bucket, entry, version, now)
            if not entry.versions():
                del bucket.entries[name]
                self.journal.done(partial(bucket.entries.__setitem__, name, entry))

    def move(self, bucket_name: str, name: str, to: str, conditions: Conditions, ours: Conditions) -> Version:
        """Makes the new object and deletes its source, on which `ours` are the conditions, at once."""
        with self.operation():
            source = self.find(bucket_name, name, None, ours)
            bucket = self.buckets[bucket_name]
            check_removal(source, bucket, self.clock(), archiving=bucket.versioning)
            made = self.insert(bucket_name, renamed(source, to), conditions)
            self.delete(bucket_name, name)
            return made

    def restore(self, bucket_name: str, name: str, generation: int, conditions: Conditions) -> Version:
        """A soft-deleted version comes back as a new live one."""
        with self.operation():
            old = self.find_soft(bucket_name, name, generation)
            return self.insert(bucket_name, renamed(old, name), conditions)

    def patch(
        self,
        bucket_name: str,
        name: str,
        generation: int | None,
        conditions: Conditions,
        patch: Attributes,
        *,
        replacing: bool = False,
        override: bool = False,
    ) -> Version:
        """Changes the writable fields: merges `patch`, or puts it in their place when `replacing`."""
        with self.operation():
            old = self.find(bucket_name, name, generation, conditions)
            bucket = self.buckets[bucket_name]
            now = self.clock()
            attributes = without_nulls(patch) if replacing else patched(old.attributes, patch)
            kept = check_retention(
                old.attributes.get("retention"), attributes.get("retention"), bucket, now, override=override
            )
            attributes = without_nulls({**attributes, "retention": kept})
            released = old.attributes.get("eventBasedHold") and not attributes.get("eventBasedHold")
            new = replace(
                old,
                attributes=attributes,
                metageneration=old.metageneration + 1,
                updated=now,
                hold_released=now if released else old.hold_released,
            )
            entry: Entry = bucket.entries[name]
            entry.replace(old, new)
            self.journal.done(partial(entry.replace, new, old))
            self._keeping.version(old, new)
            self._tell("metadataUpdate", bucket, new)
            return new

    def purge(self, bucket: Bucket) -> None:
        """Forgets the soft-deleted versions whose time has come."""
        with self.operation():
            self._purge(bucket)

    def _retire(self, bucket: Bucket, entry: Entry, old: Version, now: int, by: int | None = None) -> None:
        """The live version makes way: noncurrent in a bucket with versioning, else removed."""
        if not bucket.versioning:
            self._remove(bucket, entry, old, now, by)
            return
        archived = replace(old, archived=now)
        entry.live = None
        entry.archived.append(archived)
        self.journal.done(partial(_revive, entry, old))
        self._keeping.version(old, archived)
        self._tell("archive", bucket, archived, overwritten_by=by)

    def _remove(self, bucket: Bucket, entry: Entry, old: Version, now: int, by: int | None = None) -> None:
        self.journal.done(partial(entry.restore, old, entry.remove(old)))
        self._purge(bucket)
        if bucket.soft_delete:
            ends = now + bucket.soft_delete * SECOND
            kept = replace(old, soft_deleted=now, hard_delete=ends, archived=old.archived or now)
            bucket.add_soft(kept)
            # Its end stays in the heap then, where one without a version does no harm.
            self.journal.done(partial(bucket.soft.pop, (old.name, old.generation)))
            self._keeping.version(old, kept)
        else:
            self._forget(old)
        self._tell("delete", bucket, old, overwritten_by=by)

    def _purge(self, bucket: Bucket) -> None:
        ends = bucket.soft_ends
        now = self.clock()
        while ends and ends[0][0] <= now:
            end, *key = heapq.heappop(ends)
            version = bucket.soft.get(tuple(key))
            if version is not None and version.hard_delete == end:
                del bucket.soft[tuple(key)]
                self.journal.done(partial(bucket.add_soft, version))
                self._forget(version)

    def _forget(self, version: Version) -> None:
        self._keeping.version(version, None)
        self._keeping.last(self.last)

    def _tell(
        self,
        kind: Kind,
        bucket: Bucket,
        version: Version,
        overwrote: int | None = None,
        overwritten_by: int | None = None,
    ) -> None:
        if not self._dispatchers:
            return
        change = Change(
            kind,
            bucket.name,
            version.name,
            version.generation,
            as_datetime(self.clock()),
            object_resource(version, bucket, self.base),
            overwrote,
            overwritten_by,
            tuple(bucket.notifications.values()),
        )
        self._told.append(change)


def _revive(entry: Entry, version: Version) -> None:
    """Takes back that the live version became the last of the noncurrent ones."""
    entry.archived.pop()
    entry.live = version


def parse_generation(value: object) -> int | None:
    """A generation from JSON or a query; None for none."""
    if value is None:
        return None
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        raise invalid(f"Invalid value for generation: {text[:100]}")
    return int(text)
