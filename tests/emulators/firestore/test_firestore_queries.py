from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any

import pytest
from firestore_helpers import DOCUMENTS, commit, count, everything, name, put, query, refused
from google.cloud import firestore
from google.cloud.firestore_v1 import And, Or
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.types import StructuredAggregationQuery, StructuredQuery, Value
from google.cloud.firestore_v1.vector import Vector
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

START = datetime(2020, 1, 1, tzinfo=UTC)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(
        [0, -0.0, 1, 1.0, 1.5, -3, 1 << 53, (1 << 53) + 1, float(1 << 53), math.nan, math.inf, -math.inf]
    ),
    st.sampled_from(["", "a", "aa", "b", "e\u0301", "\u00e9", "\uffff", "\U00010000"]),
    st.sampled_from([b"", b"a", b"\xff"]),
    st.integers(0, 3).map(lambda n: START + timedelta(microseconds=n)),
)
values = st.one_of(
    scalars, st.lists(scalars, max_size=3), st.dictionaries(st.sampled_from(["k", "l"]), scalars, max_size=2)
)
MISSING = object()
records = st.lists(
    st.fixed_dictionaries({}, optional={"f": values, "g": st.integers(0, 2)}), min_size=1, max_size=9
)


def rank(value: Any) -> int:
    if isinstance(value, float) and math.isnan(value):
        return 2
    kinds: list[Any] = [type(None), bool, (), (int, float), datetime, str, bytes, (), (), list, (), dict]
    return next(number for number, kind in enumerate(kinds) if kind != () and isinstance(value, kind))


def compare(one: Any, other: Any) -> int:
    """How the service orders two values, written without looking at how the emulator does it."""
    if rank(one) != rank(other):
        return -1 if rank(one) < rank(other) else 1
    if rank(one) in (0, 2):
        return 0
    if isinstance(one, list):
        return compare_all(one, other)
    if isinstance(one, dict):
        flat = [[part for key in sorted(m) for part in (key, m[key])] for m in (one, other)]
        return compare_all(*flat)
    if isinstance(one, str):
        one, other = one.encode(), other.encode()
    return (one > other) - (one < other)


def compare_all(one: list[Any], other: list[Any]) -> int:
    for left, right in zip(one, other, strict=False):
        if result := compare(left, right):
            return result
    return (len(one) > len(other)) - (len(one) < len(other))


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda v, w: compare(v, w) == 0,
    "!=": lambda v, w: v is not None and compare(v, w) != 0,
    "<": lambda v, w: rank(v) == rank(w) and compare(v, w) < 0,
    "<=": lambda v, w: rank(v) == rank(w) and compare(v, w) <= 0,
    ">": lambda v, w: rank(v) == rank(w) and compare(v, w) > 0,
    ">=": lambda v, w: rank(v) == rank(w) and compare(v, w) >= 0,
    "in": lambda v, w: any(compare(v, x) == 0 for x in w),
    "not-in": lambda v, w: v is not None and None not in w and all(compare(v, x) != 0 for x in w),
    "array_contains": lambda v, w: isinstance(v, list) and any(compare(x, w) == 0 for x in v),
    "array_contains_any": lambda v, w: isinstance(v, list) and any(compare(x, y) == 0 for x in v for y in w),
}
# The client turns comparisons with these into unary filters and refuses the rest.
PLAIN = scalars.filter(lambda v: v is not None and not (isinstance(v, float) and math.isnan(v)))
collections = (f"Q{number}" for number in itertools.count())


def load(
    client: firestore.Client, found: list[dict[str, Any]]
) -> tuple[Any, list[tuple[str, dict[str, Any]]]]:
    collection = client.collection(next(collections))
    ids = ["a", "a0", "__id3__", "__id-3__", "A", "\u00e9", "e\u0301", "__id20__", "b"]
    batch = client.batch()
    rows = list(zip(ids, found, strict=False))
    for identity, fields in rows:
        batch.set(collection.document(identity), fields)
    batch.commit()
    order = ["__id-3__", "__id3__", "__id20__", "A", "a", "a0", "b", "e\u0301", "\u00e9"]
    return collection, sorted(rows, key=lambda row: order.index(row[0]))


def ids_of(stream: Iterator[Any]) -> list[str]:
    return [one.id for one in stream]


