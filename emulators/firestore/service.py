"""The gRPC service: which call is which function, and how refusals become statuses.

Requests and answers pass as bytes. Every call runs on the one thread of the event loop, so none needs a lock; long
ones pause between batches.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from emulators.firestore import querying, reading, writing
from emulators.firestore.core import Core
from emulators.firestore.errors import Refusal, invalid
from emulators.firestore.listening import listen

log = logging.getLogger(__name__)

MAX_REQUEST = 10 << 20

Unary = Callable[[Core, bytes], bytes]
Stream = Callable[[Core, bytes], Iterator[list[bytes]]]

UNARY: dict[str, Unary] = {
    "GetDocument": reading.get_document,
    "ListDocuments": reading.list_documents,
    "ListCollectionIds": reading.list_collection_ids,
    "CreateDocument": writing.create_document,
    "UpdateDocument": writing.update_document,
    "DeleteDocument": writing.delete_document,
    "BeginTransaction": writing.begin_transaction,
    "Commit": writing.commit,
    "Rollback": writing.rollback,
    "BatchWrite": writing.batch_write,
    "PartitionQuery": querying.partition_query,
}
STREAMS: dict[str, Stream] = {
    "BatchGetDocuments": reading.batch_get_documents,
    "RunQuery": querying.run_query,
    "RunAggregationQuery": querying.run_aggregation_query,
}


async def _refuse(context: Any, error: Exception) -> None:
    if isinstance(error, Refusal):
        await context.abort(error.code, error.message)
    if isinstance(error, DecodeError):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The request cannot be read.")
    log.error("a call failed inside the emulator", exc_info=error)
    await context.abort(grpc.StatusCode.UNKNOWN, f"The emulator failed: {type(error).__name__}.")


def _check_size(data: bytes) -> None:
    if len(data) > MAX_REQUEST:
        raise invalid(f"Request payload size exceeds the limit: {MAX_REQUEST} bytes.")


def _unary(core: Core, method: Unary) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def call(data: bytes, context: Any) -> bytes:
        try:
            _check_size(data)
            return method(core, data)
        except Exception as error:
            await _refuse(context, error)
            raise

    return call


def _stream(core: Core, method: Stream) -> Callable[[bytes, Any], Awaitable[None]]:
    async def call(data: bytes, context: Any) -> None:
        batches = method(core, data)
        while True:
            try:
                batch = next(batches, None)
            except Exception as error:
                await _refuse(context, error)
                raise
            if batch is None:
                return
            for answer in batch:
                await context.write(answer)
            if not batch:
                await asyncio.sleep(0)

    return call


def _listen(core: Core) -> Callable[[AsyncIterator[bytes], Any], Awaitable[None]]:
    async def call(requests: AsyncIterator[bytes], context: Any) -> None:
        try:
            await listen(core, requests, context)
        except (Refusal, DecodeError) as error:
            await _refuse(context, error)

    return call


def handlers(core: Core) -> grpc.GenericRpcHandler[Any, Any]:
    """The handler of all calls. Those it does not know are answered UNIMPLEMENTED by gRPC itself."""
    methods: dict[str, Any] = {}
    for name, unary in UNARY.items():
        methods[name] = grpc.unary_unary_rpc_method_handler(_unary(core, unary))
    for name, stream in STREAMS.items():
        methods[name] = grpc.unary_stream_rpc_method_handler(_stream(core, stream))
    methods["Listen"] = grpc.stream_stream_rpc_method_handler(_listen(core))
    return grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", methods)
