"""Objects made of objects: copy, rewrite, compose, move. Content is shared, never moved.

A rewrite takes several calls when the client limits what each may move; between them a token stands for the rest.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from emulators.storage.answers import json_answer, object_answer
from emulators.storage.attributes import writable
from emulators.storage.content import join
from emulators.storage.messages import Request, Response
from emulators.storage.model import Version
from emulators.storage.names import check_object
from emulators.storage.preconditions import Conditions, conditions
from emulators.storage.refusal import invalid, required
from emulators.storage.resources import object_resource
from emulators.storage.service import Service
from emulators.storage.store import Draft, parse_generation
from emulators.storage.uploads import refuse_keys

_SOURCES_MOST = 32
_MIB = 1 << 20
# What belongs to one object and does not go with its content to another.
_OWN = frozenset({"temporaryHold", "eventBasedHold", "retention", "customTime"})


@dataclass
class Rewrite:
    """A rewrite under way: the call it belongs to, and how far it is."""

    call: tuple[str, ...]
    source: Version
    done: int = 0


def copied(source: Version, resource: dict[str, Any], name: str) -> Draft:
    """The copy: with the resource's fields when it has any, else the source's."""
    attributes = writable(resource)
    if not attributes:
        attributes = {key: value for key, value in source.attributes.items() if key not in _OWN}
    return Draft(name, source.content, attributes, resource.get("storageClass"), source.components)


def _source(service: Service, request: Request, bucket: str, name: str) -> Version:
    refuse_keys(request)
    generation = parse_generation(request.query.get("sourceGeneration"))
    return service.store.find(bucket, name, generation, conditions(request, "ifSource"))


def copy_object(service: Service, request: Request, *path: str) -> Response:
    """`path` is the source's bucket and name, then the copy's."""
    bucket, name, to_bucket, to_name = path
    source = _source(service, request, bucket, name)
    draft = copied(source, request.json(), to_name)
    return object_answer(service, request, service.store.insert(to_bucket, draft, conditions(request)))


def rewrite_object(service: Service, request: Request, *path: str) -> Response:
    """One call moves at most maxBytesRewrittenPerCall; the last one makes the object. `path` as in `copy_object`."""
    _, _, to_bucket, to_name = path
    state = _rewrite_state(service, request, path)
    size = state.source.content.size
    most = request.number("maxBytesRewrittenPerCall")
    if most is not None and (most < _MIB or most % _MIB):
        raise invalid("maxBytesRewrittenPerCall must be a multiple of 1 MiB.")
    wanted = conditions(request)
    service.store.check(to_bucket, to_name, wanted)
    state.done = size if most is None else min(size, state.done + most)
    document: dict[str, Any] = {
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": str(state.done),
        "objectSize": str(size),
        "done": state.done == size,
    }
    if state.done < size:
        token = uuid.uuid4().hex
        with service.lock:
            service.rewrites[token] = state
        return json_answer(request, {**document, "rewriteToken": token})
    made = service.store.insert(to_bucket, copied(state.source, request.json(), to_name), wanted)
    document["resource"] = object_resource(made, service.store.bucket(to_bucket), request.base)
    return json_answer(request, document)


def _rewrite_state(service: Service, request: Request, call: tuple[str, ...]) -> Rewrite:
    source = _source(service, request, call[0], call[1])
    token = request.query.get("rewriteToken")
    if not token:
        return Rewrite(call, source)
    with service.lock:
        state = service.rewrites.get(token)
        if state is None or state.call != call or state.source.generation != source.generation:
            raise invalid("Invalid rewrite token: it belongs to another rewrite, or its source has changed.")
        del service.rewrites[token]
    return state


def compose_object(service: Service, request: Request, bucket: str, name: str) -> Response:
    """Up to 32 objects of the bucket, one after the other."""
    refuse_keys(request)
    resource = request.json()
    sources = resource.get("sourceObjects")
    if not isinstance(sources, list) or not sources:
        raise required("sourceObjects")
    if len(sources) > _SOURCES_MOST:
        raise invalid(f"The number of source components provided ({len(sources)}) exceeds the maximum (32)")
    wanted = conditions(request)
    with service.store.lock:
        found = [_component(service, bucket, each) for each in sources]
    content = join([each.content for each in found])
    destination = resource.get("destination") or {}
    if not isinstance(destination, dict):
        raise invalid("Invalid value for destination")
    draft = Draft(
        check_object(name),
        content,
        writable(destination),
        destination.get("storageClass"),
        sum(each.components or 1 for each in found),
    )
    with service.store.operation():
        made = service.store.insert(bucket, draft, wanted)
        if resource.get("deleteSourceObjects"):
            _delete_sources(service, found, made)
    return object_answer(service, request, made)


def _delete_sources(service: Service, sources: list[Version], made: Version) -> None:
    """The generations that were composed, but for one that the composed object replaced."""
    for each in {(each.name, each.generation): each for each in sources if each.name != made.name}.values():
        service.store.delete(each.bucket, each.name, each.generation)


def _component(service: Service, bucket: str, source: Any) -> Version:
    if not isinstance(source, dict):
        raise invalid("Invalid value for sourceObjects")
    preconditions = source.get("objectPreconditions") or {}
    wanted = Conditions(generation=parse_generation(preconditions.get("ifGenerationMatch")))
    generation = parse_generation(source.get("generation"))
    return service.store.find(bucket, check_object(source.get("name")), generation, wanted)


def move_object(service: Service, request: Request, bucket: str, name: str, to_name: str) -> Response:
    """A new name within the bucket, at once."""
    if name == to_name:
        raise invalid("The source and the destination of a move must differ.")
    ours = conditions(request, "ifSource")
    made = service.store.move(bucket, name, to_name, conditions(request), ours)
    return object_answer(service, request, made)
