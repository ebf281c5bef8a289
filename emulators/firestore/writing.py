"""The calls that write: create, update, delete, commit, batch write, and the life of transactions."""

from __future__ import annotations

import secrets
import string
from collections import Counter
from typing import Any

from emulators.firestore.core import Core
from emulators.firestore.errors import Refusal, invalid
from emulators.firestore.paths import collection_id, document_path, key_of, parent_path
from emulators.firestore.render import masked
from emulators.firestore.schema import message
from emulators.firestore.staging import Staging
from emulators.firestore.store import Store
from emulators.firestore.wire import field, timestamp, unframe

MAX_WRITES = 10_000
_ALPHABET = string.ascii_letters + string.digits


def _one(core: Core, store: Store, write: Any) -> None:
    staging = Staging(store)
    staging.stage(write)
    core.apply(staging)


def _answer(store: Store, name: str, request: Any) -> bytes:
    version = store.at(key_of(name[len(store.root) + 1 :]), store.now())
    assert version is not None
    return unframe(masked(request)(version))


def create_document(core: Core, data: bytes) -> bytes:
    """CreateDocument, with an id of its own when none is given."""
    request = message("CreateDocumentRequest").FromString(data)
    store, path = core.databases.locate(request.parent)
    parent_path(request.parent, path)
    identifier = request.document_id or "".join(secrets.choice(_ALPHABET) for _ in range(20))
    parent = f"{store.root}/{path}" if path else store.root
    name = f"{parent}/{collection_id(request.collection_id)}/{identifier}"
    if "/" in identifier:
        raise invalid(f'Document id "{identifier}" is invalid because it contains "/".')
    write = message("Write")(update=request.document)
    write.update.name = name
    write.current_document.exists = False
    _one(core, store, write)
    return _answer(store, name, request)


def update_document(core: Core, data: bytes) -> bytes:
    """UpdateDocument: the document, or the fields of a mask; created when it is not there."""
    request = message("UpdateDocumentRequest").FromString(data)
    store, _ = core.databases.locate(request.document.name)
    write = message("Write")(update=request.document)
    for part in ("update_mask", "current_document"):
        if request.HasField(part):
            getattr(write, part).CopyFrom(getattr(request, part))
    _one(core, store, write)
    return _answer(store, request.document.name, request)


def delete_document(core: Core, data: bytes) -> bytes:
    """DeleteDocument."""
    request = message("DeleteDocumentRequest").FromString(data)
    store, path = core.databases.locate(request.name)
    document_path(request.name, path)
    write = message("Write")(delete=request.name)
    if request.HasField("current_document"):
        write.current_document.CopyFrom(request.current_document)
    _one(core, store, write)
    return b""


def _check_number(writes: Any) -> None:
    if len(writes) > MAX_WRITES:
        raise invalid(f"maximum {MAX_WRITES} writes allowed per request")


def commit(core: Core, data: bytes) -> bytes:
    """Commit: all writes or none, in a transaction or without."""
    request = message("CommitRequest").FromString(data)
    store, _ = core.databases.locate(request.database)
    _check_number(request.writes)
    if request.transaction:
        transaction = core.transactions.finish(store, request.transaction)
        if transaction.read_only and request.writes:
            raise invalid("Cannot modify entities in a read-only transaction.")
        transaction.confirm()
    staging = Staging(store)
    answers = [field(1, staging.stage(write)) for write in request.writes]
    core.apply(staging)
    return b"".join(answers) + timestamp(2, staging.time)


def batch_write(core: Core, data: bytes) -> bytes:
    """BatchWrite: each write succeeds or fails on its own, with a status of its own."""
    request = message("BatchWriteRequest").FromString(data)
    store, _ = core.databases.locate(request.database)
    _check_number(request.writes)
    if any(number > 1 for number in Counter(map(_written_name, request.writes)).values()):
        raise invalid("BatchWrite does not support writing to the same document more than once per request.")
    staging = Staging(store)
    answers: list[bytes] = []
    statuses: list[bytes] = []
    for write in request.writes:
        try:
            answers.append(field(1, staging.stage(write)))
            statuses.append(b"\x12\x00")
        except Refusal as refusal:
            status = message("google.rpc.Status")(code=refusal.number, message=refusal.message)
            answers.append(b"\x0a\x00")
            statuses.append(field(2, status.SerializeToString()))
    core.apply(staging)
    return b"".join(answers) + b"".join(statuses)


def _written_name(write: Any) -> str:
    name: str = write.update.name or write.delete or write.verify or write.transform.document
    return name


def begin_transaction(core: Core, data: bytes) -> bytes:
    """BeginTransaction."""
    request = message("BeginTransactionRequest").FromString(data)
    store, _ = core.databases.locate(request.database)
    return field(1, core.transactions.begin(store, request.options).identity)


def rollback(core: Core, data: bytes) -> bytes:
    """Rollback."""
    request = message("RollbackRequest").FromString(data)
    store, _ = core.databases.locate(request.database)
    core.transactions.finish(store, request.transaction)
    return b""
