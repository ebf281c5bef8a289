"""However it is read, and whatever happens meanwhile: every document of the scope at the instant, once, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import grpc
import pytest
from firestore_data import document, hostile_tree, integer, text
from firestore_rig import SMALL, Once, Proxy, Status, flat, read_error, read_plan, seed, service, source

from shared.clock import Clock
from shared.errors import BadInput, Corrupt, Denied, Incomplete, NotFound, TooOld, Unavailable
from shared.format import wire
from shared.format.key import after_subtree, key_of_path, path_of
from shared.format.record import canonical, equal, strip_times, to_json, update_time
from shared.sources.contract import Kind, Method, Result, Scope, Write
from shared.sources.firestore import FirestoreSource, Limits, Options, open_channel
from shared.sources.firestore.answers import texts_in
from shared.sources.firestore.walking import Walk

DOC = document({"n": integer(1), "t": text("x" * 50)})


def numbered(prefix: str, many: int) -> dict[str, bytes]:
    return {f"{prefix}{n:05d}": document({"n": integer(n)}) for n in range(many)}


def mixed() -> dict[str, bytes]:
    """Flat, walked and scattered collections beside hostile small ones."""
    out = {**hostile_tree(), **numbered("flat/d", 700), **numbered("walk/p/deep/q/big/d", 300)}
    for parent in range(4):
        out |= numbered(f"walk/p{parent}/sub/d", 150)
    for parent in range(150):
        out |= numbered(f"wide/p{parent}/s/d", 2)
    return {**out, "walk/p0": DOC, "wide/p7": DOC}


def plain(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    return {key: strip_times(value) for key, value in pairs}


@pytest.mark.parametrize("page_size", [1, 7, 300])
@pytest.mark.parametrize("limits", [SMALL, Limits()])
def test_a_plan_reads_every_document_once_and_in_order(
    host: str, project: str, limits: Limits, page_size: int
) -> None:
    where = source(host, project, limits=limits, page_size=page_size)
    truth = seed(where, mixed())
    plan = where.plan(Scope(), where.instant())
    found = read_plan(where, plan)
    assert [key for key, _ in found] == list(truth)
    assert plain(found) == truth
    assert plan.expected == len(truth)


def test_the_counts_choose_the_method(host: str, project: str) -> None:
    where = source(host, project, limits=SMALL)
    seed(where, mixed())
    plan = where.plan(Scope(prefixes=("flat", "walk", "wide", "a", "walk/p0")), where.instant())
    methods = {part.start.split(b"\x00")[0]: part.method for part in plan.parts}
    assert methods[b"walk"] is Method.WALK
    assert methods[b"a"] is Method.STREAM
    assert {part.method for part in plan.parts if part.start < b"walk" and part.start >= b"flat"} == {
        Method.STREAM
    }
    roomy = source(host, project)
    (flat_part,) = roomy.plan(Scope(prefixes=("flat",)), where.instant()).parts
    assert (flat_part.method, flat_part.expected) == (Method.PAGES, 700)


@pytest.mark.parametrize("page_size", [3, 300])
def test_every_method_gives_the_same_records_on_the_same_data(
    host: str, project: str, page_size: int
) -> None:
    where = source(host, project, page_size=page_size)
    seed(where, mixed())
    at = where.instant()
    for name in ("flat", "walk", "wide", "a", "é", "walk/p0", "walk/p"):
        (part,) = where.plan(Scope(prefixes=(name,)), at).parts
        streamed = flat(where.read(replace(part, method=Method.STREAM, path="")))
        assert len(streamed) == part.expected
        assert flat(where.read(replace(part, method=Method.WALK, path=name))) == streamed
        assert flat(where.read(part)) == streamed
        if name == "flat":
            assert flat(where.read(replace(part, method=Method.PAGES, path=name))) == streamed
    (root,) = where.plan(Scope(), at).parts
    assert flat(where.read(replace(root, method=Method.WALK))) == flat(
        where.read(replace(root, method=Method.STREAM))
    )


@pytest.mark.parametrize("method", list(Method))
def test_every_method_goes_on_behind_any_key(host: str, project: str, method: Method) -> None:
    where = source(host, project, page_size=5)
    name = "flat" if method is Method.PAGES else "walk"
    records = {path: value for path, value in mixed().items() if path.startswith(f"{name}/")}
    keys = list(seed(where, records))
    (part,) = where.plan(Scope(prefixes=(name,)), where.instant()).parts
    part = replace(part, method=method, path="" if method is Method.STREAM else name)
    whole = flat(where.read(part))
    for place in [0, 1, 4, 5, 6, len(keys) // 2, *range(7, len(keys), 151), len(keys) - 2, len(keys) - 1]:
        assert flat(where.read(part, keys[place])) == whole[place + 1 :]


def test_a_walk_reads_any_range_of_keys(host: str, project: str) -> None:
    where = source(host, project, page_size=4)
    truth = seed(
        where, {path: value for path, value in mixed().items() if path.startswith(("walk/", "wide/p1"))}
    )
    keys = list(truth)
    (part,) = where.plan(Scope(), where.instant()).parts
    for low, high in ((0, 90), (1, 2), (3, 600), (140, 160), (299, 301), (450, len(keys) - 1), (600, 700)):
        start, end = keys[low], keys[high]
        for method in (Method.WALK, Method.STREAM):
            one = replace(part, start=start, end=end, method=method, path="", expected=high - low)
            assert [key for key, _ in flat(where.read(one))] == keys[low:high]


def test_large_collections_are_cut_into_about_equal_parts(host: str, project: str) -> None:
    where = source(host, project, limits=Limits(part=400, paged=1000))
    truth = seed(where, {**numbered("big/d", 3000), **numbered("tiny/d", 10)})
    plan = where.plan(Scope(), where.instant())
    sizes = [part.expected for part in plan.parts if part.start < b"tiny"]
    assert len(sizes) >= 5
    assert max(sizes) <= 800
    assert plain(read_plan(where, plan)) == truth


def test_the_previous_snapshots_keys_say_where_to_cut(host: str, project: str) -> None:
    where = source(host, project, limits=Limits(part=50, paged=50))
    truth = seed(where, numbered("big/d", 400))
    cuts = [*list(truth)[25::50], key_of_path("other/x"), key_of_path("a/x")]
    plan = where.plan(Scope(), where.instant(), cuts)
    assert all(part.start in (*cuts, key_of_path("big")) for part in plan.parts)
    assert max(part.expected for part in plan.parts) <= 100
    assert plain(read_plan(where, plan)) == truth


def test_small_neighbours_share_a_part(host: str, project: str) -> None:
    where = source(host, project)
    truth = seed(
        where, {path: value for n in range(40) for path, value in numbered(f"c{n:02d}/d", 5).items()}
    )
    plan = where.plan(Scope(), where.instant())
    assert len(plan.parts) == 1
    assert plain(read_plan(where, plan)) == truth


def test_what_is_excluded_is_counted_and_never_read(host: str, project: str) -> None:
    where = source(host, project)
    out = {**numbered("b/d", 30), "b/d/e/f": DOC}
    truth = seed(where, {**numbered("a/d", 5), **numbered("ba/d", 5), **numbered("c/d", 5)})
    seed(where, out)
    plan = where.plan(Scope(exclude=("b", "absent")), where.instant())
    assert plan.excluded == {"b": 31}
    assert plan.expected == len(truth) == where.count(Scope(exclude=("b",)), plan.at)
    assert plain(read_plan(where, plan)) == truth
    inside = where.plan(Scope(prefixes=("b/d", "a"), exclude=("b",)), plan.at)
    assert (inside.expected, inside.excluded) == (5, {"b": 1})


def test_prefixes_mean_documents_and_collections_with_all_below_them_once(host: str, project: str) -> None:
    where = source(host, project)
    truth = seed(where, mixed())
    prefixes = ("walk/p0", "walk", "wide/p7", "wide/p7/s", "a/é", "absent", "absent/x", "flat/d00003")
    plan = where.plan(Scope(prefixes=prefixes), where.instant())
    wanted = {
        key for key in truth for prefix in map(key_of_path, prefixes) if prefix <= key < after_subtree(prefix)
    }
    found = read_plan(where, plan)
    assert {key for key, _ in found} == wanted
    assert len(found) == plan.expected == where.count(Scope(prefixes=prefixes), plan.at)
    with pytest.raises(BadInput):
        where.plan(Scope(prefixes=("a//b",)), plan.at)


def test_five_thousand_subcollections_under_missing_parents_are_found(host: str, project: str) -> None:
    where = source(host, project)
    truth = seed(where, {f"gone/p{n:04d}/s{n % 3}/d": document({"n": integer(n)}) for n in range(5000)})
    plan = where.plan(Scope(), where.instant())
    assert plain(read_plan(where, plan)) == truth
    walked = [replace(part, method=Method.WALK, path="gone") for part in plan.parts]
    assert plain([pair for part in walked for pair in flat(where.read(part))]) == truth


def test_documents_of_a_mebibyte_arrive_whole(host: str, project: str) -> None:
    where = source(host, project)
    big = {f"big/d{n}": document({f"f{n}": text(chr(97 + n) * (1_048_576 - 200))}) for n in range(9)}
    truth = seed(where, {**big, "big/e/s/t": DOC})
    at = where.instant()
    (part,) = where.plan(Scope(), at).parts
    for method in (Method.WALK, Method.STREAM):
        assert plain(flat(where.read(replace(part, method=method, path="")))) == truth
    assert [strip_times(value or b"") for value in where.lookup(list(truth), at)] == list(truth.values())


def test_writers_running_during_the_read_change_nothing(host: str, project: str) -> None:
    where, other = source(host, project, limits=SMALL, page_size=20), source(host, project)
    truth = seed(where, mixed())
    at = where.instant()
    stop = threading.Event()
    failures: list[object] = []

    def write() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            paths = [f"flat/d{n:05d}x{turn}" for n in range(0, 700, 35)] + [
                f"new{turn}/x/y/z",
                f"walk/p{turn}/sub/x",
            ]
            outcomes = other.apply([Write(key_of_path(path), Kind.PUT, DOC, None) for path in paths])
            failures.extend(outcome for outcome in outcomes if outcome.result is not Result.DONE)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(2):
            plan = where.plan(Scope(), at)
            assert plain(read_plan(where, plan)) == truth
    finally:
        stop.set()
        thread.join()
    assert not failures
    assert where.plan(Scope(), where.instant()).expected > len(truth)


@pytest.mark.parametrize("method", list(Method))
def test_a_document_lost_at_the_wire_is_missed_by_the_count(
    host: str, proxy: Proxy, project: str, method: Method
) -> None:
    honest = source(host, project)
    seed(honest, numbered("c/d", 250))
    (part,) = honest.plan(Scope(prefixes=("c",)), honest.instant()).parts
    part = replace(part, number=7, method=method, path="" if method is Method.STREAM else "c")
    drop = Once(100 if method is Method.STREAM else 2)

    def lose(name: str, raw: bytes) -> bytes | None:
        if name == "RunQuery" and drop():
            return None
        return raw[raw[1] + 2 :] if name == "ListDocuments" and drop() else raw

    proxy.on_answer = lose
    error = read_error(source(proxy.host, project, page_size=100), part)
    assert drop.fired
    assert isinstance(error, Incomplete)
    assert "part 7" in str(error)
    assert "249" in str(error)
    assert "250" in str(error)


def test_a_document_lost_behind_the_cursor_is_missed_too(host: str, proxy: Proxy, project: str) -> None:
    keys = list(seed(source(host, project), numbered("c/d", 250)))
    where = source(proxy.host, project)
    (part,) = where.plan(Scope(), where.instant()).parts
    drop = Once(50)
    proxy.on_answer = lambda name, raw: None if name == "RunQuery" and drop() else raw
    with pytest.raises(Incomplete):
        flat(where.read(part, keys[100]))
    assert drop.fired


def test_collections_the_service_does_not_list_are_read_all_the_same(
    host: str, proxy: Proxy, project: str
) -> None:
    truth = seed(
        source(host, project), {**numbered("a/d", 20), **numbered("b/d", 20), **numbered("sys/d", 3)}
    )
    truth = {key: value for key, value in truth.items() if not key.startswith(b"sys")}
    where = source(proxy.host, project)
    proxy.on_answer = lambda name, raw: b"" if name == "ListCollectionIds" else raw
    plan = where.plan(Scope(exclude=("sys",)), where.instant())
    assert {part.method for part in plan.parts} == {Method.STREAM}
    assert plain(read_plan(where, plan)) == truth


def test_documents_out_of_order_are_refused(host: str, proxy: Proxy, project: str) -> None:
    seed(source(host, project), numbered("c/d", 50))
    where = source(proxy.host, project)
    (part,) = where.plan(Scope(), where.instant()).parts
    (listed,) = where.plan(Scope(prefixes=("c",)), part.at).parts
    held: list[bytes] = []

    def swap(name: str, raw: bytes) -> bytes | None:
        if name != "RunQuery":
            return raw
        held.append(raw)
        return held[-2] if len(held) > 1 and len(held) % 2 == 0 else raw

    proxy.on_answer = swap
    with pytest.raises(Corrupt):
        flat(where.read(replace(listed, method=Method.STREAM)))


def test_a_page_that_comes_twice_is_refused(host: str, proxy: Proxy, project: str) -> None:
    seed(source(host, project), numbered("c/d", 900))
    where = source(proxy.host, project)
    (part,) = where.plan(Scope(prefixes=("c",)), where.instant()).parts
    pages: list[bytes] = []

    def again(name: str, raw: bytes) -> bytes:
        if name == "ListDocuments":
            pages.append(raw)
        return pages[0] if len(pages) == 2 else raw

    proxy.on_answer = again
    with pytest.raises(Corrupt):
        flat(where.read(part))


def test_collections_listed_in_any_order_are_walked_in_key_order(
    host: str, proxy: Proxy, project: str
) -> None:
    names = ["b", "a", "ab", "é", "a b", "B"]
    truth = seed(source(host, project), {f"{one}/p/{two}/d": DOC for one in names for two in names})
    where = source(proxy.host, project)

    def turned(name: str, raw: bytes) -> bytes:
        if name != "ListCollectionIds":
            return raw
        ids, token = texts_in(raw)
        return b"".join([wire.message(1, one) for one in reversed(ids)]) + (
            wire.message(2, token) if token else b""
        )

    proxy.on_answer = turned
    (part,) = where.plan(Scope(), where.instant()).parts
    walk = Walk(service(proxy.host, project), (part.start, part.end), part.at, 300)
    assert [name.decode() for names, _ in walk.document(b"") for name in names] == [
        path_of(key) for key in truth
    ]


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED]
)
def test_a_read_that_breaks_goes_on_where_it_was(
    host: str, proxy: Proxy, project: str, method: Method, code: grpc.StatusCode
) -> None:
    truth = seed(source(host, project), numbered("c/d", 1300))
    where = source(proxy.host, project)
    (part,) = where.plan(Scope(), where.instant()).parts
    part = replace(part, method=method, path="" if method is Method.STREAM else "c")
    break_at = [Once(1), Once(3), Once(700 if method is Method.STREAM else 4)]

    def due() -> bool:
        fired = [once() for once in break_at]
        return True in fired

    def fail(name: str, raw: bytes) -> bytes:
        if name in ("RunQuery", "ListDocuments") and due():
            raise Status(code)
        return raw

    proxy.on_answer = fail
    assert plain(flat(where.read(part))) == truth
    assert all(once.fired for once in break_at)


def test_retries_are_bounded_and_spread(host: str, proxy: Proxy, project: str) -> None:
    where = source(proxy.host, project)
    clock = where._clock
    at = where.instant()
    proxy.calls.clear()

    def refuse(_method: str, _request: bytes) -> None:
        raise Status(grpc.StatusCode.UNAVAILABLE)

    proxy.on_request = refuse
    with pytest.raises(Unavailable):
        where.count(Scope(), at)
    assert len(proxy.calls) == 4
    slept: list[float] = clock.slept  # type: ignore[attr-defined]
    assert len(slept) == 3
    assert all(0.5 * limit <= pause <= limit for pause, limit in zip(slept, (0.25, 0.5, 1.0), strict=True))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, Denied),
        (grpc.StatusCode.NOT_FOUND, NotFound),
        (grpc.StatusCode.INVALID_ARGUMENT, BadInput),
    ],
)
def test_what_cannot_pass_is_not_tried_again(
    proxy: Proxy, project: str, code: grpc.StatusCode, kind: type[Exception]
) -> None:
    def refuse(_method: str, _request: bytes) -> None:
        raise Status(code)

    proxy.on_request = refuse
    with pytest.raises(kind):
        source(proxy.host, project).instant()
    assert len(proxy.calls) == 1


def test_an_instant_past_the_horizon_is_too_old_and_one_to_come_is_bad_input(host: str, project: str) -> None:
    where = source(host, project)
    seed(where, {"a/b": DOC})
    now = where.instant()
    with pytest.raises(TooOld):
        where.plan(Scope(), now.replace(year=now.year - 1))
    with pytest.raises(BadInput):
        where.plan(Scope(), now.replace(year=now.year + 1))


def test_an_unreachable_service_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        source("127.0.0.1:1", "demo-p").instant()


def test_a_server_that_sends_maps_in_another_order_is_put_right(
    host: str, proxy: Proxy, project: str
) -> None:
    truth = seed(
        source(host, project),
        {f"c/d{n:04d}": document({"a": integer(n), "b": text("x")}) for n in range(900)},
    )
    where = source(proxy.host, project)
    (part,) = where.plan(Scope(), where.instant()).parts
    key = [b"\n\x01a", b"\n\x01b"]

    def turned(name: str, raw: bytes) -> bytes:
        return (
            raw.replace(key[0], b"??").replace(key[1], key[0]).replace(b"??", key[1])
            if name == "ListDocuments"
            else raw
        )

    proxy.on_answer = turned
    found = flat(where.read(part))
    assert all(canonical(value) == value for _, value in found)
    assert [key for key, _ in found] == list(truth)


def test_instants_are_whole_minutes_at_least_one_ago_unless_asked_otherwise(host: str, project: str) -> None:
    exact = source(host, project)
    seed(exact, {"a/b": DOC})
    assert exact.plan(Scope(), exact.instant()).expected == 1
    clock: Clock = exact._clock
    careful = FirestoreSource(
        open_channel(host),
        project,
        clock=clock,
        jitter=lambda: 0.0,
        emulator=True,
        options=Options(ramp=False),
    )
    at = careful.instant()
    assert (at.second, at.microsecond) == (0, 0)
    assert 60 <= (clock.now() - at).total_seconds() < 121


def test_letting_go_of_a_read_ends_the_call(host: str, proxy: Proxy, project: str) -> None:
    seed(source(host, project), numbered("c/d", 2000))
    where = source(proxy.host, project)
    (part,) = where.plan(Scope(), where.instant()).parts
    batches: Iterator[object] = where.read(replace(part, method=Method.STREAM, path=""))
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert where.count(Scope(), part.at) == 2000


def test_lookup_sees_now_or_an_instant(host: str, project: str) -> None:
    where = source(host, project)
    keys = list(seed(where, numbered("c/d", 1200)))
    at = where.instant()
    where.apply([Write(keys[0], Kind.PUT, DOC, _seen(where, keys[0]))])
    now, then = where.lookup([keys[0]]), where.lookup([keys[0]], at)
    assert now[0] is not None
    assert then[0] is not None
    assert equal(now[0], DOC)
    assert to_json(then[0])["fields"] == {"n": {"integerValue": "0"}}
    assert len(where.lookup(keys)) == 1200


def _seen(where: FirestoreSource, key: bytes) -> datetime:
    (value,) = where.lookup([key])
    assert value is not None
    return update_time(value)
