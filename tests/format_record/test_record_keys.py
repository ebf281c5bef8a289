"""Keys sort as Firestore sorts names, and one path has one key."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput, Corrupt
from shared.format import key as k

HOSTILE = [
    "a", "a\x00", "a\x01", "a\x00b", "\x00", "\x01", "\x01\x02", "\x00\x01\x01", "ab", "b", "A", "~", "é",
    unicodedata.normalize("NFD", "é"), "日本", "😀", "\uffff", "'\"", " ", "%2F", "__id5__", "__id-5__", "__id05__",
    "__id-0__", "__id0__", "__id9223372036854775807__", "__id9223372036854775808__", k.MIN_ID, "x__id5__", "5", "10",
]  # fmt: skip

ids = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=6),
    st.integers(-(1 << 63), (1 << 63) - 1).map(lambda n: f"__id{n}__"),
)
paths = st.lists(ids, min_size=1, max_size=5).map("/".join)


def model(path: str) -> list[tuple[int, int, bytes]]:
    """Firestore's order, said plainly."""
    out = []
    for segment in path.split("/"):
        body = (
            segment[4:-2]
            if segment.startswith("__id") and segment.endswith("__") and len(segment) > 6
            else ""
        )
        if (
            body.lstrip("-").isdecimal()
            and body.isascii()
            and str(int(body)) == body
            and -(1 << 63) <= int(body) < 1 << 63
        ):
            out.append((0, int(body), b""))
        else:
            out.append((1, 0, segment.encode()))
    return out


@given(paths, paths)
def test_keys_sort_as_firestore_sorts_names(a: str, b: str) -> None:
    assert (k.key_of_path(a) < k.key_of_path(b)) == (model(a) < model(b))


@given(paths)
def test_a_path_comes_back_from_its_key(path: str) -> None:
    assert k.path_of(k.key_of_path(path)) == path


def test_every_two_hostile_ids_sort_right_at_every_depth() -> None:
    every = [f"{a}/{b}" for a in HOSTILE for b in HOSTILE] + HOSTILE
    assert sorted(every, key=k.key_of_path) == sorted(every, key=model)


@given(paths)
def test_the_quick_way_from_a_name_equals_the_careful_one(path: str) -> None:
    prefix = b"projects/p/databases/(default)/documents/"
    expected = k.encode([segment.encode() for segment in path.split("/")])
    assert k.key_of_name(prefix + path.encode(), len(prefix)) == expected


@given(st.lists(paths, max_size=5))
def test_many_names_at_once_give_the_same_keys_as_one_by_one(many: list[str]) -> None:
    assert k.keys_of_names([path.encode() for path in many]) == [k.key_of_path(path) for path in many]


def test_a_name_that_is_not_utf8_never_becomes_two_keys() -> None:
    with pytest.raises(Corrupt):
        k.keys_of_names([b"a/b", b"a/\xff"])


@given(st.binary(max_size=24))
def test_any_bytes_are_a_canonical_key_or_corrupt(data: bytes) -> None:
    try:
        path = k.path_of(data)
    except Corrupt:
        return
    assert k.key_of_path(path) == data


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00", b"a\x00", b"\x00a", b"a\x00\x00b", b"a\x01", b"a\x01\x03", b"a\x01\x00b", b"\x01\x00\x00",
        b"\x01\x00" + bytes(8) + b"a", b"\x01\x00" + bytes(8) + b"\x01", b"__id5__", b"a\x00__id-5__", b"a/b",
        b"\xff", b"\xed\xa0\x80", b"\xc0\x80",
    ],
)  # fmt: skip
def test_a_key_that_no_path_has_is_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt):
        k.path_of(data)


@given(paths, paths)
def test_a_prefix_range_holds_the_path_and_what_is_below_it_and_nothing_else(a: str, b: str) -> None:
    start, end = k.prefix_range(a)
    assert (start <= k.key_of_path(b) < end) == (b == a or b.startswith(a + "/"))


documents = st.lists(ids, min_size=2, max_size=4).filter(lambda s: len(s) % 2 == 0).map("/".join)


@given(paths, st.sampled_from([b"", b"\x00", b"\x01"]), documents)
def test_a_bound_and_its_query_cursor_cut_documents_at_the_same_place(
    path: str, mark: bytes, document: str
) -> None:
    bound = k.key_of_path(path) + mark
    cursor, before = k.cursor_of(bound)
    place = k.key_of_path(cursor)
    key = k.key_of_path(document)
    assert len(cursor.split("/")) % 2 == 0
    assert (key < bound) == (key < place if before else key <= place)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("", "empty"), ("/a", "empty"), ("a/", "empty"), ("a//b", "empty"), ("a/.", "not an id"), ("../b", "not an id"),
        ("a/__x__", "reserved"), ("a/__id05__", "reserved"), ("a/__id9223372036854775808__", "reserved"),
        ("a/____", "reserved"), ("a/\ud800", "unicode"), ("a/" + "é" * 751, "1502 bytes"),
        ("/".join(["a"] * 201), "201 segments"), ("/".join(["a" * 1500] * 5), "bytes long"),
    ],
)  # fmt: skip
def test_a_path_firestore_would_not_take_is_refused_with_the_reason(path: str, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        k.checked_path(path)


@pytest.mark.parametrize(
    "path", ["a", "a/b", "a/__id-7__", "a/__x", "a/" + "é" * 750, "a/😀 \"'", "a/5", "a/..."]
)
def test_a_path_firestore_takes_passes_unchanged(path: str) -> None:
    assert k.checked_path(path) == path


def test_documents_and_collections_are_told_apart() -> None:
    assert k.is_document(k.key_of_path("a/b"))
    assert not k.is_document(k.key_of_path("a/b/c"))
