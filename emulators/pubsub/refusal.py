"""The one exception a call may be refused with; the gRPC layer turns it into a status."""

from __future__ import annotations

import grpc


class Refused(Exception):  # an answer, not a fault of ours
    """A canonical code and the wording the client sees."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(name: str) -> Refused:
    return Refused(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name.rsplit('/', 1)[-1]}).")


def exists(name: str) -> Refused:
    kind = "Topic" if "/topics/" in name else "Subscription"
    return Refused(
        grpc.StatusCode.ALREADY_EXISTS, f"{kind} already exists (resource={name.rsplit('/', 1)[-1]})."
    )


def failed_precondition(message: str) -> Refused:
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)


def unimplemented(feature: str) -> Refused:
    return Refused(grpc.StatusCode.UNIMPLEMENTED, f"{feature} is not supported by this emulator.")
