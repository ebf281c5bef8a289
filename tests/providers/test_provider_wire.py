"""What a bucket provider makes of a hostile wire: our own errors, no half object, no wrong byte, no endless loop."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest
from provider_proxy import SAME_PAGE, Fault, Plan, proxy
from provider_samples import HandClock
from provider_servers import cloud, s3, s3_server, storage_emulator

from shared.errors import (
    BadInput,
    Conflict,
    Corrupt,
    Denied,
    FirekeepError,
    NotFound,
    StorageFull,
    Unavailable,
)
from shared.errors import Unsupported as Unable
from shared.providers.contract import Provider, Span
from shared.providers.retry import Backoff, RetryingProvider

DATA = Random(3).randbytes(300_000)
BIG = Random(4).randbytes(9 << 20)


@dataclass
class Wire:
    """The same store through the proxy, and directly. `put` is the method that uploads."""

    kind: str
    plan: Plan
    provider: Provider
    direct: Provider
    put: str
    clock: HandClock

    def retrying(self) -> RetryingProvider:
        return RetryingProvider(self.provider, Backoff(), sleep=self.clock.sleep, jitter=Random(1).random)


def asked(wire: Wire, before: int) -> list[str]:
    """The requests since, without the looks of S3's deletes at what may be held."""
    return [line for line in wire.plan.requests[before:] if not line.startswith("HEAD ")]


@pytest.fixture(scope="module", params=["cloud", "s3"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, HandClock]]:
    clock = HandClock()
    with ExitStack() as stack:
        made = storage_emulator(clock) if request.param == "cloud" else s3_server()
        yield request.param, stack.enter_context(made), clock


@pytest.fixture
def wire(server: tuple[str, str, HandClock], request: pytest.FixtureRequest) -> Iterator[Wire]:
    kind, upstream, clock = server
    lead = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")
    with proxy(upstream) as (address, plan):
        if kind == "cloud":
            yield Wire(kind, plan, cloud(address, lead, read_s=1.0), cloud(upstream, lead), "POST", clock)
        else:
            through = s3(f"http://{address}", lead, timeout_s=1.0)
            yield Wire(kind, plan, through, s3(upstream, lead), "PUT", clock)
        assert plan.spent(), "a planned fault never happened"


def test_without_a_fault_the_proxy_changes_nothing(wire: Wire) -> None:
    wire.provider.put("a/object", DATA)
    assert wire.provider.get("a/object") == DATA
    assert wire.provider.get("a/object", Span(7, 9)) == DATA[7:16]
    assert [found.key for found in wire.provider.list("a/")] == ["a/object"]
    wire.provider.delete("a/object")
    with pytest.raises(NotFound):
        wire.provider.stat("a/object")


@pytest.mark.parametrize("data", [DATA, BIG], ids=["small", "big"])
def test_an_upload_cut_off_in_the_middle_leaves_nothing_and_is_tried_again(wire: Wire, data: bytes) -> None:
    method = "PUT" if len(data) > 8 << 20 else wire.put
    wire.plan.add(Fault("cut", method))
    with pytest.raises(Unavailable):
        wire.provider.put("object", data)
    with pytest.raises(NotFound):
        wire.direct.stat("object")
    wire.plan.add(Fault("cut", method))
    wire.retrying().put("object", data)
    assert wire.direct.get("object") == data


@pytest.mark.parametrize("data", [b"", DATA, BIG], ids=["empty", "small", "big"])
def test_a_put_whose_answer_was_lost_is_a_success(wire: Wire, data: bytes) -> None:
    wire.plan.add(Fault("lose", "PUT" if len(data) > 8 << 20 else wire.put))
    version = wire.retrying().put("object", data)
    assert wire.direct.stat("object").version == version
    assert wire.direct.get("object") == data


def test_a_put_whose_answer_was_lost_is_a_conflict_when_anothers_bytes_are_there(wire: Wire) -> None:
    wire.direct.put("object", b"theirs")
    wire.plan.add(Fault("answer", wire.put, 503))
    with pytest.raises(Conflict):
        wire.retrying().put("object", b"ours !")
    assert wire.direct.get("object") == b"theirs"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("verb", ["put", "get", "delete", "list"])
