"""Buckets are listed completely and in order, within what is asked for; events say which file they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from media_rig import NAMES, Place, body_of, flat, read_all, seed

from emulators.chaos import Fault, chaos
from shared.errors import (
    BadInput,
    Corrupt,
    Denied,
    FirekeepError,
    NotFound,
    Unavailable,
    Unsupported,
)
from shared.format.flat import encode as key_of
from shared.format.flat import span
from shared.format.media import decode
from shared.sources.contract import Method, Part, Scope
from shared.sources.media import MediaSource
from shared.sources.media.scopes import spans, without


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


@pytest.fixture(scope="module")
def two(place: Place) -> tuple[str, str]:
    """Two buckets with files of hostile names."""
    buckets = (str(place.bucket().name), str(place.bucket().name))
    for bucket in buckets:
        seed(place.source(bucket), bucket, {name: body_of(name) for name in NAMES})
    return buckets


def keys(source: MediaSource, *prefixes: str, exclude: tuple[str, ...] = ()) -> set[bytes]:
    return set(read_all(source, Scope(prefixes, exclude)))


@pytest.mark.parametrize(
    "start", ["", "a", "a/", "/", "//", "é", "\U0010ffff", "\U0010ffff\U0010ffff", "\ud7ff", "n" * 1024]
)
def test_a_prefix_is_the_start_of_names_and_an_exclusion_the_rest(
    place: Place, two: tuple[str, str], start: str
) -> None:
    source = place.source(*two)
    prefix = f"{two[0]}/{start}" if start else two[0]
    inside = {key_of(two[0], name) for name in NAMES if name.startswith(start)}
    everything = {key_of(bucket, name) for bucket in two for name in NAMES}
    assert keys(source, prefix) == inside
    assert keys(source, exclude=(prefix,)) == everything - inside


def test_prefixes_may_overlap_and_exclusions_lie_anywhere(place: Place, two: tuple[str, str]) -> None:
    source, (one, other) = place.source(*two), two
    expected = {key_of(one, name) for name in NAMES if not name.startswith(("a/", "é"))}
    expected |= {key_of(other, name) for name in NAMES if name.startswith("a")}
    found = keys(source, one, f"{one}/a", f"{other}/a", exclude=(f"{one}/a/", f"{one}/é", f"{other}/n"))
    assert found == expected


def test_cuts_make_parts_that_hold_everything_once(place: Place, two: tuple[str, str]) -> None:
    source = place.source(*two)
    everything = read_all(source)
    cuts = [*sorted(everything)[::5], b"", b"no bucket\x00a", key_of(two[1], "between")]
    plan = source.plan(Scope(), source.instant(), cuts)
    assert len(plan.parts) > 5
    found = [pair for part in plan.parts for pair in flat(source.read(part))]
    assert found == sorted(everything.items())


def test_a_bucket_that_is_not_ours_is_refused(place: Place, two: tuple[str, str]) -> None:
    source = place.source(two[0])
    for scope in (Scope((two[1],)), Scope((), (two[1],)), Scope(("",))):
        with pytest.raises(BadInput, match="not among the buckets"):
            source.plan(scope, source.instant())
    with pytest.raises(BadInput, match="not among"):
        source.lookup([key_of(two[1], "a")])
    part = Part(0, *span(two[0]), Method.SORT, None, source.instant())
    with pytest.raises(BadInput, match="listed"):
        flat(source.read(part))


def test_more_than_a_page_is_read_and_resumed_from_any_place(place: Place) -> None:
    bucket = str(place.bucket().name)
    source = place.source(bucket)
    names = [f"{number:05d}" for number in range(1100)]
    seed(source, bucket, dict.fromkeys(names, b""))
    (part,) = source.plan(Scope(), source.instant()).parts
    assert [key for key, _ in flat(source.read(part))] == [key_of(bucket, name) for name in names]
    for number in (0, 999, 1000, 1001, 1098, 1099):
        rest = [key for key, _ in flat(source.read(part, key_of(bucket, names[number])))]
        assert rest == [key_of(bucket, name) for name in names[number + 1 :]]


def test_batches_end_after_many_bytes_so_that_their_reader_can_look_up(place: Place) -> None:
    listing = {
        "items": [
            {
                "name": f"{n}",
                "size": str(40 << 20),
                "generation": "1",
                "metageneration": "1",
                "crc32c": "AAAAAA==",
            }
            for n in range(5)
        ]
    }
    source = told(place, listing)
    (part,) = source.plan(Scope(), source.instant()).parts
    assert [len(keys) for keys, _ in source.read(part)] == [2, 2, 1]


def test_fetching_is_pinned_to_the_generation_and_exact(place: Place) -> None:
    bucket = str(place.bucket().name)
    source, key, data = place.source(bucket), key_of(bucket, "f"), Random(1).randbytes(10_000)
    seed(source, bucket, {"f": data})
    value = read_all(source)[key]
    for start, length in ((0, 10_000), (0, 1), (9_999, 1), (5, 0), (1234, 4321)):
        assert source.fetch(key, value, start, length) == data[start : start + length]
    for start, length in ((9_999, 2), (10_000, 1), (0, 10_001)):
        with pytest.raises((Corrupt, Unavailable)):
            source.fetch(key, value, start, length)
    place.client.bucket(bucket).blob("f").upload_from_string(data)
    with pytest.raises(NotFound, match="generation"):
        source.fetch(key, value, 0, 1)


class Told:
    """A service that answers every listing so."""

    def __init__(self, inner: Any, listing: object) -> None:
        self._inner = inner
        self._answer = SimpleNamespace(status=200, headers={}, data=json.dumps(listing).encode())

    def urlopen(self, method: str, url: str, **more: Any) -> Any:
        return self._answer


def told(place: Place, listing: object, bucket: str = "bucket") -> MediaSource:
    return MediaSource(
        Told(place.http, listing), [bucket], clock=place.clock, jitter=lambda: 0.5, endpoint=place.address
    )


GOOD = {"name": "a", "size": "0", "generation": "1", "metageneration": "1", "crc32c": "AAAAAA=="}
UNTIL = {"mode": "Locked", "retainUntilTime": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("listing", "error"),
    [
        ([], Corrupt), ({"items": {}}, Corrupt), ({"items": [{}]}, Corrupt),
        ({"items": [{**GOOD, "size": "x"}]}, Corrupt),
        ({"items": [{**GOOD, "crc32c": "x"}]}, Corrupt), ({"items": [{**GOOD, "metadata": {"a": 1}}]}, Corrupt),
        ({"items": [GOOD, GOOD]}, Unsupported), ({"items": [{**GOOD, "name": "b"}, GOOD]}, Unsupported),
        ({"items": [{**GOOD, "customerEncryption": {}}]}, Unsupported),
        ({"items": [{**GOOD, "updated": "1"}]}, Unsupported),
        ({"items": [{**GOOD, "retention": {**UNTIL, "new": 1}}]}, Corrupt),
    ],
)  # fmt: skip
def test_answers_that_cannot_be_are_refused(
    place: Place, listing: object, error: type[FirekeepError]
) -> None:
    source = told(place, listing)
    with pytest.raises(error):
        read_all(source)


def test_a_refusal_names_what_to_grant_and_no_more() -> None:
    answer = {
        "error": {"code": 403, "message": "secret", "errors": [{"reason": "forbidden", "message": "secret"}]}
    }

    class Refusing:
        def urlopen(self, method: str, url: str, **more: Any) -> Any:
            return SimpleNamespace(status=403, headers={}, data=json.dumps(answer).encode())

    place = Place()
    source = MediaSource(Refusing(), ["b"], clock=place.clock, jitter=lambda: 0.5)
    with pytest.raises(Denied, match=r"HTTP 403 forbidden.*roles/storage.objectViewer") as error:
        source.instant()
    assert "secret" not in str(error.value)
    place.close()


def test_nothing_listens_is_told_as_such(place: Place) -> None:
    source = MediaSource(
        place.http, ["b"], clock=place.clock, jitter=lambda: 0.5, endpoint="http://127.0.0.1:1"
    )
    with pytest.raises(Unavailable, match="no answer"):
        source.instant()


def test_a_source_of_no_bucket_holds_nothing(place: Place) -> None:
    source = place.source()
    assert source.plan(Scope(), source.instant()).parts == ()
    assert source.now().tzinfo is not None


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_about_the_file_it_names(place: Place, name: str) -> None:
    source = place.source("bucket")
    assert source.decode({"bucket": "bucket", "name": name, "size": "1"}) == key_of("bucket", name)
    assert source.decode(SimpleNamespace(bucket="bucket", name=name)) == key_of("bucket", name)


@pytest.mark.parametrize(
    "event",
    [None, b"x", {}, {"bucket": "bucket"}, {"name": "a"}, {"bucket": "other", "name": "a"},
     {"bucket": "bucket", "name": ""}, {"bucket": "bucket", "name": 5}, {"bucket": "bucket", "name": "\ud800"}],
)  # fmt: skip
def test_an_event_about_nothing_of_ours_is_refused(place: Place, event: object) -> None:
    with pytest.raises(BadInput):
        place.source("bucket").decode(event)


def test_every_field_of_an_object_is_read(place: Place) -> None:
    bucket = place.bucket()
    blob = bucket.blob("f")
    blob.upload_from_string(b"data", content_type="a/b")
    blob.metadata = {"a": "b"}
    blob.temporary_hold = True
    blob.patch()
    fields = decode(read_all(place.source(bucket.name))[key_of(bucket.name, "f")]).fields
    assert (fields["size"], fields["generation"], fields["contentType"]) == (4, blob.generation, "a/b")
    assert (fields["metadata"], fields["temporaryHold"], fields["storageClass"]) == (
        {"a": "b"},
        True,
        "STANDARD",
    )
    assert fields["crc32c"] == blob.crc32c
    assert fields["md5Hash"] == blob.md5_hash


def test_ranges_without_others_are_what_is_left() -> None:
    a, b, c, d = b"a", b"b", b"c", b"d"
    assert without([(a, d)], [(b, c)]) == [(a, b), (c, d)]
    assert without([(a, b), (c, d)], [(a, d)]) == []
    assert without([(a, c)], [(a, b)]) == [(b, c)]
    assert without([(a, b), (b, d)], [(b, c)]) == [(a, b), (c, d)]
    assert spans(Scope(("x/a", "x", "y/b")), ["x", "y"]) == [(b"x\0", b"x\0\xff"), (b"y\0b", b"y\0b\xff")]


def test_listing_goes_on_after_failures() -> None:
    with chaos(
        Fault("storage", "fail", "GET /storage/v1/b/*/o", nth=1, times=2),
        Fault("storage", "lost", "GET /storage/v1/b/*/o", nth=2),
        Fault("storage", "fail", "GET /storage/v1/b/*/o/f0", nth=1, status="INTERNAL"),
    ) as faults:
        place = Place(faults)
        bucket = str(place.bucket().name)
        source = place.source(bucket)
        seed(source, bucket, {f"f{number}": b"" for number in range(3)})
        assert len(read_all(source)) == 3
        assert len(read_all(source)) == 3
        assert source.lookup([key_of(bucket, "f0")]) != [None]
        place.close()
