"""The filter language: what it accepts, what it means, and that a filtered message is as good as acknowledged."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from hypothesis import given
from hypothesis import strategies as st

from emulators.pubsub.filters import parse_filter
from emulators.pubsub.refusal import Refused

HOSTILE = {
    "k": "v",
    "k2": "",
    "K": "V",
    "été": "NFC",
    "e\u0301te\u0301": "NFD",
    'a"b\\c': "\n",
    "iana.org/tag": "en",
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("attributes:k", True),
        ("attributes:missing", False),
        ("NOT attributes:missing", True),
        ("attributes:k2", True),
        ('attributes.k = "v"', True),
        ('attributes.k="V"', False),
        ('attributes.K = "V"', True),
        ('attributes.k != "v"', False),
        ('attributes.missing != "v"', True),
        ('attributes.missing = ""', False),
        ('attributes.k2 = ""', True),
        ('hasPrefix(attributes.k, "")', True),
        ('hasPrefix(attributes.missing, "")', False),
        ('hasPrefix(attributes."iana.org/tag", "e")', True),
        ('attributes:"iana.org/tag"', True),
        ('attributes."été" = "NFC"', True),
        ('attributes."e\\u0301te\\u0301" = "NFD"', True),
        ('attributes:"a\\"b\\\\c"', True),
        ('attributes."a\\"b\\\\c" = "\\n"', True),
        ('attributes."\\x6b" = "\\166"', True),
        ('attributes."\\U0000006b" = "v"', True),
        ('attributes:k AND attributes:K AND NOT attributes.k = "x"', True),
        ("attributes:x OR attributes:y OR attributes:k", True),
        ("attributes:x OR (attributes:k AND attributes:K)", True),
        ("NOT (attributes:x OR attributes:k)", False),
        ("NOT NOT attributes:k", True),
        ("  ( ( attributes : k ) )  ", True),
        ('NOT hasPrefix(attributes.k, "v") AND attributes:k', False),
    ],
)
def test_an_expression_means_what_the_documentation_says(expression: str, expected: bool) -> None:
    assert parse_filter(expression)(HOSTILE) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "k", "attributes", "attributes:", "attributes.k", "attributes.k =", "attributes.k = v", 'attributes.k == "v"',
        'attributes.k > "v"', "attributes:k AND", "AND attributes:k", "attributes:k attributes:j", "NOT",
        "(attributes:k", "attributes:k)", "attributes:k OR attributes:j AND attributes:i",
        "attributes:k and attributes:j",
        "attributes:a.b", "attributes:été", 'hasPrefix(attributes.k "v")', "hasPrefix(attributes.k)",
        'hasSuffix(attributes.k, "v")',
        'hasPrefix("k", "v")', 'attributes.k = "v', 'attributes.k = "\\q"', 'attributes.k = "\\ud800"',
        'attributes."k = "v"',
        'attributes:"' + "x" * 256 + '"', 'data = "x"', "()",
    ],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused(expression: str) -> None:
    with pytest.raises(Refused, match=r"Invalid filter|too long"):
        parse_filter(expression)


@given(st.text(max_size=60))
def test_any_text_is_either_a_filter_or_refused(expression: str) -> None:
    try:
        parse_filter(expression)({})
    except Refused as refusal:
        assert "filter" in refusal.message


@given(
    st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3),
    st.text(min_size=1, max_size=4),
)
def test_any_key_can_be_asked_for_as_a_string(attributes: dict[str, str], key: str) -> None:
    quoted = "".join(f"\\U{ord(character):08x}" for character in key)
    assert parse_filter(f'attributes:"{quoted}"')(attributes) is (key in attributes)


def test_only_what_matches_is_delivered_and_the_rest_is_gone(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic, filter='attributes.k = "v"', retain_acked_messages=True)
    everything = clients.subscription(topic)
    clients.publish(topic, b"no", k="w")
    clients.publish(topic, b"yes", k="v")
    clients.publish(topic, b"neither")
    assert [m.message.data for m in clients.pull(subscription)] == [b"yes"]
    assert len(clients.pull(everything)) == 3
    clients.subscriber.seek(request={"subscription": subscription, "time": "2020-01-01T00:00:00Z"})
    assert [m.message.data for m in clients.pull(subscription)] == [b"yes"]
    assert clients.subscriber.get_subscription(subscription=subscription).filter == 'attributes.k = "v"'


def test_a_filter_cannot_be_changed(clients: Any) -> None:
    subscription = clients.subscription(clients.topic(), filter="attributes:k")
    with pytest.raises(exceptions.InvalidArgument, match="filter"):
        clients.subscriber.update_subscription(
            subscription={"name": subscription, "filter": "attributes:j"}, update_mask={"paths": ["filter"]}
        )
