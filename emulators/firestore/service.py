"""The gRPC service: which call is which function, and how refusals become statuses.

Requests and answers pass as bytes. A call holds the one lock while it works; a long one lets go of it between batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from emulators.firestore import querying, reading, writing
from emulators.firestore.caller import metadata
from emulators.firestore.core import Core
from emulators.firestore.errors import Refusal, invalid
from emulators.firestore.listening import listen
from emulators.firestore.streaming import write

log = logging.getLogger(__name__)

MAX_REQUEST = 10 << 20

Unary = Callable[[Core, bytes], bytes]
Stream = Callable[[Core, bytes], Iterator[list[bytes]]]
Duplex = Callable[[Core, Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]

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

DUPLEX: dict[str, Duplex] = {"Listen": listen, "Write": write}


def _refuse(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    if isinstance(error, Refusal):
        context.abort(error.code, error.message)
    if isinstance(error, DecodeError):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The request cannot be read.")
    log.error("a call failed inside the emulator", exc_info=error)
    context.abort(grpc.StatusCode.UNKNOWN, f"The emulator failed: {type(error).__name__}.")


def _checked(data: bytes) -> bytes:
    if len(data) > MAX_REQUEST:
        raise invalid(f"Request payload size exceeds the limit: {MAX_REQUEST} bytes.")
    return data


def _unary(core: Core, method: Unary) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def call(data: bytes, context: grpc.ServicerContext) -> bytes:
        metadata.set(context.invocation_metadata() or ())
        try:
            with core.lock:
                return method(core, _checked(data))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status
            _refuse(context, error)

    return call


def _stream(core: Core, method: Stream) -> Callable[[bytes, grpc.ServicerContext], Iterator[bytes]]:
    def call(data: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            for batch in core.batches(method(core, _checked(data))):
                yield from batch
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status
            _refuse(context, error)

    return call


def _duplex(core: Core, method: Duplex) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]:
    def call(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        metadata.set(context.invocation_metadata() or ())
        try:
            yield from method(core, map(_checked, requests), context)
        except grpc.RpcError:
            # The client is gone.
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a status
            _refuse(context, error)

    return call


def handlers(core: Core) -> grpc.GenericRpcHandler[Any, Any]:
    """The handler of all calls. Those it does not know are answered UNIMPLEMENTED by gRPC itself."""
    methods: dict[str, Any] = {}
    for name, unary in UNARY.items():
        methods[name] = grpc.unary_unary_rpc_method_handler(_unary(core, unary))
    for name, stream in STREAMS.items():
        methods[name] = grpc.unary_stream_rpc_method_handler(_stream(core, stream))
    for name, duplex in DUPLEX.items():
        methods[name] = grpc.stream_stream_rpc_method_handler(_duplex(core, duplex))
    return grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", methods)
