"""Stored files are written whole or not at all, only over what was seen, with everything that belongs to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from media_rig import Place, checksums, hostile, one, put, read_all, record, seed

from emulators.chaos import Fault
from shared.errors import BadInput, Corrupt, Internal, NotFound, Unavailable
from shared.format.flat import encode as key_of
from shared.format.media import decode, equal, guard
from shared.sources.contract import Kind, Result, Write
from shared.sources.media import MediaSource, Options

MIB = 1 << 20
DATA = Random(4).randbytes(20 * MIB)
FULL: dict[str, Any] = {
    "contentType": "image/png", "contentEncoding": "identity", "contentLanguage": "de",
    "contentDisposition": "inline", "cacheControl": "public, max-age=60", "storageClass": "NEARLINE",
    "customTime": "2026-01-01T00:00:00.000001Z",
    "metadata": {"firebaseStorageDownloadTokens": "11111111-2222-3333-4444-555555555555", "Ü": "😀", "e": ""},
}  # fmt: skip


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


@pytest.fixture
def bucket(place: Place) -> str:
    return str(place.bucket().name)


@pytest.fixture
def source(place: Place, bucket: str) -> MediaSource:
    return place.source(bucket)


def live(source: MediaSource, key: bytes) -> bytes:
    (value,) = source.lookup([key])
    assert value is not None
    return value


def pieces(data: bytes, size: int = 700_000) -> Callable[[], Iterator[bytes]]:
    return lambda: (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 20 * MIB])
def test_a_file_of_any_size_arrives_whole(place: Place, bucket: str, source: MediaSource, size: int) -> None:
    data = DATA[:size]
    key = key_of(bucket, "f")
    outcome = one(source, Write(key, Kind.PUT, record(data), None, pieces(data)))
    assert outcome.result is Result.DONE
    assert place.client.bucket(bucket).blob("f").download_as_bytes() == data
    assert source.fetch(key, live(source, key), 0, size) == data


def test_every_field_comes_back(bucket: str, source: MediaSource) -> None:
    key = key_of(bucket, "f")
    assert one(source, put(key, b"x", **FULL)).result is Result.DONE
    fields = decode(live(source, key)).fields
    assert {name: fields[name] for name in FULL} == FULL
    assert equal(live(source, key), record(b"x", **FULL))


def test_a_restored_download_url_serves_the_bytes(place: Place, bucket: str, source: MediaSource) -> None:
    name, data = "users/ü 1/a+b.png", b"picture"
    seed(source, bucket, {})
    key = key_of(bucket, name)
    one(source, put(key, data, **FULL))
    backed_up = live(source, key)
    token = FULL["metadata"]["firebaseStorageDownloadTokens"]
    url = f"http://{place.address}/v0/b/{bucket}/o/{quote(name, safe='')}?alt=media&token={token}"
    http = urllib3.PoolManager()
    assert http.request("GET", url).data == data
    assert one(source, Write(key, Kind.DROP, b"", guard(backed_up))).result is Result.DONE
    assert http.request("GET", url).status == 404
    restored = Write(key, Kind.PUT, backed_up, None, lambda: iter((data,)))
    assert one(source, restored).result is Result.DONE
    answer = http.request("GET", url)
    assert (answer.status, answer.data, answer.headers["content-type"]) == (200, data, "image/png")
    assert http.request("GET", url.replace("1111", "2222")).status == 403
    http.clear()


def test_only_fields_that_differ_are_sent_and_the_bytes_are_not(bucket: str, source: MediaSource) -> None:
    key = key_of(bucket, "f")
    one(source, put(key, b"x", metadata={"a": "1", "gone": "2"}, contentLanguage="de", temporaryHold=True))
    before = live(source, key)
    wanted = record(b"x", metadata={"a": "9", "new": "3"}, contentType="a/b", eventBasedHold=True)
    assert one(source, Write(key, Kind.PUT, wanted, guard(before))).result is Result.DONE
    after = live(source, key)
    assert equal(after, wanted)
    assert decode(after).generation == decode(before).generation


@pytest.mark.parametrize(
    "wanted", [{"storageClass": "ARCHIVE"}, {"customTime": "2020-01-01T00:00:00Z"}, {"metadata": {"z": "1"}}]
)
def test_a_class_or_an_earlier_custom_time_is_set_without_an_upload(
    bucket: str, source: MediaSource, wanted: dict[str, Any]
) -> None:
    key = key_of(bucket, "f")
    one(source, put(key, b"x", metadata={"a": "1"}, customTime="2026-01-01T00:00:00Z", contentType="a/b"))
    assert (
        one(source, Write(key, Kind.PUT, record(b"x", **wanted), guard(live(source, key)))).result
        is Result.DONE
    )
    assert equal(live(source, key), record(b"x", **wanted))


def test_a_file_that_is_as_wanted_is_left_alone(bucket: str, source: MediaSource) -> None:
    key = key_of(bucket, "f")
    one(source, put(key, b"x", **FULL))
    before = live(source, key)
    assert one(source, Write(key, Kind.PUT, record(b"x", **FULL), guard(before))).result is Result.DONE
    assert live(source, key) == before


def test_what_is_not_what_was_seen_is_moved(place: Place, bucket: str, source: MediaSource) -> None:
    key = key_of(bucket, "f")
    one(source, put(key, b"x"))
    seen = guard(live(source, key))
    blob = place.client.bucket(bucket).blob("f")
    blob.metadata = {"a": "b"}
    blob.patch()
    for write in (
        put(key, b"y", seen),
        put(key, b"x", seen),
        Write(key, Kind.DROP, b"", seen),
        put(key, b"x"),
    ):
        assert one(source, write).result is Result.MOVED
    assert decode(live(source, key)).fields["metadata"] == {"a": "b"}


@pytest.mark.parametrize("size", [100, 9 * MIB])
@pytest.mark.parametrize(
    "wrong",
    [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"\x00" + data[1:], lambda _: b""],
)
def test_other_bytes_than_were_backed_up_never_become_a_file(
    bucket: str, source: MediaSource, size: int, wrong: Callable[[bytes], bytes]
) -> None:
    data = b"\x01" + DATA[1:size]
    with pytest.raises(Corrupt, match="not those that were backed up"):
        one(source, Write(key_of(bucket, "f"), Kind.PUT, record(data), None, pieces(wrong(data))))
    assert read_all(source) == {}


def test_bytes_that_were_not_given_are_a_bug_of_the_caller(bucket: str, source: MediaSource) -> None:
    with pytest.raises(Internal, match="not given"):
        one(source, Write(key_of(bucket, "f"), Kind.PUT, record(b"x"), None))


def test_a_file_named_twice_is_refused_and_nothing_written(bucket: str, source: MediaSource) -> None:
    with pytest.raises(BadInput, match="twice"):
        source.apply([put(key_of(bucket, "f"), b"x"), put(key_of(bucket, "f"), b"y")])
    assert read_all(source) == {}


def test_a_bucket_that_does_not_exist_is_named(place: Place) -> None:
    source = place.source("no-such-bucket")
    with pytest.raises(NotFound, match="no-such-bucket"):
        one(source, put(key_of("no-such-bucket", "f"), b"x"))
    with pytest.raises(NotFound, match="no-such-bucket"):
        read_all(source)


# What holds files


def soon(place: Place, **more: float) -> str:
    return (place.clock.now() + timedelta(**more)).strftime("%Y-%m-%dT%H:%M:%S.5Z")


def test_a_file_under_retention_is_held_until_its_end(place: Place) -> None:
    bucket = place.bucket(object_retention=True).name
    source, key = place.source(bucket), key_of(bucket, "f")
    until = soon(place, days=1)
    retention = {"mode": "Unlocked", "retainUntilTime": until}
    assert one(source, put(key, b"x", retention=retention)).result is Result.DONE
    assert decode(live(source, key)).fields["retention"] == retention
    for write in (
        put(key, b"y", guard(live(source, key))),
        Write(key, Kind.DROP, b"", guard(live(source, key))),
    ):
        outcome = one(source, write)
        assert (outcome.result, outcome.reason[:22]) == (Result.FAILED, f"held until {until}"[:22])
    assert decode(live(source, key)).fields["md5Hash"] == checksums(b"x")["md5Hash"]
    assert one(source, put(key, b"x", guard(live(source, key)))).result is Result.DONE
    assert "retention" not in decode(live(source, key)).fields


def test_a_locked_retention_is_not_weakened_and_says_until_when(place: Place) -> None:
    bucket = place.bucket(object_retention=True).name
    source, key = place.source(bucket), key_of(bucket, "f")
    one(source, put(key, b"x", retention={"mode": "Locked", "retainUntilTime": soon(place, days=1)}))
    outcome = one(source, put(key, b"x", guard(live(source, key))))
    assert outcome.result is Result.FAILED
    assert outcome.reason.startswith("held until 2")


def test_a_retention_that_has_ended_is_not_restored_and_does_not_count(place: Place) -> None:
    bucket = place.bucket(object_retention=True).name
    source, key = place.source(bucket), key_of(bucket, "f")
    over = record(b"x", retention={"mode": "Locked", "retainUntilTime": soon(place, days=-1)})
    assert one(source, Write(key, Kind.PUT, over, None, lambda: iter((b"x",)))).result is Result.DONE
    assert equal(over, live(source, key))


def test_a_bucket_without_retention_of_objects_refuses_one_and_says_so(
    bucket: str, source: MediaSource
) -> None:
    retention = {"mode": "Unlocked", "retainUntilTime": "2099-01-01T00:00:00Z"}
    outcome = one(source, put(key_of(bucket, "f"), b"x", retention=retention))
    assert (outcome.result, outcome.reason) == (Result.FAILED, "the service refused it (HTTP 400 invalid)")


@pytest.mark.parametrize(
    ("field", "words"), [("temporaryHold", "temporary"), ("eventBasedHold", "event-based")]
)
def test_a_file_on_hold_stays_and_a_hold_is_restored(
    bucket: str, source: MediaSource, field: str, words: str
) -> None:
    key = key_of(bucket, "f")
    one(source, put(key, b"x", **{field: True}))
    assert decode(live(source, key)).fields[field] is True
    for write in (
        put(key, b"y", guard(live(source, key))),
        Write(key, Kind.DROP, b"", guard(live(source, key))),
    ):
        outcome = one(source, write)
        assert outcome.result is Result.FAILED
        assert words in outcome.reason


def test_what_was_not_on_hold_is_not_held_by_the_bucket_either(place: Place) -> None:
    bucket = place.bucket(default_event_based_hold=True).name
    source = place.source(bucket)
    one(source, put(key_of(bucket, "f"), b"x"))
    assert "eventBasedHold" not in decode(live(source, key_of(bucket, "f"))).fields


# Misbehaviour at the wire

UPLOADS = "POST /upload/*"
CHUNKS = "PUT /upload/*"


@pytest.mark.parametrize("kind", ["fail", "lost"])
@pytest.mark.parametrize("size", [1000, 20 * MIB])
def test_an_upload_whose_answers_fail_or_are_lost_is_made_once(kind: Any, size: int) -> None:
    faults = [Fault("storage", kind, UPLOADS, nth=1, times=2)]
    if size > 8 * MIB:
        faults += [Fault("storage", kind, CHUNKS, nth=number) for number in (1, 3)]
    with hostile(*faults) as place:
        bucket = place.bucket().name
        source, key = place.source(bucket), key_of(bucket, "f")
        data = DATA[:size]
        write = Write(key, Kind.PUT, record(data, **FULL), None, pieces(data))
        assert one(source, write).result is Result.DONE
        assert source.fetch(key, live(source, key), 0, size) == data
        assert decode(live(source, key)).fields["metageneration"] == 1


def test_patches_rewrites_and_deletions_whose_answers_are_lost_are_done_once() -> None:
    with hostile(
        Fault("storage", "lost", "PATCH *", nth=1, times=2),
        Fault("storage", "lost", "POST *rewriteTo*", nth=1),
        Fault("storage", "lost", "DELETE *", nth=1, times=2),
        Fault("storage", "fail", "DELETE *", nth=1),
    ) as place:
        bucket = place.bucket().name
        source, key = place.source(bucket), key_of(bucket, "f")
        one(source, put(key, b"x"))
        for fields in ({"contentType": "a/b"}, {"contentType": "a/b", "storageClass": "ARCHIVE"}):
            assert one(source, put(key, b"x", guard(live(source, key)), **fields)).result is Result.DONE
            assert equal(live(source, key), record(b"x", **fields))
        drop = Write(key, Kind.DROP, b"", guard(live(source, key)))
        assert one(source, drop).result is Result.DONE
        assert source.lookup([key]) == [None]


def test_a_lost_answer_does_not_hide_that_somebody_else_was_faster() -> None:
    with hostile(Fault("storage", "lost", UPLOADS, nth=2)) as place:
        bucket = place.bucket().name
        source, key = place.source(bucket), key_of(bucket, "f")
        one(source, put(key, b"theirs"))
        assert one(source, put(key, b"ours")).result is Result.MOVED
        assert decode(live(source, key)).fields["md5Hash"] == checksums(b"theirs")["md5Hash"]


def test_a_service_that_stays_away_is_an_exception() -> None:
    with hostile(Fault("storage", "fail", UPLOADS, nth=1, times=6)) as place:
        bucket = place.bucket().name
        with pytest.raises(Unavailable, match="HTTP 503"):
            one(place.source(bucket), put(key_of(bucket, "f"), b"x"))
        assert len(place.clock.slept) == 5


class Counting:
    """Notes how many bytes are being sent at once."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def urlopen(self, method: str, url: str, **more: Any) -> Any:
        size = len(more["body"] or b"")
        with self._lock:
            self._now += size
            self.most = max(self.most, self._now)
        try:
            return self._inner.urlopen(method, url, **more)
        finally:
            with self._lock:
                self._now -= size


