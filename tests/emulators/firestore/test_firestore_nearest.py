from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from firestore_helpers import query, refused
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.types import StructuredQuery
from google.cloud.firestore_v1.vector import Vector
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Numbers = list[float]


def cosine(one: Numbers, two: Numbers) -> float:
    lengths = math.sqrt(sum(a * a for a in one)) * math.sqrt(sum(b * b for b in two))
    return 1 - sum(a * b for a, b in zip(one, two, strict=True)) / lengths


MEASURES: dict[DistanceMeasure, Callable[[Numbers, Numbers], float]] = {
    DistanceMeasure.EUCLIDEAN: lambda v, w: math.sqrt(sum((a - b) ** 2 for a, b in zip(v, w, strict=True))),
    DistanceMeasure.COSINE: cosine,
    DistanceMeasure.DOT_PRODUCT: lambda v, w: sum(a * b for a, b in zip(v, w, strict=True)),
}
whole = st.integers(-4, 4).map(float)
vectors = st.lists(whole, min_size=2, max_size=3).filter(any)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stored=st.lists(vectors, max_size=8),
    wanted=vectors,
    measure=st.sampled_from(list(MEASURES)),
    limit=st.integers(1, 5),
    threshold=st.one_of(st.none(), st.floats(-2, 6)),
)
def test_the_nearest_are_those_the_model_finds(
    client: firestore.Client,
    stored: list[Numbers],
    wanted: Numbers,
    measure: DistanceMeasure,
    limit: int,
    threshold: float | None,
) -> None:
    for one in client.collection("V").list_documents():
        one.delete()
    for number, vector in enumerate(stored):
        client.document(f"V/{number}").set({"v": Vector(vector)})
    far = [(MEASURES[measure](v, wanted), str(n)) for n, v in enumerate(stored) if len(v) == len(wanted)]
    sign = -1 if measure == DistanceMeasure.DOT_PRODUCT else 1
    if threshold is not None:
        far = [pair for pair in far if sign * pair[0] <= sign * threshold + 1e-9]
    asked = client.collection("V").find_nearest(
        "v", Vector(wanted), limit, measure, distance_result_field="far", distance_threshold=threshold
    )
    found = [one.get("far") for one in asked.get()]
    assert found == pytest.approx(
        [distance for distance, _ in sorted(far, key=lambda p: sign * p[0])[:limit]]
    )


def load(client: firestore.Client) -> Any:
    rows: dict[str, dict[str, Any]] = {
        "a": {"v": Vector([1.0, 0.0]), "c": 1},
        "b": {"v": Vector([2.0, 0.0]), "c": 2},
        "list": {"v": [1.0, 0.0], "c": 1},
        "long": {"v": Vector([1.0, 0.0, 0.0]), "c": 1},
        "none": {"c": 1},
        "zero": {"v": Vector([0.0, 0.0]), "c": 1},
    }
    for identity, fields in rows.items():
        client.document(f"C/{identity}").set(fields)
    return client.collection("C")


def test_only_vectors_of_the_same_dimension_take_part(client: firestore.Client) -> None:
    asked = load(client).find_nearest("v", Vector([2.0, 0.0]), 10, DistanceMeasure.EUCLIDEAN)
    assert [one.id for one in asked.get()] == ["b", "a", "zero"]
    asked = load(client).find_nearest("v", Vector([2.0, 0.0]), 10, DistanceMeasure.COSINE)
    assert [one.id for one in asked.get()] == ["a", "b"]


def test_filters_come_before_and_projections_after(client: firestore.Client) -> None:
    filtered = load(client).where(filter=FieldFilter("c", "==", 1))
    asked = filtered.find_nearest("v", Vector([2.0, 0.0]), 1, DistanceMeasure.EUCLIDEAN)
    assert [one.id for one in asked.get()] == ["a"]
    asked = filtered.select(["c"]).find_nearest(
        "v", Vector([2.0, 0.0]), 1, DistanceMeasure.EUCLIDEAN, distance_result_field="far"
    )
    assert [one.to_dict() for one in asked.get()] == [{"c": 1, "far": 1.0}]


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0},
        {"limit": 1001},
        {"query_vector": {"integer_value": 1}},
        {"distance_measure": 0},
        {"vector_field": {"field_path": ""}},
    ],
)
def test_what_makes_no_sense_is_refused(client: firestore.Client, change: dict[str, Any]) -> None:
    nearest = load(client).find_nearest("v", Vector([2.0, 0.0]), 1, DistanceMeasure.EUCLIDEAN)
    fields = type(nearest._to_protobuf()).to_dict(nearest._to_protobuf())["find_nearest"] | change
    asked = StructuredQuery(from_=[{"collection_id": "C"}], find_nearest=fields)
    with refused(StatusCode.INVALID_ARGUMENT):
        query(client, asked)
