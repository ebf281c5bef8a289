"""The JSON API's methods on objects, other than uploading and copying."""

from __future__ import annotations

from emulators.storage.answers import json_answer, object_answer
from emulators.storage.attributes import writable
from emulators.storage.downloads import media
from emulators.storage.listing import encode_token, list_page, list_query
from emulators.storage.messages import Request, Response
from emulators.storage.model import Version
from emulators.storage.names import check_object
from emulators.storage.preconditions import conditions
from emulators.storage.refusal import invalid, required
from emulators.storage.resources import object_resource
from emulators.storage.service import Service
from emulators.storage.store import parse_generation
from emulators.storage.uploads import refuse_keys


def list_objects(service: Service, request: Request, bucket_name: str) -> Response:
    query = list_query(request)
    if query.versions and query.soft:
        raise invalid("versions and softDeleted cannot both be true.")
    with service.store.lock:
        bucket = service.store.bucket(bucket_name)
        service.store.purge(bucket)
        page = list_page(bucket, query)
    document: dict[str, object] = {"kind": "storage#objects"}
    if page.next is not None:
        document["nextPageToken"] = encode_token(page.next)
    if page.prefixes:
        document["prefixes"] = page.prefixes
    if page.items:
        document["items"] = [object_resource(each, bucket, request.base) for each in page.items]
    return json_answer(request, document)


def get_object(service: Service, request: Request, bucket: str, name: str) -> Response:
    """The resource, or with alt=media the content."""
    refuse_keys(request)
    version = _find(service, request, bucket, name)
    if request.query.get("alt") == "media":
        return media(request, version)
    return object_answer(service, request, version)


def download_object(service: Service, request: Request, bucket: str, name: str) -> Response:
    refuse_keys(request)
    return media(request, _find(service, request, bucket, name))


def _find(service: Service, request: Request, bucket: str, name: str) -> Version:
    generation = parse_generation(request.query.get("generation"))
    wanted = conditions(request, reading=True)
    check_object(name)
    if not request.flag("softDeleted"):
        return service.store.find(bucket, name, generation, wanted)
    if generation is None:
        raise required("generation")
    version = service.store.find_soft(bucket, name, generation)
    wanted.check(version)
    return version


def patch_object(service: Service, request: Request, bucket: str, name: str) -> Response:
    """Merges the body's writable fields into the resource."""
    return _change(service, request, bucket, name, replacing=False)


def update_object(service: Service, request: Request, bucket: str, name: str) -> Response:
    """Puts the body's writable fields in the place of all there are."""
    return _change(service, request, bucket, name, replacing=True)


def _change(service: Service, request: Request, bucket: str, name: str, *, replacing: bool) -> Response:
    resource = request.json()
    generation = parse_generation(request.query.get("generation"))
    wanted = conditions(request)
    changes = writable(resource, keep_none=True)
    store = service.store
    with store.lock:
        old = store.find(bucket, name, generation, wanted)
        if resource.get("storageClass") not in (None, old.storage_class):
            raise invalid("An object's storage class is changed by rewriting it.")
        new = store.patch(
            bucket,
            name,
            generation,
            wanted,
            changes,
            replacing=replacing,
            override=request.flag("overrideUnlockedRetention"),
        )
    return object_answer(service, request, new)


def delete_object(service: Service, request: Request, bucket: str, name: str) -> Response:
    generation = parse_generation(request.query.get("generation"))
    service.store.delete(bucket, name, generation, conditions(request))
    return Response(204)


def restore_object(service: Service, request: Request, bucket: str, name: str) -> Response:
    """A soft-deleted generation comes back as a new live one."""
    generation = parse_generation(request.query.get("generation"))
    if generation is None:
        raise required("generation")
    made = service.store.restore(bucket, name, generation, conditions(request))
    return object_answer(service, request, made)