def test_no_more_than_the_limit_is_uploaded_at_once(place: Place) -> None:
    bucket = place.bucket().name
    counting = Counting(place.http)
    source = MediaSource(
        counting,
        [bucket],
        clock=place.clock,
        jitter=Random(1).random,
        endpoint=place.address,
        options=Options(held_bytes=4 * MIB),
    )
    files = {f"f{number}": DATA[: MIB - number] for number in range(12)} | {"big": DATA}
    writes = [
        Write(key_of(bucket, name), Kind.PUT, record(data), None, pieces(data))
        for name, data in files.items()
    ]
    assert {outcome.result for outcome in source.apply(writes)} == {Result.DONE}
    assert len(read_all(source)) == 13
    # A file above the limit is sent alone, a piece at a time.
    assert MIB < counting.most <= 8 * MIB


def test_the_present_is_the_service_s(source: MediaSource) -> None:
    assert abs(source.now() - datetime.now(UTC)) < timedelta(seconds=30)
    assert source.now().utcoffset() == timedelta(0)


def test_what_a_lost_session_had_is_sent_again(place: Place, bucket: str, source: MediaSource) -> None:
    """Somebody cancels the upload in the middle: it begins again from the start."""
    key = key_of(bucket, "f")
    cancelled: list[str] = []
    inner = place.http.urlopen

    class Cancelling:
        def urlopen(self, method: str, url: str, **more: Any) -> Any:
            if method == "PUT" and not cancelled and "bytes 8388608" in str(more["headers"]):
                cancelled.append(url)
                inner("DELETE", url)
            return inner(method, url, **more)

    other = MediaSource(
        Cancelling(), [bucket], clock=place.clock, jitter=Random(1).random, endpoint=place.address
    )
    assert one(other, Write(key, Kind.PUT, record(DATA), None, pieces(DATA))).result is Result.DONE
    assert cancelled
    assert source.fetch(key, live(source, key), 0, len(DATA)) == DATA
