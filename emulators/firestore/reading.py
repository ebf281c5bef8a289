"""The calls that read documents by name or by collection: get, batch get, list, collection ids."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from emulators.firestore.core import Core
from emulators.firestore.errors import invalid, missing
from emulators.firestore.fields import find
from emulators.firestore.locks import Locks
from emulators.firestore.paths import (
    KEY_END,
    collection_id,
    document_path,
    key_of,
    parent_path,
    path_of,
    segments_of,
)
from emulators.firestore.plan import Plan, make_plan
from emulators.firestore.render import document_of, masked
from emulators.firestore.run import results
from emulators.firestore.schema import message
from emulators.firestore.store import Row, Store, Version
from emulators.firestore.wire import field, name_of, text, timestamp, unframe

PAGE = 300
# A page ends early when it gets this large: the protocol allows shorter pages than asked for.
PAGE_BYTES = 8 << 20


def get_document(core: Core, data: bytes) -> bytes:
    """GetDocument."""
    request = message("GetDocumentRequest").FromString(data)
    store, path = core.databases.locate(request.name)
    key = key_of(document_path(request.name, path))
    snapshot = core.transactions.snapshot(store, request, Locks([key]))
    version = store.at(key, snapshot.time)
    if version is None:
        raise missing(f'Document "{request.name}" not found.')
    return unframe(masked(request)(version))


def batch_get_documents(core: Core, data: bytes) -> Iterator[list[bytes]]:
    """BatchGetDocuments: one answer a document, each once, the missing ones last."""
    request = message("BatchGetDocumentsRequest").FromString(data)
    store, _ = core.databases.locate(request.database)
    keys = {name: _key_in(store, name) for name in request.documents}
    snapshot = core.transactions.snapshot(store, request, Locks(keys.values()))
    render = masked(request)
    time = timestamp(4, snapshot.time)
    answers: list[bytes] = [field(3, snapshot.begun)] if snapshot.begun else []
    lacking: list[bytes] = []
    for name, key in keys.items():
        version = store.at(key, snapshot.time)
        if version is not None:
            answers.append(render(version) + time)
        else:
            lacking.append(text(2, name) + time)
    yield answers + lacking


def _key_in(store: Store, name: str) -> bytes:
    if not name.startswith(store.root + "/"):
        raise invalid(f'Document name "{name}" is not in the database of the request.')
    return key_of(document_path(name, name[len(store.root) + 1 :]))


def encode_token(value: Any) -> str:
    """A page token: a message that says where to go on."""
    return base64.urlsafe_b64encode(value.SerializeToString(deterministic=True)).decode()


def decode_token(token: str, kind: str) -> Any:
    """The message in a page token of ours."""
    try:
        return message(kind).FromString(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise invalid("The page token is invalid.") from error


def list_documents(core: Core, data: bytes) -> bytes:
    """ListDocuments: a page of a collection, or of all collections right below a parent."""
    request = message("ListDocumentsRequest").FromString(data)
    store, path = core.databases.locate(request.parent)
    parent_path(request.parent, path)
    if request.page_size < 0:
        raise invalid("page_size must not be negative.")
    size = request.page_size or PAGE
    if request.show_missing:
        return _with_missing(core, store, path, request, size)
    plan = replace(_list_plan(store, path, request), limit=size + 1)
    snapshot = core.transactions.snapshot(store, request, Locks(plans=[plan]))
    rows = [row for batch in results(plan, snapshot.time) for row in batch]
    snapshot.narrow(plan, len(rows), rows[-1:])
    render = masked(request)
    frames = _fit([render(version) for _, version in rows[:size]])
    page = b"".join(frames)
    if len(frames) < len(rows):
        page += text(2, _token_after(plan, rows[len(frames) - 1]))
    return page


def _list_plan(store: Store, parent: str, request: Any) -> Plan:
    query = message("StructuredQuery")()
    query.from_.add(collection_id=request.collection_id)
    for part in filter(None, request.order_by.split(",")):
        path, _, direction = part.strip().partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise invalid(f'Invalid order_by "{request.order_by}".')
        query.order_by.add(direction=2 if direction.strip().lower() == "desc" else 1).field.field_path = path
    if request.page_token:
        query.start_at.CopyFrom(decode_token(request.page_token, "Cursor"))
    return make_plan(store, parent, query)


def _fit(frames: list[bytes]) -> list[bytes]:
    if sum(map(len, frames)) <= PAGE_BYTES:
        return frames
    total = 0
    for number, frame in enumerate(frames):
        total += len(frame)
        if total > PAGE_BYTES:
            return frames[: max(1, number)]
    return frames


def _token_after(plan: Plan, row: Row) -> str:
    cursor = message("Cursor")(before=False)
    if not plan.by_name:
        document = document_of(row[1])
        for order in plan.orders[:-1]:
            cursor.values.add().CopyFrom(find(document.fields, order.path))
    cursor.values.add(reference_value=_name(row[1]))
    return encode_token(cursor)


def _name(version: Version) -> str:
    return name_of(version.frame or b"")


def _with_missing(core: Core, store: Store, parent: str, request: Any, size: int) -> bytes:
    """A page with the names of missing documents that have something below them among the documents."""
    if request.order_by:
        raise invalid("Requests with show_missing may not specify order_by.")
    collection = key_of(f"{parent}/{collection_id(request.collection_id)}".removeprefix("/"))
    after = b""
    if request.page_token:
        cursor = decode_token(request.page_token, "Cursor")
        after = _key_in(store, cursor.values[0].reference_value) + KEY_END
    snapshot = core.transactions.snapshot(store, request, Locks(plans=[_below(store, parent, collection)]))
    render = masked(request)
    frames: list[bytes] = []
    for key in store.children(collection, after, snapshot.time):
        if len(frames) == size:
            cursor = message("Cursor")(before=False)
            cursor.values.add(reference_value=name_of(frames[-1]))
            return b"".join(frames) + text(2, encode_token(cursor))
        version = store.at(key, snapshot.time)
        frames.append(render(version) if version else field(1, text(1, f"{store.root}/{path_of(key)}")))
    return b"".join(frames)


def _below(store: Store, parent: str, collection: bytes) -> Plan:
    """Everything in a collection and below it."""
    query = message("StructuredQuery")()
    query.from_.add(all_descendants=True)
    return replace(make_plan(store, parent, query), low=collection, high=collection + KEY_END)


def list_collection_ids(core: Core, data: bytes) -> bytes:
    """ListCollectionIds: the collections right below a document or the root, in order."""
    request = message("ListCollectionIdsRequest").FromString(data)
    store, path = core.databases.locate(request.parent)
    parent = key_of(parent_path(request.parent, path))
    snapshot = core.transactions.snapshot(store, request, Locks())
    size = request.page_size or PAGE
    after = b""
    if request.page_token:
        after = parent + key_of(decode_token(request.page_token, "DocumentMask").field_paths[0]) + KEY_END
    answer = message("ListCollectionIdsResponse")()
    for child in store.children(parent, after, snapshot.time):
        if len(answer.collection_ids) == size:
            token = message("DocumentMask")(field_paths=answer.collection_ids[-1:])
            answer.next_page_token = encode_token(token)
            break
        answer.collection_ids.append(segments_of(child[len(parent) :])[0])
    return bytes(answer.SerializeToString())
