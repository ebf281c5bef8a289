"""Keys of files and accounts: one for each name, in the order services list them, and nothing else decodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadInput, Corrupt
from shared.format import flat

CONTAINERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(CONTAINERS | st.just(""), NAMES)
def test_a_name_has_one_key_and_is_read_back(container: str, name: str) -> None:
    key = flat.encode(container, name)
    assert flat.decode(key) == (container, name)
    assert flat.parse(flat.shown(key)) == key


@given(st.lists(st.tuples(CONTAINERS, NAMES), unique=True))
def test_keys_sort_by_container_and_then_by_the_names_bytes(names: list[tuple[str, str]]) -> None:
    by_key = sorted(names, key=lambda pair: flat.encode(*pair))
    assert by_key == sorted(names, key=lambda pair: (pair[0].encode(), pair[1].encode()))


@given(CONTAINERS, NAMES, CONTAINERS, NAMES)
def test_a_span_holds_what_begins_so_and_nothing_else(one: str, start: str, other: str, name: str) -> None:
    for container, text in ((one, name), (other, name), (one, start + name), (one, start)):
        key = flat.encode(container, text)
        low, high = flat.span(f"{one}/{start}")
        assert (low <= key < high) == (container == one and text.startswith(start))
        low, high = flat.span(one)
        assert (low <= key < high) == (container == one)
        assert flat.span(f"{one}/") == (low, high)


@pytest.mark.parametrize(
    "key", [b"", b"\x00", b"bucket", b"bucket\x00", b"a/b\x00c", b"\xff\x00a", b"a\x00\xff", b".\x00a"]
)
def test_a_key_that_no_name_has_is_damage(key: bytes) -> None:
    with pytest.raises(Corrupt):
        flat.decode(key)


@pytest.mark.parametrize("text", ["", "bucket", "bucket/", "../x", "a b/c", "bucket/\ud800"])
def test_a_text_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        flat.parse(text)
