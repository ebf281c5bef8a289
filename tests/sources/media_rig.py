"""A started Storage emulator, sources on it, and hostile files."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import google_crc32c
from firestore_rig import TestClock, flat, read_plan
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from emulators.chaos import Chaos, Fault, chaos
from emulators.storage import StorageEmulator
from shared.format.flat import encode as key_of
from shared.format.media import Media, encode
from shared.sources.contract import Kind, Outcome, Result, Scope, Write
from shared.sources.media import MediaSource, Options, Patience, open_http

__all__ = ["flat", "read_plan"]

NAMES = [
    "a", "a b", "a/", "/a", "//", "a//b", "a/../b", "..a", "a/./b", "a/..", "é", "é", "日本/😀", "%2F", "a%20b",
    "a+b", "a?b#c&d=e", '"quoted"', "a\x01b", "￿", "\U0010ffff", "n" * 1024, "ü" * 512, "a\x7f", "users/1/Ä.png",
]  # fmt: skip


def body_of(name: str) -> bytes:
    """Bytes that differ by name: empty, one byte, text, random."""
    seed = random.Random(name)
    return seed.choice([b"", b"x", name.encode() * 50, seed.randbytes(seed.randrange(1, 5000))])


def checksums(data: bytes) -> dict[str, str]:
    crc = google_crc32c.value(data).to_bytes(4, "big")
    return {
        "crc32c": base64.b64encode(crc).decode(),
        "md5Hash": base64.b64encode(hashlib.md5(data).digest()).decode(),
    }


def record(data: bytes, **fields: Any) -> bytes:
    """A record as it comes from the service, of an object in the storage class that new ones have."""
    start = {"size": len(data), **checksums(data), "generation": 1, "metageneration": 1}
    return encode(Media({**start, "storageClass": "STANDARD", **fields}))


FIELDS: list[dict[str, Any]] = [
    {},
    {
        "contentType": "image/png",
        "cacheControl": "public, max-age=1",
        "contentDisposition": 'inline; filename="ü"',
    },
    {"contentType": "text/plain; charset=utf-8", "contentLanguage": "de", "contentEncoding": "gzip"},
    {
        "contentType": "",
        "metadata": {"firebaseStorageDownloadTokens": "a,b", "Ключ": "значение 😀", "empty": ""},
    },
    {"storageClass": "COLDLINE", "customTime": "2026-03-29T01:59:59.123456Z", "contentType": "x/y"},
]


class Place:
    """An emulator with buckets of its own for each test."""

    def __init__(self, faults: Chaos | None = None) -> None:
        self.emulator = StorageEmulator(chaos=faults)
        self.address = self.emulator.start()
        self.http = open_http("emulator")
        self.client = storage.Client(
            project="demo-firekeep",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://{self.address}"},
        )
        self.clock = TestClock()

    def close(self) -> None:
        self.client.close()
        self.http.clear()
        self.emulator.stop()

    def bucket(self, **settings: Any) -> storage.Bucket:
        """A new one."""
        retention = settings.pop("object_retention", False)
        made = self.client.bucket(f"bucket-{uuid.uuid4().hex[:12]}")
        for name, value in settings.items():
            setattr(made, name, value)
        return self.client.create_bucket(made, enable_object_retention=retention)

    def source(self, *buckets: str, **more: Any) -> MediaSource:
        elsewhere = more.pop("elsewhere", None)
        return MediaSource(
            self.http,
            buckets,
            clock=self.clock,
            jitter=random.Random(1).random,
            endpoint=self.address,
            elsewhere=elsewhere,
            options=Options(patience=Patience(connect_s=5, read_s=20, attempts=6), **more),
        )


@contextmanager
def hostile(*faults: Fault) -> Iterator[Place]:
    """An emulator that misbehaves as ordered, all of it in the end."""
    with chaos(*faults) as controller:
        place = Place(controller)
        try:
            yield place
        finally:
            place.close()


def put(key: bytes, data: bytes, seen: str | None = None, **fields: Any) -> Write:
    return Write(key, Kind.PUT, record(data, **fields), seen, lambda: iter((data,)))


def one(source: MediaSource, write: Write) -> Outcome:
    (outcome,) = source.apply([write])
    return outcome


def seed(source: MediaSource, bucket: str, files: dict[str, bytes]) -> None:
    outcomes = source.apply([put(key_of(bucket, name), data) for name, data in files.items()])
    assert {outcome.result for outcome in outcomes} <= {Result.DONE}, outcomes


def read_all(source: MediaSource, scope: Scope | None = None) -> dict[bytes, bytes]:
    return dict(read_plan(source, source.plan(scope or Scope(), source.instant())))  # type: ignore[arg-type]
