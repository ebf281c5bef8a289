"""Media records: one spelling each, nothing lost on the way, and equality that means what a restore can do."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contents import MEDIA
from shared.errors import Corrupt, FirekeepError, Unsupported
from shared.format import canonical
from shared.format.flat import encode as key_of
from shared.format.forms import FORMS
from shared.format.media import (
    LISTED,
    MOST_CHUNK,
    Chunk,
    Media,
    bare,
    decode,
    encode,
    equal,
    guard,
    spelled,
    weight,
    with_content,
)
from shared.format.node import Root

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SUM = st.binary(min_size=4, max_size=4).map(lambda data: base64.b64encode(data).decode())
MD5 = st.binary(min_size=16, max_size=16).map(lambda data: base64.b64encode(data).decode())
TIME = st.sampled_from(["2026-03-29T01:59:59Z", "2026-03-29T01:59:59.1Z", "0001-01-01T00:00:00.000000001Z"])
RETENTION = st.fixed_dictionaries({"mode": st.sampled_from(["Locked", "Unlocked"]), "retainUntilTime": TIME})
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("contentType", "contentEncoding", "cacheControl", "storageClass"), TEXT),
    **dict.fromkeys(("contentLanguage", "contentDisposition"), TEXT),
    **dict.fromkeys(("temporaryHold", "eventBasedHold"), st.just(True)),
    **dict.fromkeys(("generation", "metageneration"), st.integers(0, 2**63 - 1)),
    **dict.fromkeys(("timeCreated", "updated", "customTime"), TIME),
    "md5Hash": MD5,
    "retention": RETENTION,
    "metadata": st.dictionaries(TEXT, TEXT, min_size=1, max_size=4),
}
CHUNKS = st.lists(
    st.builds(Chunk, st.binary(min_size=32, max_size=32), st.integers(1, MOST_CHUNK)), max_size=5
)


@st.composite
def media(draw: st.DrawFn) -> Media:
    fields = draw(st.fixed_dictionaries({"crc32c": SUM}, optional=OPTIONAL))
    form = draw(st.sampled_from(["none", "list", "tree"]))
    if form == "tree":
        count = draw(st.integers(LISTED + 1, 1 << 40))
        root = Root(draw(st.binary(min_size=32, max_size=32)), draw(st.integers(0, 63)), count, 44 * count)
        return Media({**fields, "size": draw(st.integers(count, min(count * MOST_CHUNK, 2**63 - 1)))}, root)
    chunks = tuple(draw(CHUNKS))
    size = sum(chunk.length for chunk in chunks)
    return Media({**fields, "size": size}, chunks if form == "list" else None)


def simple(**fields: Any) -> bytes:
    start = {
        "size": 3,
        "crc32c": "AAAAAA==",
        "generation": 5,
        "metageneration": 2,
        "updated": "2026-01-01T00:00:00Z",
    }
    return encode(Media({**start, **fields}))


@given(media())
def test_what_is_encoded_is_decoded(made: Media) -> None:
    assert decode(encode(made)) == made
    assert weight(encode(made)) == made.size


@given(media(), st.data())
def test_a_changed_byte_is_refused_or_another_record(made: Media, data: st.DataObject) -> None:
    value = encode(made)
    place = data.draw(st.integers(0, len(value) - 1))
    changed = bytearray(value)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = decode(bytes(changed))
    except FirekeepError as error:
        assert isinstance(error, Corrupt | Unsupported)
    else:
        assert encode(found) == bytes(changed) != value


@given(media(), st.data())
def test_a_record_that_is_cut_short_or_goes_on_is_refused(made: Media, data: st.DataObject) -> None:
    value = encode(made)
    with pytest.raises((Corrupt, Unsupported)):
        decode(value[: data.draw(st.integers(0, len(value) - 1))])
    with pytest.raises((Corrupt, Unsupported)):
        decode(value + b"\x00")


@given(media())
def test_a_bare_record_is_equal_and_has_nothing_that_a_restore_cannot_bring(made: Media) -> None:
    value = encode(made)
    assert equal(value, bare(value))
    assert bare(bare(value)) == bare(value)
    assert not decode(bare(value)).fields.keys() & {"generation", "metageneration", "updated", "timeCreated"}
    assert decode(bare(value)).content is None


def test_equality_leaves_out_what_the_service_sets_and_where_bytes_lie() -> None:
    one = simple(metadata={"a": "b"})
    other = simple(metadata={"a": "b"}, generation=9, metageneration=1, timeCreated="2020-01-01T00:00:00Z")
    assert equal(one, with_content(other, (Chunk(bytes(32), 3),)))


@pytest.mark.parametrize(
    "fields",
    [
        {"size": 4}, {"crc32c": "AAAAAQ=="}, {"contentType": "a/b"}, {"contentEncoding": "gzip"},
        {"metadata": {"firebaseStorageDownloadTokens": "t"}}, {"storageClass": "ARCHIVE"}, {"temporaryHold": True},
        {"eventBasedHold": True}, {"customTime": "2026-01-01T00:00:00Z"}, {"cacheControl": "x"},
        {"contentLanguage": "de"}, {"contentDisposition": "x"},
        {"retention": {"mode": "Unlocked", "retainUntilTime": "2027-01-01T00:00:00Z"}},
    ],
)  # fmt: skip
def test_everything_else_counts(fields: dict[str, Any]) -> None:
    assert not equal(simple(), simple(**fields))
    assert not equal(simple(**fields), simple())


def test_a_composed_object_without_md5_equals_its_restored_self_and_other_bytes_do_not() -> None:
    ours, theirs = (base64.b64encode(bytes([n]) * 16).decode() for n in (1, 2))
    assert equal(simple(md5Hash=ours), simple())
    assert not equal(simple(md5Hash=ours), simple(md5Hash=theirs))


def test_no_type_and_the_type_it_is_served_as_are_the_same() -> None:
    assert equal(simple(), simple(contentType="application/octet-stream"))
    assert equal(simple(contentType=""), simple())


def test_a_retention_that_was_over_when_the_other_was_written_does_not_count() -> None:
    over = {"mode": "Locked", "retainUntilTime": "2025-12-31T23:59:59.999Z"}
    assert equal(simple(retention=over), simple())
    assert equal(simple(), simple(retention=over))
    assert not equal(simple(retention={**over, "retainUntilTime": "2026-01-01T00:00:00.001Z"}), simple())


def test_the_guard_is_generation_and_metageneration() -> None:
    assert guard(simple()) == "5/2"
    with pytest.raises(Corrupt, match="generation"):
        guard(bare(simple()))


@pytest.mark.parametrize(
    "fields",
    [
        {"size": -1}, {"size": 2**63}, {"size": True}, {"size": "3"}, {"crc32c": "AAAAAA"}, {"crc32c": "AAAAAAA="},
        {"md5Hash": "AAAAAA=="}, {"metadata": {}}, {"metadata": {"a": 1}}, {"temporaryHold": False},
        {"customTime": "2026-01-01T00:00:00.10Z"}, {"customTime": "yesterday"}, {"contentType": None},
        {"retention": {"mode": "Locked"}}, {"retention": {"mode": "Locked", "retainUntilTime": "now"}},
    ],
)  # fmt: skip
def test_values_that_no_field_has_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Corrupt):
        simple(**fields)


def test_what_a_newer_release_may_write_is_unsupported_and_not_called_damage() -> None:
    with pytest.raises(Unsupported, match="contexts"):
        simple(contexts={})
    value = simple()
    with pytest.raises(Unsupported, match="version 2"):
        decode(b"\xd2" + value[1:])
    with pytest.raises(Unsupported, match="form 3"):
        decode(value[:-1] + b"\x03")


def test_a_head_that_is_not_canonical_is_refused() -> None:
    head = canonical.encode({"size": 0, "crc32c": "AAAAAA=="}).replace(b",", b", ")
    with pytest.raises(Corrupt):
        decode(b"\xd1" + len(head).to_bytes(4, "little") + head + b"\x00")


def test_a_size_that_chunks_do_not_add_up_to_is_refused() -> None:
    with pytest.raises(Corrupt):
        with_content(simple(), (Chunk(bytes(32), 2),))
    with pytest.raises(Corrupt):
        with_content(simple(), Root(bytes(32), 0, LISTED + 1, 44 * (LISTED + 1)))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00.120Z", "2026-01-01T00:00:00.12Z"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456789Z"),
    ],
)
def test_times_are_spelled_in_one_way(told: str, kept: str) -> None:
    assert spelled(told) == kept
    with pytest.raises(Unsupported):
        spelled(told.replace("Z", "+01:00"))


def test_the_form_shows_and_reads_names_as_people_type_them() -> None:
    form = FORMS[MEDIA]
    for name in ("a", "/a", "a//b", "ü/ b"):
        key = key_of("bucket", name)
        assert form.key(form.name(key)) == key
        start, end = form.span("bucket/" + name[:1])
        assert start <= key < end
        assert form.group(key)[0] == "bucket"
        assert key < form.group(key)[1] <= key_of("bucket0", "a")


GOLDEN = {
    "size": 300,
    "crc32c": "yZRlqg==",
    "md5Hash": "rL0Y20zC+Fzt72VPzMSk2A==",
    "generation": 1774749599123456,
    "metageneration": 3,
    "contentType": "image/png",
    "metadata": {"firebaseStorageDownloadTokens": "a,b", "é": "😀"},
    "retention": {"mode": "Locked", "retainUntilTime": "2027-01-01T00:00:00Z"},
    "temporaryHold": True,
    "timeCreated": "2026-03-29T01:59:59.123Z",
    "updated": "2026-03-29T01:59:59.123Z",
}


def test_records_are_spelled_as_version_1_spells_them() -> None:
    """A change here is a new version of the format."""
    chunks = (Chunk(bytes(range(32)), 299), Chunk(bytes(32), 1))
    tree = Root(bytes(range(32)), 1, 257, 257 * 44)
    digests = [
        hashlib.sha256(encode(made)).hexdigest()
        for made in (Media(GOLDEN), Media(GOLDEN, chunks), Media({"size": 300, "crc32c": "yZRlqg=="}, tree))
    ]
    assert digests == [
        "9b9a569bcbca47ea3da9faf2d9b0acef7dae85f65d7d29b82658b66fb5631517",
        "9ccc097c2c15966cfb99c7e7942d50cd5aee974325664de3772675f07acfea48",
        "a743e9e6498901b02c04ebd0ad2f25b0285769f71a0b088fe2d1705d24e6fb96",
    ]