thorough = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@thorough
@given(data=st.data(), found=records, operator=st.sampled_from(sorted(TESTS)))
def test_filters_let_through_what_the_model_does(
    client: firestore.Client, data: st.DataObject, found: list[dict[str, Any]], operator: str
) -> None:
    listed = operator in ("in", "not-in", "array_contains_any")
    wanted = data.draw(st.lists(scalars, min_size=1, max_size=3) if listed else PLAIN)
    collection, rows = load(client, found)
    passed = [(i, r) for i, r in rows if "f" in r and TESTS[operator](r["f"], wanted)]
    if operator in ("<", "<=", ">", ">=", "!=", "not-in"):
        passed.sort(key=cmp_to_key(lambda one, other: compare(one[1]["f"], other[1]["f"])))
    asked = collection.where(filter=FieldFilter("f", operator, wanted))
    assert ids_of(asked.stream()) == [i for i, _ in passed]
    assert asked.count().get()[0][0].value == len(passed)


@thorough
@given(data=st.data(), found=records, directions=st.lists(st.booleans(), min_size=2, max_size=2))
def test_orders_cursors_offsets_and_limits_cut_as_the_model_does(
    client: firestore.Client, data: st.DataObject, found: list[dict[str, Any]], directions: list[bool]
) -> None:
    collection, rows = load(client, found)
    rows = [row for row in rows if "f" in row[1] and "g" in row[1]]
    rows = rows[::-1] if directions[1] else rows

    def by_fields(one: Any, other: Any) -> int:
        for field, down in zip("fg", directions, strict=True):
            if side := compare(one[field], other[field]):
                return -side if down else side
        return 0

    rows.sort(key=cmp_to_key(lambda one, other: by_fields(one[1], other[1])))
    asked = collection
    for field, down in zip("fg", directions, strict=True):
        asked = asked.order_by(field, direction="DESCENDING" if down else "ASCENDING")
    expected = rows
    for cut in data.draw(cuts):
        bound = {"f": data.draw(values), "g": data.draw(st.integers(0, 2))}
        asked = getattr(asked, cut)(bound)
        expected = [row for row in expected if CUTS[cut](by_fields(row[1], bound))]
    offset, limit = data.draw(st.integers(0, 3)), data.draw(st.one_of(st.none(), st.integers(1, 5)))
    asked, expected = asked.offset(offset), expected[offset:]
    if limit is not None:
        asked, expected = asked.limit(limit), expected[:limit]
    assert ids_of(asked.stream()) == [i for i, _ in expected]


leaves = st.one_of(
    st.tuples(
        st.just("f"), st.sampled_from(sorted(TESTS.keys() - {"not-in", "in", "array_contains_any"})), PLAIN
    ),
    st.tuples(st.sampled_from("fg"), st.just("in"), st.lists(PLAIN, min_size=1, max_size=3)),
    st.tuples(st.just("g"), st.sampled_from(["<", ">=", "!="]), st.integers(0, 2)),
)
trees = st.recursive(
    leaves,
    lambda parts: st.tuples(st.sampled_from([And, Or]), st.lists(parts, min_size=1, max_size=3)),
    max_leaves=4,
)
Tree = tuple[Any, ...]


def as_filter(tree: Tree) -> Any:
    return FieldFilter(*tree) if len(tree) == 3 else tree[0]([as_filter(part) for part in tree[1]])


def holds(tree: Tree, fields: dict[str, Any]) -> bool:
    if len(tree) == 3:
        return tree[0] in fields and TESTS[tree[1]](fields[tree[0]], tree[2])
    return (all if tree[0] is And else any)(holds(part, fields) for part in tree[1])


def inequalities(tree: Tree) -> set[str]:
    if len(tree) == 3:
        return {tree[0]} if tree[1] in ("<", "<=", ">", ">=", "!=") else set()
    return set().union(*map(inequalities, tree[1]))


def arrays(tree: Tree) -> int:
    if len(tree) == 3:
        return tree[1].startswith("array")
    return (sum if tree[0] is And else max)(map(arrays, tree[1]))


