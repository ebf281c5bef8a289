"""S3 and what speaks its protocol, and Azure Blob Storage, through obstore.

ETags are versions. On S3 an ETag follows from the bytes, so a version comes back when the very same bytes do; Azure's
never do. The CRC32C goes with the object as metadata and is checked on whole reads; uploads to S3 are signed with
their SHA-256, which the service checks. The library's own retries are off: `RetryingProvider` is the one place.
obstore knows no retention: `hold` is `retention`'s part, where the bucket keeps versions, without which no store holds
single objects. There a held object is neither deleted nor replaced: that is looked up first. `list` tells no holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from shared.errors import (
    BadInput,
    Conflict,
    Corrupt,
    Denied,
    FirekeepError,
    NotFound,
    Unavailable,
    Unsupported,
)
from shared.providers.answers import Attempt, OutOfRange, Store, refusal
from shared.providers.checksum import crc32c
from shared.providers.contract import ABSENT, WHOLE, Span, Stat, Version, checked_key, checked_prefix
from shared.providers.listing import in_order
from shared.providers.retention import Refused, Retention

_STATUS = re.compile(r"status code: ([0-9]{3})|\(code: ([0-9]{3})\)")
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_NO_CREDENTIALS = re.compile(r"169\.254\.169\.254|missing ?credential", re.IGNORECASE)
_BEYOND: Final = "Wanted range starting at"
_CHECKSUM: Final = "crc32c"
_PAGE: Final = 1000


class ObjectStoreProvider:
    """`store` is an obstore store of one bucket; `prefix` a key's beginning without a final slash, or empty."""

    def __init__(
        self, store: Any, name: str, permissions: Mapping[str, str], retention: Retention, prefix: str = ""
    ) -> None:
        self._objects = store
        self._retention = retention
        self._lead = f"{checked_key(prefix)}/" if prefix else ""
        self._store = Store(name, permissions)

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        path = self._path(key)
        mode: Any = "create" if expect == ABSENT else {"e_tag": f'"{expect.token}"'}
        if expect != ABSENT:
            self._refuse_held("put", "writing", key)
        try:
            with self._errors("put", "writing", key):
                done = obstore.put(
                    self._objects,
                    path,
                    data,
                    attributes={_CHECKSUM: crc32c(data)},
                    mode=mode,
                    use_multipart=False,
                )
        except Conflict:
            if expect == ABSENT and not self._exists(key):
                # Two creators at once can both be refused; then nobody's object is there.
                raise Unavailable(
                    f"writing {key!r} in {self._store.name} failed: others write it too"
                ) from None
            raise
        return _version(done["e_tag"])

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        if span.start < 0 or (span.length is not None and span.length < 0):
            raise BadInput(f"reading {key!r}: a span cannot be negative")
        path = self._path(key)
        if span == WHOLE:
            return self._whole(key, path)
        if span.length == 0:
            return self._nothing(key, span)
        wanted: Any = {"offset": span.start}
        if span.length is not None:
            wanted = (span.start, span.start + span.length)
        try:
            with self._errors("get", "reading", key):
                data = bytes(obstore.get(self._objects, path, options={"range": wanted}).bytes())
        except OutOfRange:
            return self._nothing(key, span)
        if span.length is not None and len(data) != span.length:
            raise _too_far(key, span, span.start + len(data))
        return data

    def stat(self, key: str) -> Stat:
        path = self._path(key)
        with self._errors("stat", "looking at", key):
            found = obstore.head(self._objects, path)
            held = self._retention.look(path) if _has_versions(found) else None
        return replace(_told(key, found), held_until=held.until if held else None)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        """Prefixes are whole segments to the library, so the rest of one is looked for in its folder.

        S3 begins after the key named; Azure lists the folder from its beginning, and what comes before is passed over.
        """
        found = self._found(checked_prefix(prefix), after)
        return in_order(found, prefix, after, self._store.name)

    def delete(self, key: str) -> None:
        path = self._path(key)
        self._refuse_held("delete", "deleting", key)
        try:
            with self._errors("delete", "deleting", key):
                obstore.delete(self._objects, path)
        except NotFound as error:
            if "bucket" in error.message.rpartition(":")[2]:
                raise

    def hold(self, key: str, until: datetime) -> None:
        if until.tzinfo is None:
            raise BadInput(f"holding {key!r}: the time has no zone")
        path = self._path(key)
        with self._errors("hold", "holding", key):
            if not _has_versions(obstore.head(self._objects, path)):
                raise self._unholdable(key)
            present = self._retention.look(path)
        if until <= max(present.now, present.until or present.now):
            return
        with self._errors("hold", "holding", key):
            try:
                self._retention.lengthen(path, until, present)
            except Refused as refused:
                why = refusal(Attempt(self._store, "hold", "holding", key), refused.status, refused.code)
                # What a store says whose bucket is not made for it; each says it otherwise.
                unable = isinstance(why, BadInput | Conflict | Unsupported)
                raise (self._unholdable(key) if unable else why) from None

    def _unholdable(self, key: str) -> Unsupported:
        return Unsupported(
            f"holding {key!r} in {self._store.name} failed: objects cannot be held one by one here",
            hint=self._retention.hint,
        )

    def _refuse_held(self, verb: str, action: str, key: str) -> None:
        """Denied for what is held. What is not there is no concern of this."""
        path = self._path(key)
        try:
            with self._errors(verb, action, key):
                if not _has_versions(obstore.head(self._objects, path)):
                    return
                held = self._retention.look(path)
        except NotFound:
            return
        if held.active:
            raise refusal(Attempt(self._store, verb, action, key), 403, "ObjectLocked")

    def _whole(self, key: str, path: str) -> bytes:
        with self._errors("get", "reading", key):
            found = obstore.get(self._objects, path)
            promised = found.attributes.get(_CHECKSUM)
            data = bytes(found.bytes())
        if len(data) != found.meta["size"]:
            raise Unavailable(f"reading {key!r} in {self._store.name} failed: the answer was cut off")
        if promised is not None and promised != crc32c(data):
            raise Corrupt(
                f"reading {key!r} in {self._store.name} failed: it does not have the checksum it was stored with"
            )
        return data

    def _found(self, prefix: str, after: str) -> Iterator[Stat | None]:
        folder = (self._lead + prefix).rpartition("/")[0]
        # Smaller than every key that has the prefix, and than every key after `after`.
        offset = self._lead + max(after, prefix[:-1])
        with self._errors("list", "listing", prefix):
            pages = obstore.list(
                self._objects,
                prefix=folder or None,
                offset=offset if offset.strip("/") not in ("", folder) else None,
                chunk_size=_PAGE,
            )
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\x7f"
        while True:
            with self._errors("list", "listing", prefix):
                page = next(pages, None)
            if page is None:
                return
            for found in page:
                name = found["path"]
                if not name.startswith(self._lead):
                    yield None
                    continue
                key = name.removeprefix(self._lead)
                yield _told(key, found)
                if key >= end:
                    return

    def _nothing(self, key: str, span: Span) -> bytes:
        """The answer to a span that has no byte in the object: empty at its very end, else Corrupt."""
        size = self.stat(key).size
        if span.start + (span.length or 0) <= size and (span.length == 0 or span.start == size):
            return b""
        raise _too_far(key, span, size)

    def _exists(self, key: str) -> bool:
        try:
            self.stat(key)
        except NotFound:
            return False
        return True

    def _path(self, key: str) -> str:
        return self._lead + checked_key(key)

    @contextmanager
    def _errors(self, verb: str, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            # The library's own text repeats the address, which may hold a signature: it is not handed on.
            raise _translated(error, Attempt(self._store, verb, action, key)) from None


def _translated(error: Exception, attempt: Attempt) -> FirekeepError:
    if isinstance(error, Refused):
        return refusal(attempt, error.status, error.code)
    text = str(error).partition("\n\nDebug source")[0]
    status, code = _STATUS.search(text), _CODE.search(text)
    number = int(status[1] or status[2]) if status else 0
    name = code[1] if code else ""
    if attempt.verb == "get" and _BEYOND in text:
        return refusal(attempt, 416)
    if attempt.verb == "put" and number == 404 and isinstance(error, PreconditionError):
        return Conflict(f"{attempt.words}: it does not exist any more")
    if not number and _NO_CREDENTIALS.search(str(error)):
        return Denied(f"{attempt.words}: there are no credentials", hint="docs/stores.md tells where they go")
    return refusal(attempt, number or _status(error), name)


def _has_versions(found: Any) -> bool:
    """Whether the bucket keeps them; S3 calls the only version of an object in another bucket `null`."""
    return found["version"] not in (None, "", "null")


def _status(error: Exception) -> int:
    """For errors that the library makes without an answer's status in the text."""
    kinds: tuple[tuple[type[Exception], int], ...] = (
        (FileNotFoundError, 404),
        (AlreadyExistsError, 409),
        (PreconditionError, 412),
        (PermissionDeniedError, 403),
        (UnauthenticatedError, 401),
    )
    return next((status for kind, status in kinds if isinstance(error, kind)), 0)


def _told(key: str, found: Any) -> Stat:
    # A listing tells fractions of a second that looking at one object does not.
    modified: datetime = found["last_modified"].replace(microsecond=0)
    return Stat(key, int(found["size"]), _version(found["e_tag"]), modified)


def _version(etag: str | None) -> Version:
    if not etag:
        raise Unsupported("the store tells no ETag", hint="a repository needs a store with ETags")
    return Version(etag.removeprefix("W/").strip('"'))


def _too_far(key: str, span: Span, size: int) -> Corrupt:
    return Corrupt(f"reading {key!r} from byte {span.start} on failed: it has only {size} bytes")