def test_later_is_tried_again_and_nowhere_but_in_one_place(wire: Wire, verb: str, status: int) -> None:
    key = f"{verb}/object"
    acts: dict[str, tuple[str, Callable[[Provider], object]]] = {
        "put": (wire.put, lambda provider: provider.put(key + "2", DATA)),
        "get": ("GET", lambda provider: provider.get(key)),
        "delete": ("DELETE", lambda provider: provider.delete(key)),
        "list": ("GET", lambda provider: list(provider.list(f"{verb}/"))),
    }
    method, act = acts[verb]
    wire.direct.put(key, b"x")
    wire.plan.add(Fault("answer", method, status))
    before = len(wire.plan.requests)
    with pytest.raises(Unavailable, match=str(status)):
        act(wire.provider)
    assert len(asked(wire, before)) == 1
    wire.plan.add(Fault("answer", method, status), Fault("answer", method, status))
    act(wire.retrying())


def test_a_store_that_is_too_slow_is_unavailable_in_time(wire: Wire) -> None:
    wire.direct.put("object", DATA)
    wire.plan.add(Fault("slow", "GET", seconds=3))
    with pytest.raises(Unavailable):
        wire.provider.get("object")
    wire.plan.add(Fault("slow", wire.put, seconds=3))
    with pytest.raises(Unavailable):
        wire.provider.put("other", DATA)


def test_a_body_that_ends_too_early_is_never_taken_for_the_object(wire: Wire) -> None:
    wire.direct.put("object", DATA)
    for span in (Span(), Span(10, 1000), Span(10)):
        wire.plan.add(Fault("short", "GET"))
        with pytest.raises(Unavailable):
            wire.provider.get("object", span)
    wire.plan.add(Fault("short", "GET"))
    assert wire.retrying().get("object") == DATA


def test_a_range_with_too_few_bytes_is_corrupt(wire: Wire) -> None:
    wire.direct.put("object", DATA)
    wire.plan.add(Fault("rewrite", "GET", change=lambda body: body[:-1]))
    with pytest.raises((Corrupt, Unavailable)):
        wire.provider.get("object", Span(10, 1000))


def test_a_bit_changed_on_the_way_is_found(wire: Wire) -> None:
    wire.direct.put("object", DATA)
    wire.plan.add(Fault("flip", "GET"))
    with pytest.raises(Corrupt, match="checksum"):
        wire.provider.get("object")


CODES = [
    (403, "forbidden", "AccessDenied", Denied),
    (401, "authError", "InvalidAccessKeyId", Denied),
    (403, "retentionPolicyNotMet", "ObjectLocked", Denied),
    (507, "storageQuotaExceeded", "XMinioStorageFull", StorageFull),
    (404, "notFound", "NoSuchBucket", NotFound),
    (400, "invalid", "AuthorizationHeaderMalformed", BadInput),
    (501, "notImplemented", "NotImplemented", Unable),
]


@pytest.mark.parametrize(("status", "google", "amazon", "error"), CODES)
def test_an_answer_of_the_store_leaves_as_our_error(
    wire: Wire, status: int, google: str, amazon: str, error: type[FirekeepError]
) -> None:
    code = google if wire.kind == "cloud" else amazon
    wire.plan.add(Fault("answer", wire.put, status, code))
    with pytest.raises(FirekeepError) as caught:
        wire.provider.put("object", b"x")
    assert type(caught.value) is error
    assert "127.0.0.1" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("verb", ["put", "get", "list", "delete"])
def test_what_is_denied_names_the_permission_that_is_missing(wire: Wire, verb: str) -> None:
    needed = {
        "cloud": {
            "put": "storage.objects.create",
            "get": "storage.objects.get",
            "list": "storage.objects.list",
            "delete": "storage.objects.delete",
        },
        "s3": {
            "put": "s3:PutObject",
            "get": "s3:GetObject",
            "list": "s3:ListBucket",
            "delete": "s3:DeleteObject",
        },
    }[wire.kind][verb]
    method = {"put": wire.put, "get": "GET", "list": "GET", "delete": "DELETE"}[verb]
    acts: dict[str, Callable[[], object]] = {
        "put": lambda: wire.provider.put("object", b"x"),
        "get": lambda: wire.provider.get("object"),
        "list": lambda: list(wire.provider.list("")),
        "delete": lambda: wire.provider.delete("object"),
    }
    wire.plan.add(Fault("answer", method, 403, "forbidden"))
    with pytest.raises(Denied) as caught:
        acts[verb]()
    assert needed in caught.value.hint


