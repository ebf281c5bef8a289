"""Listings against a model: whatever the names, prefixes, offsets and page sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.cloud import storage
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from storage_helpers import Raw

from emulators.storage.content import EMPTY
from emulators.storage.globs import compile_glob
from emulators.storage.listing import Place, Query, decode_token, encode_token, list_page
from emulators.storage.model import Bucket, Entry, Version

ALPHABET = ["a", "b", "/", "//", "é", "e\u0301", "\U0010ffff", "\ud7ff", "\ue000", "Z", "0"]
names = st.lists(st.sampled_from(ALPHABET), min_size=1, max_size=5).map("".join)
texts = st.one_of(st.just(""), names)


def filled(held: dict[str, tuple[int, bool]]) -> Bucket:
    bucket = Bucket("b", "p", {"softDeletePolicy": {"retentionDurationSeconds": "0"}}, 1, 1, 1)
    generation = 0
    for name, (count, live) in held.items():
        entry = Entry()
        for _ in range(count):
            generation += 1
            entry.archived.append(Version("b", name, generation, EMPTY, {}, "STANDARD", 1, 1))
        if live:
            entry.live = entry.archived.pop()
        bucket.entries[name] = entry
    return bucket


def model(held: dict[str, tuple[int, bool]], query: Query) -> tuple[list[Place], list[str]]:
    """The items and the prefixes, found without any cleverness."""
    items: list[Place] = []
    prefixes: set[str] = set()
    generation = 0
    for name, (count, live) in held.items():
        mine = [(name, generation + i + 1) for i in range(count)]
        generation += count
        shown = mine if query.versions else mine[-1:] if live else []
        encoded = name.encode()
        if not shown or not name.startswith(query.prefix) or encoded < query.start.encode():
            continue
        if query.end and encoded >= query.end.encode():
            continue
        head, found, _ = (
            name[len(query.prefix) :].partition(query.delimiter) if query.delimiter else (name, "", "")
        )
        if found:
            prefixes.add(query.prefix + head + found)
        if not found or (query.trailing and name == query.prefix + head + found):
            items += shown
    return sorted(items, key=lambda each: (each[0].encode(), each[1])), sorted(prefixes, key=str.encode)


queries = st.builds(
    Query,
    prefix=texts,
    delimiter=st.sampled_from(["", "/", "a", "//", "\U0010ffff"]),
    start=texts,
    end=texts,
    versions=st.booleans(),
    trailing=st.booleans(),
    most=st.integers(1, 4),
)
holdings = st.dictionaries(names, st.tuples(st.integers(1, 3), st.booleans()), max_size=25)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(holdings, queries)
@example({"a/": (1, True), "a/b": (1, True), "a": (1, True)}, Query(delimiter="/", trailing=True, most=1))
@example({"\U0010ffff\U0010ffff": (2, True), "\U0010ffffa": (1, True)}, Query(delimiter="\U0010ffff", most=1))
def test_pages_put_together_are_what_the_model_finds(held: dict[str, tuple[int, bool]], query: Query) -> None:
    bucket = filled(held)
    items: list[Place] = []
    prefixes: list[str] = []
    after: Place | None = None
    while True:
        page = list_page(bucket, replace(query, after=after))
        assert len(page.items) + len(page.prefixes) <= query.most
        items += [(each.name, each.generation) for each in page.items]
        prefixes += page.prefixes
        if page.next is None:
            break
        after = decode_token(encode_token(page.next))
    assert (items, prefixes) == model(held, query)


def test_pages_cover_what_stays_though_others_come_and_go(
    bucket: storage.Bucket, client: storage.Client
) -> None:
    for i in range(0, 40, 2):
        bucket.blob(f"stays{i:02}").upload_from_string(b"")
    seen = []
    for blob in client.list_blobs(bucket, page_size=3):
        seen.append(blob.name)
        number = int(blob.name[-2:])
        if number % 2 == 0:
            bucket.blob(f"stays{number:02}").delete()
            bucket.blob(f"stays{number + 1:02}").upload_from_string(b"")
    assert [name for name in seen if int(name[-2:]) % 2 == 0] == [f"stays{i:02}" for i in range(0, 40, 2)]
    assert seen == sorted(set(seen))


def test_the_client_lists_by_prefix_delimiter_offsets_and_pattern(
    bucket: storage.Bucket, client: storage.Client
) -> None:
    for name in ("a/1.txt", "a/2.jpg", "a/b/3.txt", "a/b/", "b.txt", "c/4.txt"):
        bucket.blob(name).upload_from_string(b"")

    def listed(**options: object) -> tuple[list[str], list[str]]:
        found = client.list_blobs(bucket, page_size=2, **options)
        return [each.name for each in found], sorted(found.prefixes)

    assert listed(delimiter="/") == (["b.txt"], ["a/", "c/"])
    assert listed(prefix="a/", delimiter="/") == (["a/1.txt", "a/2.jpg"], ["a/b/"])
    assert listed(prefix="a/", delimiter="/", include_trailing_delimiter=True) == (
        ["a/1.txt", "a/2.jpg", "a/b/"],
        ["a/b/"],
    )
    assert listed(start_offset="a/2.jpg", end_offset="b.txt") == (["a/2.jpg", "a/b/", "a/b/3.txt"], [])
    assert listed(match_glob="**.txt")[0] == ["a/1.txt", "a/b/3.txt", "b.txt", "c/4.txt"]
    assert listed(match_glob="*/[0-9].{txt,jpg}")[0] == ["a/1.txt", "a/2.jpg", "c/4.txt"]
    assert len(list(client.list_blobs(bucket, max_results=4))) == 4


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("a*c", ["ac", "abc"], ["a/c", "abcd"]),
        ("a**c", ["ac", "a/b/c"], ["a/b"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("[!a-c]x", ["dx"], ["ax", "/x"]),
        ("a.{b,c*}", ["a.b", "a.cd"], ["aXb", "a.d"]),
        (r"a\*", ["a*"], ["ab"]),
        ("(a|b)$", ["(a|b)$"], ["a"]),
    ],
)
def test_patterns_match_as_they_are_documented(pattern: str, matching: list[str], other: list[str]) -> None:
    compiled = compile_glob(pattern)
    assert all(compiled.fullmatch(name) for name in matching)
    assert not any(compiled.fullmatch(name) for name in other)


@pytest.mark.parametrize("query", ["pageToken=x", "pageToken=!!", "maxResults=-1", "maxResults=x", "matchGlob=%5Ba",
                                   "matchGlob=%7Ba", "versions=true&softDeleted=true"])  # fmt: skip
def test_a_listing_with_a_bad_parameter_is_refused(bucket: storage.Bucket, address: str, query: str) -> None:
    with Raw(address) as raw:
        assert raw("GET", f"/storage/v1/b/{bucket.name}/o?{query}").status == 400
