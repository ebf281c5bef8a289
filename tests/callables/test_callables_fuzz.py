"""Whatever a caller sends, from the schema and hostile: an answer of the protocol, never a 500, never a leak."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import Site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.callable.protocol import STATUSES, Answer
from shared.models.callables import CALLABLES, CallableSpec
from shared.models.fields import ID_PATTERN
from shared.models.generate import schema

SECRET = "hunter2-hunter2"
RELAXED = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

odd_texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from([
        SECRET, "", "\x00", "..", ".", "/", "a//b", "a/b", "**", "*", "__proto__", "__x__", "e\u0301", "é", "\u202e",
        "🙂", "$where", "{}", "'; --", "(default)", "a" * 7_000, "2024-01-01T00:00:00Z", "9" * 400, "\ud800",
    ]),
)  # fmt: skip
hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | odd_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(odd_texts, inner, max_size=4),
    max_leaves=10,
)


def of_schema(node: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a JSON Schema; one field in a few is hostile."""
    if "$ref" in node:
        return of_schema(root["$defs"][node["$ref"].rpartition("/")[2]], root)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    kind = node.get("type")
    if kind == "object":
        return _object(node, root)
    if kind == "array":
        return st.lists(of_schema(node["items"], root), max_size=3)
    if kind == "integer":
        return st.integers(node.get("minimum", 0), min(node.get("maximum", 100), 1_000))
    if kind == "number":
        return st.floats(0.01, 1)
    if kind == "boolean":
        return st.booleans()
    if node.get("pattern") == ID_PATTERN:
        return st.sampled_from(["b0", "shop", "none"])
    known = st.sampled_from(node.get("examples", ["orders", "orders/7", "local", "a/*/b"]))
    return st.one_of(*[known] * 12, odd_texts)


def _object(node: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    needed = node.get("required", ())
    fields = {name: of_schema(inner, root) for name, inner in node["properties"].items()}
    good = st.fixed_dictionaries(
        {name: one for name, one in fields.items() if name in needed},
        optional={name: one for name, one in fields.items() if name not in needed},
    )
    names = st.sampled_from([*fields, "more"])
    return st.one_of(
        good, good, st.tuples(good, names, hostile).map(lambda made: {**made[0], made[1]: made[2]})
    )


def check(answer: Answer, site: Site) -> None:
    """An answer of the protocol, that tells nothing it should not."""
    assert answer.status < 500, (answer, site.log[-2:])
    body = json.loads(answer.body)
    if answer.status == 200:
        assert body.keys() == {"result"}
        return
    assert body.keys() == {"error"}
    assert STATUSES[body["error"]["status"]] == answer.status
    told = answer.body.decode()
    assert len(told) < 20_000
    for secret in (str(site.ports.storage["path"]), "Traceback", "/site-packages/", ".py"):
        assert secret not in told


@pytest.mark.parametrize("spec", CALLABLES, ids=lambda spec: spec.name)
def test_whatever_has_the_form_of_the_input(site: Site, spec: CallableSpec) -> None:
    body = schema(spec.input)
    token = site.signer.id_token(role="admin")

    @RELAXED
    @given(of_schema(body, body))
    def run(data: Any) -> None:
        check(site.send(spec.name, json.dumps({"data": data}).encode(), token), site)

    run()


@pytest.mark.parametrize("spec", CALLABLES, ids=lambda spec: spec.name)
def test_whatever_is_hostile(site: Site, spec: CallableSpec) -> None:
    token = site.signer.id_token(role="admin")

    @RELAXED
    @given(hostile)
    def run(data: Any) -> None:
        answer = site.send(spec.name, json.dumps({"data": data}).encode(), token)
        check(answer, site)
        # A field is named to whoever sent it; a value is not repeated.
        if answer.status != 200 and f'"{SECRET}":' not in json.dumps(data):
            assert SECRET not in answer.body.decode()

    run()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200), st.text(max_size=40), st.dictionaries(st.text(max_size=20), st.text(max_size=40))
)
def test_whatever_bytes_arrive(site: Site, body: bytes, name: str, headers: dict[str, str]) -> None:
    token = site.signer.id_token(role="admin")
    check(site.send(name, body, token, **{k: v for k, v in headers.items() if k != "authorization"}), site)
    check(site.send("listSets", body, token), site)
    check(site.send("listSets", b'{"data": null}', None, **headers), site)
