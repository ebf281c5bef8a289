"""A Google Cloud Storage bucket, through google-cloud-storage; the Firebase Storage bucket too, which is one.

Generations are versions. The library's own retries are off: `RetryingProvider` is the one place for them. Uploads carry
a CRC32C that the service checks, whole downloads are checked here. `hold` is the object's retention, which the bucket
must have enabled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import google.auth.exceptions as auth_errors
import requests
import urllib3
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

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
from shared.providers.contract import ABSENT, WHOLE, Span, Stat, Version, checked_key, checked_prefix
from shared.providers.listing import in_order

_REASON = re.compile(r'"reason": *"([A-Za-z]{1,60})"')
_FIELDS: Final = "nextPageToken,items(name,size,generation,updated,retention,retentionExpirationTime)"
_PERMISSIONS: Final = {
    "put": "storage.objects.create (and storage.objects.delete to replace)",
    "get": "storage.objects.get",
    "stat": "storage.objects.get",
    "list": "storage.objects.list",
    "delete": "storage.objects.delete",
    "hold": "storage.objects.update and storage.objects.setRetention",
}
_EMPTY_PAGES: Final = 1000
_HOLD_TRIES: Final = 5


@dataclass(frozen=True)
class Manner:
    """Seconds to wait for a connection and between bytes; whether a hold is locked, which nobody can undo."""

    connect_s: float = 10.0
    read_s: float = 60.0
    lock_holds: bool = False


class CloudProvider:
    """`bucket` is a google.cloud.storage Bucket; `prefix` a key's beginning without a final slash, or empty."""

    def __init__(self, bucket: Any, prefix: str = "", manner: Manner | None = None) -> None:
        self._bucket = bucket
        self._lead = f"{checked_key(prefix)}/" if prefix else ""
        self._manner = manner or Manner()
        self._store = Store(f"gs://{bucket.name}", _PERMISSIONS)
        self._common: dict[str, Any] = {
            "retry": None,
            "timeout": (self._manner.connect_s, self._manner.read_s),
        }

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        blob = self._blob(key)
        generation = _generation(expect)
        if generation is None:
            raise Conflict(f"replacing {key!r} failed: it never had this version")
        with self._errors("put", "writing", key):
            blob.upload_from_string(
                data,
                content_type="application/octet-stream",
                checksum="crc32c",
                if_generation_match=generation,
                **self._common,
            )
            return Version(str(blob.generation))

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        if span.start < 0 or (span.length is not None and span.length < 0):
            raise BadInput(f"reading {key!r}: a span cannot be negative")
        blob = self._blob(key)
        if span.length == 0:
            return self._nothing(key, span)
        end = None if span.length is None else span.start + span.length - 1
        start = span.start if span != WHOLE else None
        try:
            with self._errors("get", "reading", key):
                data: bytes = blob.download_as_bytes(
                    start=start, end=end, raw_download=True, checksum="crc32c", **self._common
                )
        except OutOfRange:
            return self._nothing(key, span)
        if span.length is not None and len(data) != span.length:
            raise _too_far(key, span, span.start + len(data))
        return data

    def stat(self, key: str) -> Stat:
        blob = self._blob(key)
        with self._errors("stat", "looking at", key):
            blob.reload(**self._common)
        return _told(key, blob)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        found = self._found(checked_prefix(prefix), after)
        return in_order(found, prefix, after, self._store.name)

    def delete(self, key: str) -> None:
        blob = self._blob(key)
        try:
            with self._errors("delete", "deleting", key):
                blob.delete(**self._common)
        except NotFound:
            return

    def hold(self, key: str, until: datetime) -> None:
        if until.tzinfo is None:
            raise BadInput(f"holding {key!r}: the time has no zone")
        for _ in range(_HOLD_TRIES):
            blob = self._blob(key)
            with self._errors("hold", "holding", key):
                blob.reload(**self._common)
            own = blob.retention.retain_until_time
            if (own is not None and own >= until) or self._lengthened(key, blob, until):
                return
        raise Unavailable(f"holding {key!r} failed: others change its retention all the time")

    def _lengthened(self, key: str, blob: Any, until: datetime) -> bool:
        """False when somebody else changed it meanwhile."""
        blob.retention.mode = "Locked" if self._manner.lock_holds else blob.retention.mode or "Unlocked"
        blob.retention.retain_until_time = until.astimezone(UTC)
        try:
            with self._errors("hold", "holding", key):
                blob.patch(if_metageneration_match=blob.metageneration, **self._common)
        except Conflict:
            return False
        except BadInput:
            raise Unsupported(
                f"holding {key!r} in {self._store.name} failed: the bucket refuses a retention until {until}",
                hint="object retention must be enabled on the bucket; docs/stores.md tells how",
            ) from None
        return True

    def _found(self, prefix: str, after: str) -> Iterator[Stat | None]:
        """As the service lists them; pages are fetched one by one."""
        first = max(after, prefix)
        pages = self._bucket.client.list_blobs(
            self._bucket,
            prefix=self._lead + prefix,
            start_offset=self._lead + first,
            fields=_FIELDS,
            **self._common,
        ).pages
        empty = 0
        while True:
            with self._errors("list", "listing", prefix):
                page = next(pages, None)
            if page is None:
                return
            empty = 0 if page.num_items else empty + 1
            if empty > _EMPTY_PAGES:
                raise Unavailable(f"listing {prefix!r} in {self._store.name} failed: nothing but empty pages")
            for blob in page:
                ours = blob.name.startswith(self._lead)
                yield _told(blob.name.removeprefix(self._lead), blob) if ours else None

    def _nothing(self, key: str, span: Span) -> bytes:
        """The answer to a span that has no byte in the object: empty at its very end, else Corrupt."""
        size = self.stat(key).size
        if span.start + (span.length or 0) <= size and (span.length == 0 or span.start == size):
            return b""
        raise _too_far(key, span, size)

    def _blob(self, key: str) -> Any:
        return self._bucket.blob(self._lead + checked_key(key))

    @contextmanager
    def _errors(self, verb: str, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except (GoogleAPICallError, InvalidResponse, DataCorruption) as error:
            raise _translated(error, Attempt(self._store, verb, action, key)) from error
        except auth_errors.GoogleAuthError as error:
            raise _unknown(error, Attempt(self._store, verb, action, key)) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            attempt = Attempt(self._store, verb, action, key)
            raise Unavailable(f"{attempt.words}: {type(error).__name__}") from error


def _generation(expect: Version) -> int | None:
    """What ifGenerationMatch is to be; None for a token that is no generation."""
    if expect == ABSENT:
        return 0
    return int(expect.token) if expect.token.isdecimal() and int(expect.token) > 0 else None


def _told(key: str, blob: Any) -> Stat:
    held = blob.retention_expiration_time or blob.retention.retain_until_time
    return Stat(key, int(blob.size), Version(str(blob.generation)), blob.updated, held)


def _too_far(key: str, span: Span, size: int) -> Corrupt:
    return Corrupt(f"reading {key!r} from byte {span.start} on failed: it has only {size} bytes")


def _translated(error: Exception, attempt: Attempt) -> FirekeepError:
    if isinstance(error, DataCorruption):
        if attempt.verb == "put":
            return Unavailable(f"{attempt.words}: the bytes were damaged on the way")
        return Corrupt(
            f"{attempt.words}: the bytes that came do not have the checksum that the store promises"
        )
    if isinstance(error, InvalidResponse):
        return refusal(attempt, int(getattr(error.response, "status_code", 0)))
    reasons = [str(one.get("reason", "")) for one in getattr(error, "errors", ()) if isinstance(one, dict)]
    match = _REASON.search(str(error))
    return refusal(
        attempt, int(getattr(error, "code", 0) or 0), next(iter(reasons), match[1] if match else "")
    )


def _unknown(error: auth_errors.GoogleAuthError, attempt: Attempt) -> FirekeepError:
    if isinstance(error, auth_errors.TransportError) or getattr(error, "retryable", False):
        return Unavailable(f"{attempt.words}: the service that gives credentials did not answer")
    return Denied(
        f"{attempt.words}: there are no credentials, or they have expired",
        hint="run `gcloud auth application-default login`, or give the function a service account",
    )
