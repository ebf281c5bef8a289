from __future__ import annotations

import unicodedata
from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.firestore.keys import BLOCK, KeySet
from emulators.firestore.paths import KEY_END, key_of, path_of, segment_end, segments_of

ids = st.one_of(
    st.text(st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1, max_size=6),
    st.sampled_from(
        ["a", "a\x00", "a\x01", "a\x02", "aa", "\x00", "\x01", "e\u0301", "\u00e9", "\uffff", "\U00010000"]
    ),
    st.sampled_from(
        ["__id7__", "__id-7__", "__id07__", "__id9223372036854775807__", "__id9223372036854775808__"]
    ),
    st.integers(-(1 << 63), (1 << 63) - 1).map(lambda n: f"__id{n}__"),
)
paths = st.lists(ids, min_size=1, max_size=5).map("/".join)


def model(path: str) -> list[tuple[int, int, bytes]]:
    return [segment_model(segment) for segment in path.split("/")]


def segment_model(segment: str) -> tuple[int, int, bytes]:
    inner = segment.removeprefix("__id").removesuffix("__")
    if segment == f"__id{inner}__" and inner.lstrip("-").isascii() and inner.lstrip("-").isdigit():
        number = int(inner)
        if str(number) == inner and -(1 << 63) <= number < 1 << 63:
            return (0, number, b"")
    return (1, 0, segment.encode())


@given(paths, paths)
def test_keys_sort_as_names_do(one: str, other: str) -> None:
    assert (key_of(one) < key_of(other)) == (model(one) < model(other))
    assert (key_of(one) == key_of(other)) == (one == other)


@given(paths)
def test_a_key_gives_its_path_back(path: str) -> None:
    assert path_of(key_of(path)) == path
    assert segments_of(key_of(path)) == path.split("/")
    assert key_of(path)[: segment_end(key_of(path), 0)] == key_of(path.split("/", maxsplit=1)[0])


@given(paths, paths)
def test_what_is_below_a_path_and_only_that_lies_between_its_key_and_the_end(top: str, other: str) -> None:
    below = f"{top}/{other}"
    assert key_of(top) < key_of(below) < key_of(top) + KEY_END
    inside = other == top or other.startswith(top + "/")
    assert (key_of(top) <= key_of(other) < key_of(top) + KEY_END) == inside


def test_both_unicode_normal_forms_are_names_of_their_own() -> None:
    composed, decomposed = unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")
    assert key_of(f"C/{composed}") != key_of(f"C/{decomposed}")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_key_set_is_a_sorted_set(data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 9999), unique=True, max_size=60))
    kept, model_keys = KeySet(), []
    # More than a block of keys below, between and above the drawn ones, so that blocks split and empty.
    fill = data.draw(st.sampled_from([0, BLOCK * 2 + 3]))
    keys = [b"%04d" % n for n in numbers] + [b"%04d+" % (n * 7919 % 10000) for n in range(fill)]
    for key in keys:
        kept.add(key)
        model_keys.insert(bisect_left(model_keys, key), key)
    for key in keys[:: data.draw(st.sampled_from([1, 2, 5]))]:
        kept.remove(key)
        model_keys.remove(key)
    low, high = sorted((b"%04d" % data.draw(st.integers(0, 9999)), b"%04d" % data.draw(st.integers(0, 9999))))
    most = data.draw(st.sampled_from([1, 3, 5000]))
    inside = [key for key in model_keys if low <= key < high]
    assert len(kept) == len(model_keys)
    assert bool(kept) == bool(model_keys)
    assert kept.ascending(low, high, most) == inside[:most]
    assert kept.descending(low, high, most) == inside[::-1][:most]
    assert kept.count_below(high) - kept.count_below(low) == len(inside)
    assert kept.every(3, low, high) == inside[3::3]
