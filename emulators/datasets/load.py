"""Puts documents into a Firestore emulator as quickly as it takes them: commits put together from bytes.

Only for emulators: no credentials, no ramp, no retries.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from emulators.datasets.values import encoded
from emulators.datasets.wire import commit, documents_root, write
from emulators.datasets.world import world
from emulators.loopback import check_loopback

_COMMIT = "/google.firestore.v1.Firestore/Commit"
_WRITES = 500
_BYTES = 4 << 20
_IN_FLIGHT = 4
_TIMEOUT_S = 60
_OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))

Loaded = dict[str, bytes]
"""Each document's path and its fields: a `Document` message without name and times."""


@dataclass(frozen=True)
class Database:
    """A database of an emulator at `host`, HOST:PORT on loopback."""

    host: str
    project: str
    database: str = "(default)"

    @property
    def root(self) -> str:
        """What the name of every document begins with."""
        return documents_root(self.project, self.database)

    def channel(self) -> grpc.Channel:
        """A new channel; the caller closes it. BadInput for a host that is not this machine."""
        check_loopback(self.host.rpartition(":")[0])
        return grpc.insecure_channel(self.host, options=_OPTIONS)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What an emulator wants to see with each call."""
        name = f"projects/{self.project}/databases/{self.database}"
        return (("authorization", "Bearer owner"), ("google-cloud-resource-prefix", name))


def load_world(database: Database, every: int = 1) -> Loaded:
    """Load the data set of `world`, or every so many-th of its documents, and return what was written."""
    documents = {path: encoded(fields, database.root) for path, fields in world(every)}
    put_documents(database, documents)
    return documents


def put_documents(database: Database, documents: Mapping[str, bytes]) -> None:
    """Write documents whole, whatever was there. `grpc.RpcError` when the emulator refuses one."""
    commit_writes(database, (write(f"{database.root}/{path}", fields) for path, fields in documents.items()))


def commit_writes(database: Database, writes: Iterable[bytes]) -> None:
    """Commit encoded `Write` messages, a few commits at a time."""
    name = f"projects/{database.project}/databases/{database.database}"
    with database.channel() as channel:
        call = channel.unary_unary(_COMMIT, request_serializer=None, response_deserializer=None)
        waiting: deque[Any] = deque()
        for batch in _batches(writes):
            waiting.append(call.future(commit(name, batch), timeout=_TIMEOUT_S, metadata=database.metadata))
            if len(waiting) >= _IN_FLIGHT:
                waiting.popleft().result()
        for answer in waiting:
            answer.result()


def _batches(writes: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for one in writes:
        if batch and (len(batch) >= _WRITES or size + len(one) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one)
    if batch:
        yield batch
