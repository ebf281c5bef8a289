"""Every status of the service becomes one of our errors, with the right thing to do about it."""

from __future__ import annotations

import grpc
import pytest

from shared import errors
from shared.sources.firestore.status import READ_AGAIN, WRITE_AGAIN, code_of, error_of

Code = grpc.StatusCode


class Failed(grpc.RpcError):
    """What grpc raises from a call."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self._code, self._text = code, text

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._text


EXPECTED: dict[grpc.StatusCode, type[errors.FirekeepError]] = {
    Code.OK: errors.Internal,
    Code.CANCELLED: errors.Unavailable,
    Code.UNKNOWN: errors.Unavailable,
    Code.INVALID_ARGUMENT: errors.BadInput,
    Code.DEADLINE_EXCEEDED: errors.Unavailable,
    Code.NOT_FOUND: errors.NotFound,
    Code.ALREADY_EXISTS: errors.Conflict,
    Code.PERMISSION_DENIED: errors.Denied,
    Code.UNAUTHENTICATED: errors.Denied,
    Code.RESOURCE_EXHAUSTED: errors.Unavailable,
    Code.FAILED_PRECONDITION: errors.Conflict,
    Code.ABORTED: errors.Unavailable,
    Code.OUT_OF_RANGE: errors.BadInput,
    Code.UNIMPLEMENTED: errors.Unsupported,
    Code.INTERNAL: errors.Unavailable,
    Code.UNAVAILABLE: errors.Unavailable,
    Code.DATA_LOSS: errors.IntegrityError,
}


@pytest.mark.parametrize("code", list(Code))
def test_no_status_is_missed(code: grpc.StatusCode) -> None:
    error = error_of(Failed(code, "why"), "doing it", tell=True)
    assert type(error) is EXPECTED[code]
    assert code.name in str(error)
    assert "doing it" in str(error)
    assert "why" in str(error)


@pytest.mark.parametrize("code", [Code.FAILED_PRECONDITION, Code.INVALID_ARGUMENT])
@pytest.mark.parametrize("text", ["The requested snapshot version is too old.", "read_time is too old"])
def test_an_instant_past_the_horizon_is_too_old(code: grpc.StatusCode, text: str) -> None:
    assert isinstance(error_of(Failed(code, text), "reading", tell=True), errors.TooOld)


def test_what_the_service_says_of_a_write_is_not_repeated() -> None:
    error = error_of(Failed(Code.INVALID_ARGUMENT, "the value 'secret' is bad"), "writing", tell=False)
    assert "secret" not in repr(error) + str(error)


def test_a_denial_names_the_role_to_grant() -> None:
    assert "roles/datastore" in str(error_of(Failed(Code.PERMISSION_DENIED, ""), "reading", tell=True))


def test_an_error_without_a_status_is_an_unknown_one() -> None:
    assert code_of(ValueError("x")) is Code.UNKNOWN


def test_only_what_may_pass_is_tried_again() -> None:
    never = {
        Code.PERMISSION_DENIED,
        Code.UNAUTHENTICATED,
        Code.INVALID_ARGUMENT,
        Code.NOT_FOUND,
        Code.DATA_LOSS,
    }
    assert not never & (READ_AGAIN | WRITE_AGAIN)
    assert Code.INTERNAL in READ_AGAIN - WRITE_AGAIN
