from __future__ import annotations

import math
from typing import Any

import pytest
from firestore_helpers import commit, name, put, refused
from google.cloud import firestore
from google.cloud.firestore_v1.types import DocumentTransform, Value, Write
from grpc import StatusCode

MOST = (1 << 63) - 1
NAN = float("nan")


@pytest.mark.parametrize(
    ("kind", "old", "operand", "new"),
    [
        ("increment", 1, 2, 3),
        ("increment", 1, 0.5, 1.5),
        ("increment", 1.5, 1, 2.5),
        ("increment", "text", 2, 2),
        ("increment", None, 2, 2),
        ("increment", MOST, 1, MOST),
        ("increment", -MOST - 1, -1, -MOST - 1),
        ("increment", 1, NAN, NAN),
        ("maximum", 1, 2, 2),
        ("maximum", 3, 2, 3),
        ("maximum", 3, 3.0, 3),
        ("maximum", 0, -0.0, 0),
        ("maximum", 1, NAN, NAN),
        ("maximum", NAN, 1, NAN),
        ("maximum", "text", 1, 1),
        ("minimum", 1, 2, 1),
        ("minimum", 2.5, 2, 2),
        ("minimum", NAN, 1, NAN),
        ("minimum", None, 1, 1),
    ],
)
def test_numbers_are_transformed(
    client: firestore.Client, kind: str, old: Any, operand: Any, new: Any
) -> None:
    document = client.document("C/a")
    document.set({"keep": 1} if old is None else {"f": {"g": old}, "keep": 1})
    number = {"double_value" if isinstance(operand, float) else "integer_value": operand}
    answer = commit(client, [transform("C/a", {"field_path": "f.g", kind: number})])
    got = document.get().to_dict()
    result = answer.write_results[0].transform_results[0]
    assert got["keep"] == 1
    assert type(got["f"]["g"]) is type(new)
    assert got["f"]["g"] == new or (math.isnan(got["f"]["g"]) and math.isnan(new))
    assert Value.pb(result).WhichOneof("value_type") == (
        "double_value" if isinstance(new, float) else "integer_value"
    )


def transform(path: str, *transforms: dict[str, Any]) -> Write:
    """A write that only transforms."""
    made = [DocumentTransform.FieldTransform(one) for one in transforms]
    return Write(update={"name": name(path)}, update_mask={"field_paths": []}, update_transforms=made)


def test_an_operand_that_is_no_number_is_refused(client: firestore.Client) -> None:
    with refused(StatusCode.INVALID_ARGUMENT):
        commit(client, [transform("C/a", {"field_path": "f", "increment": {"string_value": "1"}})])


def test_arrays_get_what_they_lack_and_lose_what_is_named(client: firestore.Client) -> None:
    document = client.document("C/a")
    document.set({"f": [1, "a", {"k": 1}, 1]})
    document.update({"f": firestore.ArrayUnion([1.0, "b", {"k": 1}, "b"])})
    assert document.get().get("f") == [1, "a", {"k": 1}, 1, "b"]
    document.update(
        {
            "f": firestore.ArrayRemove([1, {"k": 1}, "zz"]),
            "new": firestore.ArrayUnion([1]),
            "x": firestore.ArrayRemove([1]),
        }
    )
    assert document.get().to_dict() == {"f": ["a", "b"], "new": [1], "x": []}


def test_the_request_time_is_the_commits_to_the_millisecond(client: firestore.Client) -> None:
    document = client.document("C/a")
    time = document.set(
        {"t": firestore.SERVER_TIMESTAMP, "in": {"t": firestore.SERVER_TIMESTAMP}}
    ).update_time
    read = document.get()
    cut = time.replace(microsecond=time.microsecond // 1000 * 1000)
    assert read.get("t") == read.get("in.t") == cut
    assert read.update_time == time


def test_several_transforms_are_carried_out_in_order(client: firestore.Client) -> None:
    steps = [
        {"field_path": "n", "increment": {"integer_value": 5}},
        {"field_path": "n", "maximum": {"integer_value": 7}},
        {"field_path": "n", "increment": {"integer_value": 1}},
    ]
    answer = commit(client, [put("C/a"), transform("C/a", *steps)])
    assert [one.integer_value for one in answer.write_results[1].transform_results] == [5, 7, 8]
    assert client.document("C/a").get().to_dict() == {"n": 8}


def test_a_write_has_at_most_five_hundred_transforms(client: firestore.Client) -> None:
    steps = [{"field_path": f"n{n}", "increment": {"integer_value": n}} for n in range(501)]
    with refused(StatusCode.INVALID_ARGUMENT, "500"):
        commit(client, [transform("C/a", *steps)])
    commit(client, [transform("C/a", *steps[:500])])


def test_the_older_kind_of_transform_write_works(client: firestore.Client) -> None:
    step = DocumentTransform.FieldTransform(field_path="n", increment={"integer_value": 5})
    commit(client, [Write(transform=DocumentTransform(document=name("C/a"), field_transforms=[step]))])
    assert client.document("C/a").get().to_dict() == {"n": 5}