def test_a_held_object_is_denied_and_not_a_failure_to_repeat(wire: Wire) -> None:
    wire.direct.put("object", b"x")
    if wire.kind == "cloud":
        wire.direct.hold("object", wire.clock.now() + timedelta(days=1))
    else:
        wire.plan.add(Fault("answer", "DELETE", 403, "ObjectLocked"))
    before = len(wire.plan.requests)
    with pytest.raises(Denied, match="held"):
        wire.retrying().delete("object")
    assert len(asked(wire, before)) == 1


@pytest.mark.parametrize("status", [409, 412])
def test_a_hold_that_the_store_does_not_name_is_one_all_the_same(wire: Wire, status: int) -> None:
    wire.plan.add(Fault("answer", "DELETE", status))
    with pytest.raises(Denied, match="held"):
        wire.retrying().delete("object")


def names_to(wire: Wire, change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """A listing whose names `change` has replaced."""

    def google(body: bytes) -> bytes:
        answer = json.loads(body)
        for item in answer.get("items", ()):
            item["name"] = change(item["name"])
        return json.dumps(answer).encode()

    def amazon(body: bytes) -> bytes:
        return re.sub(
            rb"<Key>(.*?)</Key>", lambda m: b"<Key>" + change(m[1].decode()).encode() + b"</Key>", body
        )

    return google if wire.kind == "cloud" else amazon


@pytest.mark.parametrize(
    "foreign",
    ["../../etc/passwd", "elsewhere/object", "a/../../x", "/absolute", "with space", "ä", "a//b", "x\u202e"],
)
def test_foreign_names_in_a_listing_never_come_through(wire: Wire, foreign: str) -> None:
    for name in ("a/1", "a/2", "a/3"):
        wire.direct.put(name, b"x")

    def change(name: str) -> str:
        return name.removesuffix("a/2") + foreign if name.endswith("a/2") else name

    wire.plan.always(Fault("rewrite", "GET", change=names_to(wire, change)))
    try:
        found = [one.key for one in wire.provider.list("a/")]
    except (Unable, BadInput, Unavailable):
        return
    assert set(found) <= {"a/1", "a/3"}


def test_a_listing_that_goes_backwards_is_refused(wire: Wire) -> None:
    for number in range(6):
        wire.direct.put(f"a/{number}", b"x")
    swap = str.maketrans("0123456789", "9876543210")
    wire.plan.always(
        Fault("rewrite", "GET", change=names_to(wire, lambda name: name[:-1] + name[-1].translate(swap)))
    )
    with pytest.raises(Unable, match="ascending"):
        list(wire.provider.list("a/"))


def test_pages_that_repeat_end_with_an_error_and_not_never(wire: Wire) -> None:
    for number in range(50):
        wire.direct.put(f"a/{number:02}", b"x")

    def again(body: bytes) -> bytes:
        if wire.kind == "cloud":
            return json.dumps({**json.loads(body), "nextPageToken": SAME_PAGE}).encode()
        more = (
            b"<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>"
            % SAME_PAGE.encode()
        )
        return re.sub(rb"<IsTruncated>.*?</IsTruncated>", more, body)

    wire.plan.always(Fault("rewrite", "GET", change=again))
    with pytest.raises(Unable, match="ascending"):
        list(wire.provider.list("a/"))
    # The library behind S3 gathers a thousand names before it hands on any.
    assert len(wire.plan.requests) <= 2 + 1000 // 50


def test_a_listing_that_breaks_goes_on_where_it_broke(wire: Wire) -> None:
    keys = [f"a/{number:02}" for number in range(20)]
    for key in keys:
        wire.direct.put(key, b"x")
    listed = wire.retrying().list("a/", "a/03")
    first = next(listed)
    wire.plan.add(Fault("answer", "GET", 503), Fault("short", "GET"))
    rest = [one.key for one in wire.retrying().list("a/", first.key)]
    assert [first.key, *rest] == keys[4:]


def test_nobody_there_is_unavailable(wire: Wire) -> None:
    nowhere: Provider = cloud("127.0.0.1:9") if wire.kind == "cloud" else s3("http://127.0.0.1:9")
    acts: list[Callable[[], object]] = [
        lambda: nowhere.put("a", b"x"),
        lambda: nowhere.get("a"),
        lambda: nowhere.stat("a"),
        lambda: list(nowhere.list("")),
        lambda: nowhere.delete("a"),
    ]
    for act in acts:
        with pytest.raises(Unavailable):
            act()
