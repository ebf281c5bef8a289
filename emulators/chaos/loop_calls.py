"""Faults in the calls of a gRPC server on an event loop (Pub/Sub's), whose streams answer through their context."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from emulators.chaos.threaded_calls import MESSAGE

if TYPE_CHECKING:
    from emulators.chaos.controller import Chaos, Strike
    from emulators.chaos.plan import Service

    Behaviour = Callable[[Any, Any], Awaitable[Any]]


class LoopCalls(grpc.aio.ServerInterceptor):  # type: ignore[misc, type-arg, unused-ignore]
    """Stands before the handlers of one service."""

    def __init__(self, chaos: Chaos, service: Service) -> None:
        self._chaos = chaos
        self._service = service

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        handler = await continuation(details)
        if handler is None:
            return None
        strike = self._chaos.call(self._service, details.method.rpartition(".")[2])
        if strike is None:
            return handler
        kind = "stream_stream" if handler.response_streaming else "unary_unary"
        return handler._replace(**{kind: _struck(strike, getattr(handler, kind))})


def _struck(strike: Strike, inner: Behaviour) -> Behaviour:
    fault = strike.fault

    async def call(request: Any, context: Any) -> Any:
        if fault.kind == "slow":
            strike.fired()
            await asyncio.sleep(fault.seconds)
            return await inner(request, context)
        if fault.kind == "fail":
            strike.fired()
            await context.abort(getattr(grpc.StatusCode, fault.status), MESSAGE.format("failing"))
        try:
            answer = await inner(request, _Broken(context, fault.after, drop=fault.kind == "lost"))
            if fault.kind == "cut":
                return answer
        except _BreakOff:
            pass
        strike.fired()
        return await context.abort(grpc.StatusCode.UNAVAILABLE, MESSAGE.format("breaking off"))

    return call


class _BreakOff(Exception):
    """Nothing more is to be said to this client."""


class _Broken:
    """A context that lets `after` messages through. What comes then is lost (`drop`); or the last of them is the
    last word."""

    def __init__(self, context: Any, after: int, *, drop: bool) -> None:
        self._context = context
        self._left = after
        self._drop = drop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def write(self, message: Any) -> None:
        if self._left == 0:
            raise _BreakOff
        await self._context.write(message)
        self._left -= 1
        if self._left == 0 and not self._drop:
            raise _BreakOff

    async def abort(self, *words: Any) -> None:
        """A refusal is an answer: where answers are lost, so is it."""
        if self._drop:
            raise _BreakOff
        await self._context.abort(*words)
