"""The raw protobuf classes behind google.pubsub.v1 and google.iam.v1: quicker than their wrappers, same bytes."""

from __future__ import annotations

from typing import Any

from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2
from google.pubsub_v1.types import pubsub

Topic: Any = pubsub.Topic.pb()
Subscription: Any = pubsub.Subscription.pb()
PubsubMessage: Any = pubsub.PubsubMessage.pb()
ReceivedMessage: Any = pubsub.ReceivedMessage.pb()
PublishRequest: Any = pubsub.PublishRequest.pb()
PublishResponse: Any = pubsub.PublishResponse.pb()
PullRequest: Any = pubsub.PullRequest.pb()
PullResponse: Any = pubsub.PullResponse.pb()
StreamingPullRequest: Any = pubsub.StreamingPullRequest.pb()
StreamingPullResponse: Any = pubsub.StreamingPullResponse.pb()
AcknowledgeRequest: Any = pubsub.AcknowledgeRequest.pb()
ModifyAckDeadlineRequest: Any = pubsub.ModifyAckDeadlineRequest.pb()
ModifyPushConfigRequest: Any = pubsub.ModifyPushConfigRequest.pb()
GetTopicRequest: Any = pubsub.GetTopicRequest.pb()
UpdateTopicRequest: Any = pubsub.UpdateTopicRequest.pb()
DeleteTopicRequest: Any = pubsub.DeleteTopicRequest.pb()
ListTopicsRequest: Any = pubsub.ListTopicsRequest.pb()
ListTopicsResponse: Any = pubsub.ListTopicsResponse.pb()
ListTopicSubscriptionsRequest: Any = pubsub.ListTopicSubscriptionsRequest.pb()
ListTopicSubscriptionsResponse: Any = pubsub.ListTopicSubscriptionsResponse.pb()
GetSubscriptionRequest: Any = pubsub.GetSubscriptionRequest.pb()
UpdateSubscriptionRequest: Any = pubsub.UpdateSubscriptionRequest.pb()
DeleteSubscriptionRequest: Any = pubsub.DeleteSubscriptionRequest.pb()
ListSubscriptionsRequest: Any = pubsub.ListSubscriptionsRequest.pb()
ListSubscriptionsResponse: Any = pubsub.ListSubscriptionsResponse.pb()
ListTopicSnapshotsRequest: Any = pubsub.ListTopicSnapshotsRequest.pb()
ListTopicSnapshotsResponse: Any = pubsub.ListTopicSnapshotsResponse.pb()
DetachSubscriptionRequest: Any = pubsub.DetachSubscriptionRequest.pb()
DetachSubscriptionResponse: Any = pubsub.DetachSubscriptionResponse.pb()
Snapshot: Any = pubsub.Snapshot.pb()
CreateSnapshotRequest: Any = pubsub.CreateSnapshotRequest.pb()
GetSnapshotRequest: Any = pubsub.GetSnapshotRequest.pb()
UpdateSnapshotRequest: Any = pubsub.UpdateSnapshotRequest.pb()
DeleteSnapshotRequest: Any = pubsub.DeleteSnapshotRequest.pb()
ListSnapshotsRequest: Any = pubsub.ListSnapshotsRequest.pb()
ListSnapshotsResponse: Any = pubsub.ListSnapshotsResponse.pb()
SeekRequest: Any = pubsub.SeekRequest.pb()
SeekResponse: Any = pubsub.SeekResponse.pb()
Policy: Any = policy_pb2.Policy
GetIamPolicyRequest: Any = iam_policy_pb2.GetIamPolicyRequest
SetIamPolicyRequest: Any = iam_policy_pb2.SetIamPolicyRequest
TestIamPermissionsRequest: Any = iam_policy_pb2.TestIamPermissionsRequest
TestIamPermissionsResponse: Any = iam_policy_pb2.TestIamPermissionsResponse
Empty: Any = empty_pb2.Empty
