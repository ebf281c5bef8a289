"""References are found wherever they stand, by the quick way and by the thorough one alike."""

from __future__ import annotations

from typing import Any

import pytest
from format_record_values import DocumentPb
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Corrupt
from shared.format import references
from shared.format.references import absolutise, relativise

REFERENCE = "projects/demo-p/databases/(default)/documents/a/b"
NAMES = st.sampled_from(
    [REFERENCE, REFERENCE.replace("demo-p", "else"), REFERENCE.replace("(default)", "two")]
)
TEXTS = st.sampled_from(["", "databases/", REFERENCE, "x" * 200, "projects/demo-p/databases/"])
VALUES: Any = st.recursive(
    st.one_of(
        st.builds(lambda name: {"reference_value": name}, NAMES),
        st.builds(lambda text: {"string_value": text}, TEXTS),
        st.builds(lambda text: {"bytes_value": text.encode()}, TEXTS),
        st.just({"integer_value": -1}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda values: {"array_value": {"values": values}}, st.lists(inner, max_size=3)),
        st.builds(
            lambda fields: {"map_value": {"fields": fields}}, st.dictionaries(TEXTS, inner, max_size=3)
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.one_of(TEXTS, st.text(max_size=3)), VALUES, max_size=5))
def test_the_quick_way_and_the_thorough_one_agree(fields: dict[str, Any]) -> None:
    document = DocumentPb(
        fields=fields, create_time={"seconds": 1}, update_time={"seconds": 2, "nanos": 1000}
    )
    value = document.SerializeToString()
    rewrite = references._to_relative("demo-p", "(default)", "")
    relative = relativise(value, "demo-p", "(default)")
    assert relative == references._rewritten(value, "Document", rewrite, 0)
    assert absolutise(relative, "demo-p", "(default)") == value


@given(st.binary(max_size=60), st.integers(0, 60))
def test_rubbish_around_a_mark_is_corrupt_or_copied(rubbish: bytes, at: int) -> None:
    value = rubbish[:at] + b"databases/" + rubbish[at:]
    try:
        relativise(value, "p", "d")
    except (Corrupt, references.Unsupported):
        return


@pytest.mark.parametrize("length", [1, 80, 126, 127, 128, 129, 1000, 5000])
def test_lengths_around_it_grow_and_shrink_with_a_name(length: int) -> None:
    name = REFERENCE + "/" + "c/" + "d" * length
    value = DocumentPb(fields={"k" * length: {"reference_value": name}, "z": {"string_value": name}})
    relative = DocumentPb.FromString(relativise(value.SerializeToString(), "demo-p", "(default)"))
    assert relative.fields["k" * length].reference_value == name.removeprefix("projects/demo-p/")
    assert relative.fields["z"].string_value == name
