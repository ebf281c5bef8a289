"""google.iam.v1.IAMPolicy for topics, subscriptions and snapshots: policies are kept, nobody is kept out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.pubsub import wire
from emulators.pubsub.refusal import aborted, invalid, not_found

if TYPE_CHECKING:
    from emulators.pubsub.broker import Broker


class Iam:
    """Functions from request to response over a broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def get_iam_policy(self, request: Any) -> Any:
        """A policy nobody has set is empty, but for its etag."""
        policy = self._resource(request.resource).policy
        policy.etag = policy.etag or b"\x00"
        return policy

    def set_iam_policy(self, request: Any) -> Any:
        """A policy that was read before another was set is refused, so that no change is lost unseen."""
        resource = self._resource(request.resource)
        if request.policy.etag and request.policy.etag != (resource.policy.etag or b"\x00"):
            raise aborted(
                "There were concurrent policy changes: read the policy again and repeat the change."
            )
        kept = wire.Policy()
        kept.CopyFrom(request.policy)
        kept.etag = self._broker.next_number().to_bytes(8, "big")
        self._broker.set_policy(resource, kept)
        return kept

    def test_iam_permissions(self, request: Any) -> Any:
        """Everyone may do everything here, to what there is."""
        if any("*" in permission for permission in request.permissions):
            raise invalid("Permissions with wildcards (such as '*') are not allowed.")
        granted = request.permissions if self._find(request.resource) else ()
        return wire.TestIamPermissionsResponse(permissions=granted)

    def _resource(self, name: str) -> Any:
        found = self._find(name)
        if found is None:
            raise not_found(name)
        return found

    def _find(self, name: str) -> Any:
        broker = self._broker
        return broker.topics.get(name) or broker.subscriptions.get(name) or broker.snapshots.get(name)
