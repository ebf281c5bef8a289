"""Patterns mean what their documentation says, and their literal part never cuts off what they mean."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.format.pattern import chooser, parse

SEGMENT = st.text(st.sampled_from("ab*?\\.[é"), min_size=0, max_size=4)
NAME = st.lists(st.text(st.sampled_from("ab*?\\.[é"), min_size=1, max_size=4), min_size=1, max_size=5).map(
    "/".join
)
PATTERN = st.lists(SEGMENT | st.just("**"), min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("users", ["users", "users/a", "users/a/b/c"], ["users2", "a/users", "user"]),
        ("users/", ["users", "users/a"], ["users2"]),
        (
            "users/*/drafts",
            ["users/a/drafts", "users/a/drafts/x"],
            ["users/a", "users/a/b/drafts", "users/drafts"],
        ),
        ("**/cache", ["cache", "a/cache", "a/b/cache/x"], ["cached", "a/cached"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z/y"], ["a", "a/b", "az"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
        ("log-??", ["log-01", "log-01/x"], ["log-1", "log-001", "log-0/"]),
        ("a\\*", ["a*", "a*/b"], ["ab", "a"]),
        ("a.b", ["a.b"], ["axb"]),
        ("bucket//x", ["bucket//x", "bucket//x/y"], ["bucket/x"]),
    ],
)
def test_a_pattern_means(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    parsed = parse(pattern)
    assert [name for name in (*meant, *not_meant) if parsed.matches(name)] == meant


@given(PATTERN, NAME)
def test_everything_meant_lies_under_the_literal_part(text: str, name: str) -> None:
    try:
        pattern = parse(text)
    except BadInput:
        return
    if pattern.matches(name) and pattern.literal:
        assert name == pattern.literal or name.startswith(pattern.literal + "/")
    if pattern.exact:
        assert pattern.matches(name) == (name == pattern.literal or name.startswith(pattern.literal + "/"))


@given(NAME)
def test_an_escaped_name_means_itself(name: str) -> None:
    pattern = parse(re.sub(r"([*?\\])", r"\\\1", name))
    assert pattern.exact
    assert pattern.literal == name
    assert pattern.matches(name)


def test_a_choice_is_what_is_included_but_for_what_is_excluded() -> None:
    chosen = chooser([parse("users"), parse("orders")], [parse("users/*/cache")])
    names = ["users/a", "users/a/cache/b", "orders/1", "shops/1"]
    assert [name for name in names if chosen(name)] == ["users/a", "orders/1"]
    assert [name for name in names if chooser([], [parse("shops")])(name)] == names[:3]


@pytest.mark.parametrize("text", ["", "/", "a\\", "a/b\\\\\\"])
def test_a_pattern_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)
