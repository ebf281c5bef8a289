"""Faults in the calls of a gRPC server with threads (Firestore's)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

import grpc

if TYPE_CHECKING:
    from emulators.chaos.controller import Chaos, Strike
    from emulators.chaos.plan import Service

MESSAGE = "The service is, by order of a chaos plan, {}."


class ThreadedCalls(grpc.ServerInterceptor):  # type: ignore[type-arg]
    """Stands before the handlers of one service."""

    def __init__(self, chaos: Chaos, service: Service) -> None:
        self._chaos = chaos
        self._service = service

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        handler = continuation(details)
        if handler is None:
            return None
        strike = self._chaos.call(self._service, details.method.rpartition("/")[2])
        if strike is None:
            return handler
        if handler.response_streaming:
            kind = "stream_stream" if handler.request_streaming else "unary_stream"
            return handler._replace(**{kind: _stream(strike, getattr(handler, kind))})
        return handler._replace(unary_unary=_unary(strike, handler.unary_unary))


def _unary(strike: Strike, inner: Callable[..., Any]) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        _before(strike, context)
        if strike.fault.kind != "lost":
            return inner(request, context)
        try:
            inner(request, context)
        except Exception:  # noqa: BLE001  # a refusal is an answer, and so it is lost too
            return _break(strike, context)
        return _break(strike, context)

    return call


def _stream(strike: Strike, inner: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        _before(strike, context)
        with closing(inner(request, context)) as answers:  # type: ignore[type-var]
            if strike.fault.kind == "slow":
                yield from answers
                return
            sent = 0
            while strike.fault.kind == "lost" or sent < strike.fault.after:
                answer = next(answers, None)
                if answer is None and strike.fault.kind == "cut":
                    return
                if sent == strike.fault.after or answer is None:
                    break
                yield answer
                sent += 1
            _break(strike, context)

    return call


def _before(strike: Strike, context: grpc.ServicerContext) -> None:
    fault = strike.fault
    if fault.kind == "slow":
        strike.fired()
        # A call that is over, because its client is gone or the server stops, is not waited for.
        over = threading.Event()
        if context.add_callback(over.set):
            over.wait(fault.seconds)
    elif fault.kind == "fail":
        strike.fired()
        context.abort(getattr(grpc.StatusCode, fault.status), MESSAGE.format("failing"))


def _break(strike: Strike, context: grpc.ServicerContext) -> NoReturn:
    strike.fired()
    context.abort(grpc.StatusCode.UNAVAILABLE, MESSAGE.format("breaking off"))