@thorough
@given(
    data=st.data(),
    found=records,
    tree=trees.filter(lambda tree: arrays(tree) < 2),
    order=st.sampled_from([None, "f", "g"]),
    down=st.booleans(),
)
def test_filters_of_filters_are_ordered_cut_and_summed_as_by_the_model(
    client: firestore.Client,
    data: st.DataObject,
    found: list[dict[str, Any]],
    tree: Tree,
    order: str | None,
    down: bool,
) -> None:
    collection, rows = load(client, found)
    orders = [order] if order else []
    asked = collection.where(filter=as_filter(tree))
    if order:
        asked = asked.order_by(order, direction="DESCENDING" if down else "ASCENDING")
    # Fields of inequalities are ordered by as well, in the direction of the last order.
    orders += sorted(inequalities(tree) - {order})
    down = down and bool(order)
    expected = [row for row in rows if holds(tree, row[1]) and all(field in row[1] for field in orders)]

    def by_fields(one: dict[str, Any], other: dict[str, Any]) -> int:
        sides = (compare(one[field], other[field]) for field in orders)
        return next((side for side in sides if side), 0)

    expected.sort(key=cmp_to_key(lambda one, other: by_fields(one[1], other[1])))
    if down:
        expected.sort(key=rows.index, reverse=True)
        expected.sort(key=cmp_to_key(lambda one, other: by_fields(other[1], one[1])))
    limit = data.draw(st.integers(1, 5))
    total = asked.sum("g", alias="s").count(alias="n").get()[0]
    if order and data.draw(st.booleans()):
        bound = {order: data.draw(values if order == "f" else st.integers(0, 2))}
        asked = asked.start_after(bound)
        kept = (lambda side: side < 0) if down else (lambda side: side > 0)
        cut = [row for row in expected if kept(compare(row[1][order], bound[order]))]
    else:
        cut = expected
    assert ids_of(asked.stream()) == [i for i, _ in cut]
    assert ids_of(asked.limit(limit).stream()) == [i for i, _ in cut[:limit]]
    if order and cut is expected:
        # Not with cursors: the client turns the order round for good, and the cursors not at all.
        assert ids_of(asked.limit_to_last(limit).get()) == [i for i, _ in expected[-limit:]]
    with_g = [row[1]["g"] for row in expected if "g" in row[1]]
    assert {one.alias: one.value for one in total} == {"s": sum(with_g), "n": len(with_g)}


CUTS: dict[str, Callable[[int], bool]] = {
    "start_at": lambda side: side >= 0,
    "start_after": lambda side: side > 0,
    "end_before": lambda side: side < 0,
    "end_at": lambda side: side <= 0,
}
cuts = st.tuples(
    st.sampled_from(["start_at", "start_after", None]), st.sampled_from(["end_before", "end_at", None])
).map(lambda pair: [cut for cut in pair if cut])
SHAPE = ["A/1", "B/1", "B/1/S/1", "B/2/S/1/T/1", "B/2/S/2", "B/__id4__", "B/x\x00", "B-/1", "B0/1/S/3"]


@pytest.fixture
def shaped(client: firestore.Client) -> firestore.Client:
    commit(client, [put(path, {"n": {"integer_value": number}}) for number, path in enumerate(SHAPE)])
    return client


IN_ORDER = ["A/1", "B/__id4__", "B/1", "B/1/S/1", "B/2/S/1/T/1", "B/2/S/2", "B/x\x00", "B-/1", "B0/1/S/3"]
MIN = "__id-9223372036854775808__"


def test_the_whole_database_is_found_in_name_order(shaped: firestore.Client) -> None:
    assert query(shaped, everything()) == IN_ORDER
    assert query(shaped, everything(descending=True)) == IN_ORDER[::-1]
    assert query(shaped, everything(limit=4)) == IN_ORDER[:4]
    assert count(shaped, everything()) == len(IN_ORDER)


def test_a_collection_with_all_below_it_lies_between_two_least_names(shaped: firestore.Client) -> None:
    inside = everything(f"B/{MIN}", f"B\x00/{MIN}")
    assert query(shaped, inside) == IN_ORDER[1:7]
    assert count(shaped, inside) == 6


def test_a_subtree_is_found_under_its_parent(shaped: firestore.Client) -> None:
    assert query(shaped, everything(), parent=name("B/2")) == ["B/2/S/1/T/1", "B/2/S/2"]
    assert query(shaped, everything(), parent=name("B/1")) == ["B/1/S/1"]
    assert count(shaped, everything(), parent=name("B/2")) == 2
    assert query(shaped, everything(), parent=name("B")[:-2] + "/B/none") == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_name_cursors_walk_the_whole_database(
    shaped: firestore.Client, size: int, *, descending: bool
) -> None:
    found: list[str] = []
    while True:
        asked = everything(descending=descending, limit=size)
        if found:
            asked.start_at = {"values": [{"reference_value": name(found[-1])}], "before": False}
        page = query(shaped, asked)
        if not page:
            break
        found += page
    assert found == (IN_ORDER[::-1] if descending else IN_ORDER)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("start_before", [False, True])
