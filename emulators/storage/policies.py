"""A bucket's IAM policy: kept and given back. Nobody is checked against it, so every permission is granted."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from emulators.storage.answers import json_answer
from emulators.storage.messages import Request, Response
from emulators.storage.model import Bucket
from emulators.storage.refusal import Refused, condition_not_met, invalid, required
from emulators.storage.service import Service

_CONDITIONAL = 3  # the version of policies that may have conditions


def _etag(bucket: Bucket) -> str:
    return base64.b64encode(f"{bucket.generation}/{bucket.policy_changes}".encode()).decode("ascii")


def _answer(request: Request, bucket: Bucket) -> Response:
    document = {
        "kind": "storage#policy",
        "resourceId": f"projects/_/buckets/{bucket.name}",
        **bucket.policy,
        "etag": _etag(bucket),
    }
    return json_answer(request, document)


def get_policy(service: Service, request: Request, name: str) -> Response:
    return _answer(request, service.store.bucket(name))


def set_policy(service: Service, request: Request, name: str) -> Response:
    policy = request.json()
    bindings = policy.get("bindings", [])
    if not isinstance(bindings, list) or not all(
        isinstance(each, dict) and each.get("role") for each in bindings
    ):
        raise invalid("Invalid value for bindings: each has a role and members")
    with service.store.lock:
        bucket = service.store.bucket(name)
        if any(each.get("condition") for each in bindings):
            _check_conditional(bucket, policy)
        if policy.get("etag") and policy["etag"] != _etag(bucket):
            raise condition_not_met()
        kept = {"version": policy.get("version", 1), "bindings": bindings}
        changed = replace(bucket, policy=kept, policy_changes=bucket.policy_changes + 1)
        return _answer(request, service.store.put_bucket(changed))


def _check_conditional(bucket: Bucket, policy: dict[str, Any]) -> None:
    """Refused where a policy may have no conditions."""
    uniform = bucket.attributes["iamConfiguration"]["uniformBucketLevelAccess"]
    if not isinstance(uniform, dict) or not uniform.get("enabled"):
        raise Refused(
            412, "conditionNotMet", "To set IAM conditions, enable uniform bucket-level access on the bucket."
        )
    if policy.get("version") != _CONDITIONAL:
        raise invalid(f"A policy with conditions must be of version at least {_CONDITIONAL}.")


def test_permissions(service: Service, request: Request, name: str) -> Response:
    service.store.bucket(name)
    asked = [value for key, value in request.pairs if key == "permissions"]
    if not asked:
        raise required("permissions")
    return json_answer(request, {"kind": "storage#testIamPermissionsResponse", "permissions": asked})
