"""Topic and subscription settings: checked, completed with the service's defaults, turned into a policy."""

from __future__ import annotations

import math
from typing import Any

from emulators.pubsub import wire
from emulators.pubsub.filters import parse_filter
from emulators.pubsub.names import check_name
from emulators.pubsub.queue import QueuePolicy
from emulators.pubsub.refusal import invalid, unimplemented

TOPIC_UPDATES = frozenset({"labels", "message_retention_duration", "message_storage_policy"})
SNAPSHOT_UPDATES = frozenset({"labels", "expire_time"})
SUBSCRIPTION_UPDATES = frozenset(
    {
        "push_config",
        "ack_deadline_seconds",
        "retain_acked_messages",
        "message_retention_duration",
        "labels",
        "expiration_policy",
        "dead_letter_policy",
        "retry_policy",
        "enable_exactly_once_delivery",
    }
)
_UNSUPPORTED_TOPIC = (
    "schema_settings",
    "kms_key_name",
    "ingestion_data_source_settings",
    "message_transforms",
)
_UNSUPPORTED_SUBSCRIPTION = (
    "bigquery_config",
    "cloud_storage_config",
    "bigtable_config",
    "message_transforms",
)
# What only the service itself fills in.
_OUTPUT = ("detached", "topic_message_retention_duration", "analytics_hub_subscription_info")
_DAY_S = 86400
# Push without a retry policy slows down by itself, between these; pull hands back at once.
_PUSH_BACKOFF_S = (0.1, 60.0)


def check_topic(config: Any) -> Any:
    """A copy of a topic's configuration, ready to be kept."""
    check_name(config.name, "topics")
    _refuse_fields(config, _UNSUPPORTED_TOPIC)
    if config.HasField("message_retention_duration"):
        _between("message retention", _seconds(config.message_retention_duration), 600, 31 * _DAY_S)
    kept = wire.Topic()
    kept.CopyFrom(config)
    kept.state = 1
    return kept


def check_subscription(config: Any, topic: Any) -> Any:
    """A copy of a subscription's configuration with the defaults, and its topic's retention, filled in."""
    check_name(config.name, "subscriptions")
    check_name(config.topic, "topics")
    _refuse_fields(config, _UNSUPPORTED_SUBSCRIPTION)
    kept = wire.Subscription()
    kept.CopyFrom(config)
    kept.state = 1
    for name in _OUTPUT:
        kept.ClearField(name)
    if topic.HasField("message_retention_duration"):
        kept.topic_message_retention_duration.CopyFrom(topic.message_retention_duration)
    kept.ack_deadline_seconds = kept.ack_deadline_seconds or 10
    if not kept.HasField("message_retention_duration"):
        kept.message_retention_duration.seconds = 7 * _DAY_S
    if not kept.HasField("expiration_policy"):
        kept.expiration_policy.ttl.seconds = 31 * _DAY_S
    _complete_policies(kept)
    _check_ranges(kept)
    return kept


def check_changes(paths: list[str], allowed: frozenset[str]) -> None:
    """Refuses an update that names a field which cannot change."""
    if not paths:
        raise invalid("The update_mask in the UpdateRequest must be set, and must contain a non-empty list.")
    for path in paths:
        if path.split(".")[0] not in allowed:
            raise invalid(
                f"Invalid update_mask provided in the UpdateRequest: {path[:100]} cannot be updated."
            )


def policy_of(config: Any) -> QueuePolicy:
    """The delivery rules of a checked subscription."""
    minimum, maximum = _PUSH_BACKOFF_S if config.push_config.push_endpoint else (0.0, 0.0)
    if config.HasField("retry_policy"):
        minimum = _seconds(config.retry_policy.minimum_backoff)
        maximum = _seconds(config.retry_policy.maximum_backoff)
    dead = config.dead_letter_policy
    return QueuePolicy(
        ack_deadline_s=float(config.ack_deadline_seconds),
        min_backoff_s=minimum,
        max_backoff_s=maximum,
        max_attempts=dead.max_delivery_attempts if dead.dead_letter_topic else None,
        retention_s=max(
            _seconds(config.message_retention_duration), _seconds(config.topic_message_retention_duration)
        ),
        ordered=config.enable_message_ordering,
        retain_acked=config.retain_acked_messages,
    )


def expires_after(config: Any) -> float | None:
    """Seconds without use after which a subscription is deleted; None: never."""
    return _seconds(config.expiration_policy.ttl) if config.expiration_policy.HasField("ttl") else None


def _complete_policies(kept: Any) -> None:
    if kept.HasField("retry_policy"):
        if not kept.retry_policy.HasField("minimum_backoff"):
            kept.retry_policy.minimum_backoff.seconds = 10
        if not kept.retry_policy.HasField("maximum_backoff"):
            kept.retry_policy.maximum_backoff.seconds = 600
    dead = kept.dead_letter_policy
    if dead.dead_letter_topic:
        check_name(dead.dead_letter_topic, "topics")
        dead.max_delivery_attempts = dead.max_delivery_attempts or 5


def _check_ranges(kept: Any) -> None:
    _between("ack deadline", kept.ack_deadline_seconds, 10, 600)
    _between("message retention", _seconds(kept.message_retention_duration), 600, 31 * _DAY_S)
    if kept.HasField("retry_policy"):
        minimum = _seconds(kept.retry_policy.minimum_backoff)
        _between("minimum backoff", minimum, 0, 600)
        _between("maximum backoff", _seconds(kept.retry_policy.maximum_backoff), minimum, 600)
    if kept.dead_letter_policy.dead_letter_topic:
        _between("max delivery attempts", kept.dead_letter_policy.max_delivery_attempts, 5, 100)
    if kept.expiration_policy.HasField("ttl"):
        _between("expiration policy", _seconds(kept.expiration_policy.ttl), _DAY_S, math.inf)
    if kept.filter.strip():
        parse_filter(kept.filter)
    _check_push(kept)


def _check_push(kept: Any) -> None:
    endpoint = kept.push_config.push_endpoint
    if endpoint and kept.enable_exactly_once_delivery:
        raise invalid("Exactly once delivery is not supported for push subscriptions.")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise invalid(f"Invalid push endpoint given (endpoint={endpoint[:300]}).")


def _between(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise invalid(f"Invalid {what}: {value:g} given, but it must be between {low:g} and {high:g}.")


def _seconds(duration: Any) -> float:
    return float(duration.seconds) + float(duration.nanos) / 1e9


def _refuse_fields(config: Any, names: tuple[str, ...]) -> None:
    present = {descriptor.name for descriptor, _ in config.ListFields()}
    for name in names:
        if name in present:
            raise unimplemented(f"The field {name}")