@pytest.mark.parametrize("end_before", [False, True])
def test_both_name_cursors_cut_on_their_side(
    shaped: firestore.Client, *, descending: bool, start_before: bool, end_before: bool
) -> None:
    order = IN_ORDER[::-1] if descending else IN_ORDER
    asked = everything(descending=descending)
    asked.start_at = {"values": [{"reference_value": name(order[2])}], "before": start_before}
    asked.end_at = {"values": [{"reference_value": name(order[6])}], "before": end_before}
    expected = order[2 if start_before else 3 : 6 if end_before else 7]
    assert query(shaped, asked) == expected
    assert count(shaped, asked) == len(expected)


def test_collection_groups_are_found_in_name_order(shaped: firestore.Client) -> None:
    found = [one.reference.path for one in shaped.collection_group("S").stream()]
    assert found == ["B/1/S/1", "B/2/S/2", "B0/1/S/3"]
    assert shaped.collection_group("S").count().get()[0][0].value == 3
    filtered = (
        shaped.collection_group("S")
        .where(filter=FieldFilter("n", ">", 3))
        .order_by("n", direction="DESCENDING")
    )
    assert [one.reference.path for one in filtered.stream()] == ["B0/1/S/3", "B/2/S/2"]


def test_names_are_filtered(shaped: firestore.Client) -> None:
    b = shaped.collection("B")
    for operator, value, expected in (
        ("==", b.document("1"), ["1"]),
        (">", b.document("1"), ["x\x00"]),
        ("<=", b.document("1"), ["__id4__", "1"]),
        ("!=", b.document("1"), ["__id4__", "x\x00"]),
        ("in", [b.document("1"), b.document("none")], ["1"]),
        ("not-in", [b.document("1")], ["__id4__", "x\x00"]),
    ):
        assert ids_of(b.where(filter=FieldFilter("__name__", operator, value)).stream()) == expected, operator


def test_both_kinds_of_composite_filters_nest(shaped: firestore.Client) -> None:
    b = shaped.collection("B")
    either = Or([FieldFilter("n", "==", 1), FieldFilter("n", "in", [5, 7])])
    assert ids_of(b.where(filter=either).stream()) == ["__id4__", "1"]
    assert ids_of(b.where(filter=either).where(filter=FieldFilter("n", ">", 1)).stream()) == ["__id4__"]


def test_null_and_nan_are_found_by_unary_filters(client: firestore.Client) -> None:
    for identity, value in (("null", None), ("nan", math.nan), ("one", 1), ("text", "x")):
        client.document(f"C/{identity}").set({"f": value})
    client.document("C/none").set({"g": 1})
    for operator, value, expected in (
        ("==", None, ["null"]),
        ("!=", None, ["nan", "one", "text"]),
        ("==", math.nan, ["nan"]),
        ("!=", math.nan, ["one", "text"]),
    ):
        assert (
            ids_of(client.collection("C").where(filter=FieldFilter("f", operator, value)).stream())
            == expected
        )


def test_references_points_and_vectors_are_ordered(client: firestore.Client) -> None:
    rising = [
        client.document("C/a"),
        client.document("C/a/S/b"),
        client.document("C/b"),
        firestore.GeoPoint(-1, 5),
        firestore.GeoPoint(0, -5),
        [1],
        Vector([5.0]),
        Vector([1.0, 2.0]),
        {"k": 1},
    ]
    for number, value in enumerate(rising):
        client.document(f"C/{8 - number}").set({"f": value})
    assert ids_of(client.collection("C").order_by("f").stream()) == [str(8 - n) for n in range(9)]


def test_projections_show_what_is_asked_for(client: firestore.Client) -> None:
    client.document("C/a").set({"x": 1, "y": {"k": 2, "l": 3}})
    (some,) = client.collection("C").select(["y.k", "none"]).stream()
    assert some.to_dict() == {"y": {"k": 2}}
    (bare,) = client.collection("C").select([]).stream()
    assert bare.to_dict() == {} and bare.update_time and bare.create_time


