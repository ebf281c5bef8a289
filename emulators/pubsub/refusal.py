"""The one exception a call may be refused with; the gRPC layer turns it into a status."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

Trailers = tuple[tuple[str, bytes], ...]
_BAD_ACK_IDS = (
    "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids "
    "have expired or the acknowledgement ids were malformed."
)


class Refused(Exception):  # an answer, not a fault of ours
    """A canonical code, the wording the client sees, and trailing metadata for clients that read details."""

    def __init__(self, code: grpc.StatusCode, message: str, trailers: Trailers = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.trailers = trailers


def invalid(message: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(name: str) -> Refused:
    return Refused(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name.rsplit('/', 1)[-1]}).")


def exists(name: str) -> Refused:
    short = name.rsplit("/", 1)[-1]
    return Refused(
        grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists in the project (resource={short})."
    )


def failed_precondition(message: str) -> Refused:
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)


def aborted(message: str) -> Refused:
    return Refused(grpc.StatusCode.ABORTED, message)


def exhausted(message: str) -> Refused:
    return Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, message)


def unimplemented(feature: str) -> Refused:
    return Refused(grpc.StatusCode.UNIMPLEMENTED, f"{feature} is not supported by this emulator.")


def bad_ack_ids(ack_ids: list[str]) -> Refused:
    """What an exactly-once subscription answers: which ids failed is in the status's details."""
    info = error_details_pb2.ErrorInfo(
        reason="EXACTLY_ONCE_ACKID_FAILURE",
        domain="pubsub.googleapis.com",
        metadata=dict.fromkeys(ack_ids, "PERMANENT_FAILURE_INVALID_ACK_ID"),
    )
    detail = any_pb2.Any()
    detail.Pack(info)
    code = grpc.StatusCode.INVALID_ARGUMENT
    status = status_pb2.Status(code=code.value[0], message=_BAD_ACK_IDS, details=[detail])
    return Refused(code, _BAD_ACK_IDS, (("grpc-status-details-bin", status.SerializeToString()),))
