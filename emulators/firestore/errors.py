"""The one exception of the emulator: a call is refused with a gRPC status and the wording of the real service."""

from __future__ import annotations

from grpc import StatusCode


class Refusal(Exception):
    """`code` is the gRPC status, `message` what the client is told. Nothing has been changed when it is raised."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def number(self) -> int:
        """The status as google.rpc.Code has it."""
        return int(self.code.value[0])


def invalid(message: str) -> Refusal:
    """INVALID_ARGUMENT."""
    return Refusal(StatusCode.INVALID_ARGUMENT, message)


def failed(message: str) -> Refusal:
    """FAILED_PRECONDITION."""
    return Refusal(StatusCode.FAILED_PRECONDITION, message)


def missing(message: str) -> Refusal:
    """NOT_FOUND."""
    return Refusal(StatusCode.NOT_FOUND, message)


def exists(message: str) -> Refusal:
    """ALREADY_EXISTS."""
    return Refusal(StatusCode.ALREADY_EXISTS, message)


def aborted(message: str) -> Refusal:
    """ABORTED: the client's transaction is to be tried again from its start."""
    return Refusal(StatusCode.ABORTED, message)


def exhausted(message: str) -> Refusal:
    """RESOURCE_EXHAUSTED: there is no room. Clients try it again for a while."""
    return Refusal(StatusCode.RESOURCE_EXHAUSTED, message)


def unsupported(what: str) -> Refusal:
    """UNIMPLEMENTED, for what this emulator does not do."""
    return Refusal(StatusCode.UNIMPLEMENTED, f"{what} is not supported by this emulator.")