def test_an_offset_and_no_results_answer_with_a_read_time(shaped: firestore.Client) -> None:
    assert ids_of(shaped.collection("B").offset(2).stream()) == ["x\x00"]
    asked = {"parent": DOCUMENTS, "structured_query": StructuredQuery(from_=[{"collection_id": "none"}])}
    (answer,) = shaped._firestore_api.run_query(asked)
    assert answer.read_time and not answer.document.name


def test_a_long_query_lets_other_calls_in(client: firestore.Client) -> None:
    for start in range(0, 6000, 500):
        commit(client, [put(f"C/{n:05}", {"n": {"integer_value": n}}) for n in range(start, start + 500)])
    stream = client.collection("C").where(filter=FieldFilter("n", ">=", 0)).order_by("__name__").stream()
    seen = [next(stream).id]
    commit(client, [put("C/00000/S/x"), put("C/05999", {}), put("C/99999", {"n": {"integer_value": 1}})])
    seen += ids_of(stream)
    assert seen == [f"{n:05}" for n in range(6000)]


AGGREGATED = [1, 2.5, None, "x", 4, MISSING]


def test_sums_and_averages_take_numbers_only(client: firestore.Client) -> None:
    for number, value in enumerate(AGGREGATED):
        client.document(f"C/{number}").set({"o": 1} if value is MISSING else {"f": value, "o": 1})
    asked = client.collection("C")
    results = asked.sum("f", alias="s").avg("f", alias="a").count(alias="c").get()[0]
    assert {one.alias: one.value for one in results} == {"s": 7.5, "a": 2.5, "c": 5}


def test_a_sum_of_integers_is_one_and_an_average_of_nothing_is_null(client: firestore.Client) -> None:
    commit(client, [put("C/a", {"f": {"integer_value": 2}}), put("C/b", {"g": {"integer_value": 3}})])
    counting = StructuredAggregationQuery(structured_query=client.collection("C")._query()._to_protobuf())
    counting.aggregations.append({"alias": "s", "sum": {"field": {"field_path": "f"}}})
    request = {"parent": DOCUMENTS, "structured_aggregation_query": counting}
    (answer,) = client._firestore_api.run_aggregation_query(request)
    assert Value.pb(answer.result.aggregate_fields["s"]).integer_value == 2
    counting.aggregations.append({"alias": "a", "avg": {"field": {"field_path": "none"}}})
    (answer,) = client._firestore_api.run_aggregation_query(request)
    assert Value.pb(answer.result.aggregate_fields["a"]).WhichOneof("value_type") == "null_value"


def test_counts_stop_where_they_are_told(shaped: firestore.Client) -> None:
    assert count(shaped, everything(), count={"up_to": 3}) == 3
    assert count(shaped, everything(limit=4)) == 4
    limited = everything(limit=4)
    limited.offset = 7
    assert count(shaped, limited) == 2


def test_aggregations_have_an_alias_by_default(shaped: firestore.Client) -> None:
    (answer,) = shaped.collection("B").count().get()[0]
    assert (answer.alias, answer.value) == ("field_1", 3)


