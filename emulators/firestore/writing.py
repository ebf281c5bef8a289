"""The calls that write: create, update, delete, commit, batch write, and the life of transactions."""

from __future__ import annotations

import secrets
import string
from collections import Counter
from collections.abc import Iterator
from typing import Any

from emulators.firestore.core import Core
from emulators.firestore.errors import Refusal, invalid
from emulators.firestore.paths import collection_id, document_path, key_of, parent_path
from emulators.firestore.render import masked
from emulators.firestore.schema import message
from emulators.firestore.staging import Staging
from emulators.firestore.store import Store
from emulators.firestore.transactions import Transaction
from emulators.firestore.wire import field, timestamp, unframe

MAX_WRITES = 10_000
_ALPHABET = string.ascii_letters + string.digits


def _one(core: Core, store: Store, write: Any) -> None:
    def stage() -> Staging:
        # Staging works on the message it is given, and may have to be repeated.
        fresh = message("Write")()
        fresh.CopyFrom(write)
        staging = Staging(store)
        staging.stage(fresh)
        return staging

    core.commit(store, stage)


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


def _parse(kind: str, data: bytes) -> tuple[Any, Iterator[Any]]:
    """A request, and its writes as often as they are staged: that works on the messages it is given."""
    request = message(kind).FromString(data)
    if len(request.writes) > MAX_WRITES:
        raise invalid(f"maximum {MAX_WRITES} writes allowed per request")

    def writes() -> Iterator[Any]:
        yield request.writes
        while True:
            yield message(kind).FromString(data).writes

    return request, writes()


def commit(core: Core, data: bytes) -> bytes:
    """Commit: all writes or none, in a transaction or without."""
    request, writes = _parse("CommitRequest", data)
    store, _ = core.databases.locate(request.database)
    if not request.transaction:
        answers, time = _commit(core, store, writes, None)
    else:
        answers, time = _commit_transaction(core, store, writes, request)
    return b"".join(field(1, answer) for answer in answers) + timestamp(2, time)


def _commit_transaction(
    core: Core, store: Store, writes: Iterator[Any], request: Any
) -> tuple[list[bytes], int]:
    transaction = core.transactions.find(store, request.transaction)
    committed = False
    try:
        if transaction.read_only and request.writes:
            raise invalid("Cannot modify entities in a read-only transaction.")
        answer = _commit(core, store, writes, transaction)
        committed = True
    finally:
        core.transactions.finish(transaction, committed)
    return answer


def _commit(
    core: Core, store: Store, writes: Iterator[Any], transaction: Transaction | None
) -> tuple[list[bytes], int]:
    """Commit the next of `writes`. Answers a serialized WriteResult for each write, and the time."""
    answers: list[bytes] = []

    def stage() -> Staging:
        staging = Staging(store)
        answers[:] = [staging.stage(write) for write in next(writes)]
        return staging

    return answers, core.commit(store, stage, transaction).time


def commit_streamed(core: Core, store: Store, data: bytes) -> tuple[list[bytes], int]:
    """The writes of a WriteRequest, all or none. Answers a serialized WriteResult for each, and the time."""
    return _commit(core, store, _parse("WriteRequest", data)[1], None)


def batch_write(core: Core, data: bytes) -> bytes:
    """BatchWrite: each write succeeds or fails on its own, with a status of its own."""
    request, writes = _parse("BatchWriteRequest", data)
    store, _ = core.databases.locate(request.database)
    if any(number > 1 for number in Counter(map(_written_name, request.writes)).values()):
        raise invalid("BatchWrite does not support writing to the same document more than once per request.")
    answer = b""

    def stage() -> Staging:
        nonlocal answer
        staging = Staging(store)
        outcomes = [_outcome(staging, write) for write in next(writes)]
        answer = b"".join(result for result, _ in outcomes) + b"".join(status for _, status in outcomes)
        return staging

    core.commit(store, stage)
    return answer


def _outcome(staging: Staging, write: Any) -> tuple[bytes, bytes]:
    """A write's result and status, as fields of the answer."""
    try:
        return field(1, staging.stage(write)), b"\x12\x00"
    except Refusal as refusal:
        status = message("google.rpc.Status")(code=refusal.number, message=refusal.message)
        return b"\x0a\x00", field(2, status.SerializeToString())


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
    core.transactions.roll_back(store, request.transaction)
    return b""
