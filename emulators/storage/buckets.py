"""The JSON API's methods on buckets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulators.storage.answers import json_answer
from emulators.storage.bucket_fields import merged_attributes, new_attributes
from emulators.storage.listing import decode_token, encode_token
from emulators.storage.messages import Request, Response
from emulators.storage.model import Attributes, Bucket
from emulators.storage.names import check_bucket
from emulators.storage.preconditions import conditions
from emulators.storage.refusal import conflict, forbidden, invalid, required, unsupported
from emulators.storage.resources import PROJECT_NUMBER, bucket_resource
from emulators.storage.service import Service

_PAGE_MOST = 1000


def _answer(request: Request, bucket: Bucket) -> Response:
    return json_answer(request, bucket_resource(bucket, request.base), (("ETag", bucket.etag),))


def make_bucket(
    service: Service, name: object, project: str, resource: dict[str, Any], *, retention: bool
) -> Bucket:
    """A new, empty bucket; `retention` lets its objects have a retention each. Refused when there is one."""
    name = check_bucket(name)
    store = service.store
    with store.lock:
        if name in store.buckets:
            raise conflict(
                "Your previous request to create the named bucket succeeded and you already own it."
            )
        now = store.clock()
        attributes = new_attributes(resource, now, service.soft_delete)
        return store.put_bucket(
            Bucket(name, project, attributes, store.next_generation(), now, now, retention)
        )


def insert_bucket(service: Service, request: Request) -> Response:
    resource = request.json()
    project = request.query.get("project")
    if not project:
        raise required("project")
    if not resource.get("name"):
        raise required("name")
    retention = request.flag("enableObjectRetention")
    return _answer(request, make_bucket(service, resource["name"], project, resource, retention=retention))


def list_buckets(service: Service, request: Request) -> Response:
    if request.flag("softDeleted"):
        raise unsupported("Listing soft-deleted buckets")
    project = request.query.get("project")
    if not project:
        raise required("project")
    prefix, token = request.query.get("prefix", ""), request.query.get("pageToken")
    after = decode_token(token)[0] if token else ""
    most = request.number("maxResults") or _PAGE_MOST
    if most < 0:
        raise invalid(f"Invalid value for maxResults: {most}")
    with service.store.lock:
        found = sorted(
            name
            for name, bucket in service.store.buckets.items()
            if bucket.project == project and name > after and name.startswith(prefix)
        )
        page = found[: min(most, _PAGE_MOST)]
        items = [bucket_resource(service.store.buckets[name], request.base) for name in page]
    document: dict[str, Any] = {"kind": "storage#buckets"}
    if items:
        document["items"] = items
    if len(page) < len(found):
        document["nextPageToken"] = encode_token((page[-1], 0))
    return json_answer(request, document)


def get_bucket(service: Service, request: Request, name: str) -> Response:
    if request.flag("softDeleted"):
        raise unsupported("Soft-deleted buckets")
    with service.store.lock:
        bucket = service.store.bucket(name)
        conditions(request, reading=True).check_metageneration(bucket.metageneration, bucket.etag)
        return _answer(request, bucket)


def patch_bucket(service: Service, request: Request, name: str) -> Response:
    return _change(service, request, name, replacing=False)


def update_bucket(service: Service, request: Request, name: str) -> Response:
    return _change(service, request, name, replacing=True)


def _change(service: Service, request: Request, name: str, *, replacing: bool) -> Response:
    resource = request.json()
    with service.store.lock:
        bucket = service.store.bucket(name)
        conditions(request).check_metageneration(bucket.metageneration, bucket.etag)
        now = service.store.clock()
        attributes = merged_attributes(bucket.attributes, resource, now, replacing=replacing)
        return _answer(request, _changed(service, bucket, attributes, now))


def _changed(service: Service, bucket: Bucket, attributes: Attributes, now: int) -> Bucket:
    changed = replace(bucket, attributes=attributes, metageneration=bucket.metageneration + 1, updated=now)
    return service.store.put_bucket(changed)


def delete_bucket(service: Service, request: Request, name: str) -> Response:
    with service.store.lock:
        bucket = service.store.bucket(name)
        conditions(request).check_metageneration(bucket.metageneration, bucket.etag)
        if bucket.entries:
            raise conflict("The bucket you tried to delete is not empty.")
        service.store.drop_bucket(bucket)
    return Response(204)


def lock_policy(service: Service, request: Request, name: str) -> Response:
    """Locks the bucket's retention policy, for good."""
    with service.store.lock:
        bucket = service.store.bucket(name)
        wanted = conditions(request)
        if wanted.metageneration is None:
            raise required("ifMetagenerationMatch")
        wanted.check_metageneration(bucket.metageneration, bucket.etag)
        policy = bucket.attributes.get("retentionPolicy")
        if not policy:
            raise invalid("The bucket has no retention policy to lock.")
        if policy.get("isLocked"):
            raise forbidden("The bucket's retention policy is locked already.")
        locked = {**bucket.attributes, "retentionPolicy": {**policy, "isLocked": True}}
        return _answer(request, _changed(service, bucket, locked, service.store.clock()))


def storage_layout(service: Service, request: Request, name: str) -> Response:
    attributes = service.store.bucket(name).attributes
    document = {
        "kind": "storage#storageLayout",
        "bucket": name,
        "location": attributes["location"],
        "locationType": attributes["locationType"],
        "hierarchicalNamespace": {"enabled": False},
    }
    return json_answer(request, document)


def service_account(_service: Service, request: Request, _project: str) -> Response:
    address = f"service-{PROJECT_NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
    return json_answer(request, {"kind": "storage#serviceAccount", "email_address": address})