@pytest.mark.parametrize("partitions", [1, 3, 50])
def test_partitions_cover_a_group_once(client: firestore.Client, partitions: int) -> None:
    paths = sorted(f"P/{n % 7}/S/{n:04}" for n in range(1500))
    for start in range(0, 1500, 500):
        commit(client, [put(path) for path in paths[start : start + 500]])
    parts = list(client.collection_group("S").get_partitions(partitions))
    found = [[one.reference.path for one in part.query().stream()] for part in parts]
    assert list(itertools.chain(*found)) == paths
    assert 1 < len(parts) <= partitions + 1
    assert max(map(len, found)) <= max(128, -(-1500 // len(parts)) + 1)


def test_partition_cursors_come_in_pages(client: firestore.Client) -> None:
    for start in range(0, 1500, 500):
        commit(client, [put(f"S/{n:04}") for n in range(start, start + 500)])
    grouped = client.collection_group("S").order_by("__name__")._to_protobuf()
    asked = {"parent": DOCUMENTS, "structured_query": grouped, "partition_count": 9}
    names = [
        [
            one.values[0].reference_value
            for one in client._firestore_api.partition_query({**asked, "page_size": size})
        ]
        for size in (0, 2)
    ]
    assert names[0] == names[1] and len(names[0]) == 9


@pytest.mark.parametrize(
    "asked",
    [
        StructuredQuery(),
        StructuredQuery(from_=[{"collection_id": "a"}, {"collection_id": "b"}]),
        StructuredQuery(from_=[{"collection_id": "a/b/c"}]),
        StructuredQuery(
            from_=[{"collection_id": "a"}], where={"field_filter": {"field": {"field_path": "f"}, "op": 5}}
        ),
        StructuredQuery(from_=[{"collection_id": "a"}], start_at={"values": [{"integer_value": 1}]}),
        StructuredQuery(from_=[{"collection_id": "a"}], order_by=[{"field": {"field_path": "a..b"}}]),
        StructuredQuery(from_=[{"collection_id": "a"}], offset=-1),
    ],
)
def test_queries_that_make_no_sense_are_refused(client: firestore.Client, asked: StructuredQuery) -> None:
    with refused(StatusCode.INVALID_ARGUMENT):
        query(client, asked)


def a(operator: int, value: dict[str, Any], path: str = "f") -> dict[str, Any]:
    return {"field_filter": {"field": {"field_path": path}, "op": operator, "value": value}}


def several(operator: int, *filters: dict[str, Any]) -> dict[str, Any]:
    return {"composite_filter": {"op": operator, "filters": list(filters)}}


def listed(number: int) -> dict[str, Any]:
    return {"array_value": {"values": [{"integer_value": n} for n in range(number)]}}


AND, OR = 1, 2
EQUAL, NOT_EQUAL, CONTAINS, IN, CONTAINS_ANY, NOT_IN = 5, 6, 7, 8, 9, 10
N = {"integer_value": 1}


@pytest.mark.parametrize(
    ("where", "wording"),
    [
        (a(NOT_IN, listed(11)), "10 comparison values"),
        (a(IN, listed(31)), "30"),
        (several(AND, a(IN, listed(6)), a(IN, listed(6), "g")), "disjunctions"),
        (several(OR, *(a(EQUAL, N) for _ in range(31))), "disjunctions"),
        (several(AND, a(CONTAINS, N), a(CONTAINS_ANY, listed(2))), "ARRAY_CONTAINS"),
        (several(AND, a(NOT_IN, listed(1)), a(NOT_IN, listed(1), "g")), "NOT_IN"),
        (several(AND, a(NOT_IN, listed(1)), a(NOT_EQUAL, N)), "NOT_IN"),
        (several(AND, a(NOT_IN, listed(1)), a(IN, listed(1))), "NOT_IN"),
        (several(OR, a(NOT_IN, listed(1)), a(EQUAL, N)), "NOT_IN"),
        (several(AND, *(a(EQUAL, N, f"f{n}") for n in range(101))), "100"),
    ],
)
def test_filters_beyond_the_limits_are_refused(
    client: firestore.Client, where: dict[str, Any], wording: str
) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, wording):
        query(client, StructuredQuery(from_=[{"collection_id": "C"}], where=where))


@pytest.mark.parametrize(
    "where",
    [
        a(NOT_IN, listed(10)),
        a(IN, listed(30)),
        several(AND, a(IN, listed(5)), a(IN, listed(6), "g")),
        several(OR, a(CONTAINS, N), a(CONTAINS, N, "g")),
        several(AND, a(NOT_IN, listed(1)), a(EQUAL, N, "g"), a(CONTAINS, N, "h")),
        several(AND, *(a(EQUAL, N, f"f{n}") for n in range(100))),
    ],
)
def test_filters_up_to_the_limits_are_taken(client: firestore.Client, where: dict[str, Any]) -> None:
    assert query(client, StructuredQuery(from_=[{"collection_id": "C"}], where=where)) == []


@pytest.mark.parametrize(("limit", "total", "average"), [(1, 1, 1.0), (2, 3, 1.5), (3, 8, 8 / 3)])
def test_a_limit_cuts_sums_and_averages_in_the_order_of_their_field(
    client: firestore.Client, limit: int, total: int, average: float
) -> None:
    for identity, number in (("a", 5), ("b", 2), ("c", 1)):
        client.document(f"C/{identity}").set({"n": number})
    asked = client.collection("C").limit(limit)
    values = {one.alias: one.value for one in asked.sum("n", alias="s").avg("n", alias="a").get()[0]}
    assert values == {"s": total, "a": pytest.approx(average)}
    by_name = client.collection("C").order_by("__name__").limit(limit)
    assert by_name.sum("n").get()[0][0].value == sum([5, 2, 1][:limit])
