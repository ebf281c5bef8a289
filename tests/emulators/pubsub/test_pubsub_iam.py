"""IAM policies of topics, subscriptions and snapshots: kept, and lost to nobody's haste."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions

BINDING = {"role": "roles/pubsub.viewer", "members": ["user:a@example.com"]}


def test_a_policy_is_kept_by_its_resource_and_goes_with_it(clients: Any) -> None:
    topic = clients.topic()
    subscription = clients.subscription(topic)
    snapshot = clients.subscriber.create_snapshot(subscription=subscription).name
    for resource in (topic, subscription, snapshot):
        assert not clients.publisher.get_iam_policy(request={"resource": resource}).bindings
        clients.publisher.set_iam_policy(request={"resource": resource, "policy": {"bindings": [BINDING]}})
        (binding,) = clients.subscriber.get_iam_policy(request={"resource": resource}).bindings
        assert (binding.role, list(binding.members)) == (BINDING["role"], BINDING["members"])
    clients.publisher.delete_topic(topic=topic)
    clients.publisher.create_topic(name=topic)
    assert not clients.publisher.get_iam_policy(request={"resource": topic}).bindings


def test_a_policy_read_before_anothers_change_cannot_be_set(clients: Any) -> None:
    topic = clients.topic()
    mine = clients.publisher.get_iam_policy(request={"resource": topic})
    theirs = clients.publisher.get_iam_policy(request={"resource": topic})
    clients.publisher.set_iam_policy(request={"resource": topic, "policy": theirs})
    with pytest.raises(exceptions.Aborted):
        clients.publisher.set_iam_policy(request={"resource": topic, "policy": mine})


def test_everything_is_allowed_to_what_exists(clients: Any) -> None:
    topic = clients.topic()
    wanted = ["pubsub.topics.publish", "pubsub.topics.delete"]
    for resource, granted in ((topic, wanted), (f"{topic}x", [])):
        answer = clients.publisher.test_iam_permissions(request={"resource": resource, "permissions": wanted})
        assert list(answer.permissions) == granted
    with pytest.raises(exceptions.InvalidArgument):
        clients.publisher.test_iam_permissions(
            request={"resource": topic, "permissions": ["pubsub.topics.*"]}
        )
    with pytest.raises(exceptions.NotFound):
        clients.publisher.get_iam_policy(request={"resource": f"{topic}x"})
