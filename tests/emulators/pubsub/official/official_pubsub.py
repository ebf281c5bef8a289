"""What the official client's system tests must do against the emulator: nothing is left to chance or silence."""

from __future__ import annotations

from dataclasses import dataclass

MUST_PASS = frozenset(
    {
        "test_publish_messages[grpc]",
        "test_publish_large_messages[grpc]",
        "test_subscribe_to_messages[grpc-grpc]",
        "test_subscribe_to_messages_async_callbacks[grpc-grpc]",
        "test_creating_subscriptions_with_non_default_settings[grpc-grpc]",
        "test_listing_project_topics[grpc]",
        "test_listing_project_subscriptions[grpc-grpc]",
        "test_listing_topic_subscriptions[grpc-grpc]",
        "test_managing_topic_iam_policy[grpc]",
        "test_managing_subscription_iam_policy[grpc-grpc]",
        "test_subscriber_not_leaking_open_sockets[grpc-grpc-grpc]",
        "test_subscriber_not_leaking_open_sockets[grpc-grpc-rest]",
        "test_synchronous_pull_no_deadline_error_if_no_messages[grpc-grpc]",
        "TestStreamingPull::test_streaming_pull_callback_error_propagation[grpc-grpc]",
        "TestStreamingPull::test_streaming_pull_ack_deadline[grpc-grpc]",
        "TestStreamingPull::test_streaming_pull_max_messages[grpc-grpc]",
        "TestStreamingPull::test_streaming_pull_blocking_shutdown[grpc-grpc]",
    }
)


@dataclass(frozen=True)
class Declared:
    """Tests whose name contains `part` end with `outcome`, saying `text`, for this `reason`."""

    part: str
    outcome: str
    text: str
    reason: str


DECLARED = (
    Declared(
        "TestBasicRBAC::",
        "skipped",
        "",
        "they need service accounts of a Google project; the emulator lets everyone do everything",
    ),
    Declared(
        "rest",
        "failed",
        "unexpected keyword argument 'channel'",
        "the client itself cannot speak REST to an emulator: with PUBSUB_EMULATOR_HOST set it hands a gRPC "
        "channel to its REST transport, which refuses it before any request is made",
    ),
)


def complaint(name: str, outcome: str, text: str) -> str | None:
    """What is wrong with how a test ended, or None."""
    if name in MUST_PASS:
        return None if outcome == "passed" else f"{name} must pass, but {outcome}: {text[:500]}"
    for declared in DECLARED:
        if declared.part in name:
            expected = outcome == declared.outcome and declared.text in text
            return None if expected else f"{name} {outcome}, which is not what was declared: {text[:500]}"
    return f"{name} is new: say whether it must pass, or why not"
