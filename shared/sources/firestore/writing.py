"""Guarded writes by BatchWrite: put together from bytes, several requests under way, one outcome per write.

A write whose guard does not hold is MOVED: the document is not what was seen. That includes a write of ours that
landed although its answer was lost; only reading again can tell, so it is never counted as done here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from shared.errors import BadInput, Corrupt, Internal
from shared.format.key import name_of
from shared.format.record import strip_times
from shared.format.references import absolutise
from shared.sources.contract import Kind, Outcome, Result, Write
from shared.sources.firestore import requests
from shared.sources.firestore.answers import codes_in
from shared.sources.firestore.ramp import Ramp
from shared.sources.firestore.service import Retry, Service
from shared.sources.firestore.status import MAY_HAVE_LANDED, WRITE_AGAIN, code_of

MOST_WRITES = 500
MOST_BYTES = 9 << 20
"""Of one request; the service takes 10 MiB."""

LOST_ANSWER = "the answer to an earlier attempt was lost: read again"

_NUMBERS: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
_GUARDED = frozenset(
    {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND}
)


@dataclass
class _Sent:
    """One request under way: which writes, and how often it has been tried."""

    places: list[int]
    retry: Retry
    call: Any = None
    lost: bool = False
    rounds: int = field(default=1)


class Writer:
    """Applies writes to one database. `known_as`: what the records call it."""

    def __init__(self, service: Service, known_as: str, *, ramp: Ramp | None, in_flight: int) -> None:
        self._service = service
        self._known_as = known_as
        self._ramp = ramp
        self._in_flight = in_flight

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome per write, in order. A call that keeps failing as a whole is an exception."""
        if len({write.key for write in writes}) != len(writes):
            raise BadInput("writing documents: one of them is named twice")
        encoded = [self._encode(write) for write in writes]
        outcomes: list[Outcome | None] = [None] * len(writes)
        under_way: deque[_Sent] = deque()
        try:
            for places in _groups(encoded):
                if len(under_way) >= self._in_flight:
                    self._settle(under_way, encoded, writes, outcomes)
                under_way.append(
                    self._send(_Sent(places, self._service.retry_writes("writing documents")), encoded)
                )
            while under_way:
                self._settle(under_way, encoded, writes, outcomes)
        finally:
            for sent in under_way:
                sent.call.cancel()
        return [outcome for outcome in outcomes if outcome is not None]

    def _encode(self, write: Write) -> bytes:
        name, seen = self._service.name(name_of(write.key)), write.seen
        if isinstance(seen, str):
            raise Internal("writing a document: a document is guarded by its update time")
        if write.kind is Kind.DROP:
            return requests.drop(name, seen)
        service = self._service
        fields = absolutise(strip_times(write.value), service.project, service.database_id, self._known_as)
        return requests.put(name, fields, seen)

    def _send(self, sent: _Sent, encoded: list[bytes]) -> _Sent:
        if self._ramp is not None:
            self._ramp.take(len(sent.places))
        request = requests.batch_write(self._service.database, [encoded[place] for place in sent.places])
        sent.call = self._service.begin("BatchWrite", request)
        return sent

    def _settle(
        self,
        under_way: deque[_Sent],
        encoded: list[bytes],
        writes: Sequence[Write],
        outcomes: list[Outcome | None],
    ) -> None:
        """Wait for the oldest request; what of it is worth another attempt is sent again, last in the line."""
        sent = under_way[0]
        try:
            codes = codes_in(sent.call.result())
        except grpc.RpcError as error:
            sent.lost = sent.lost or code_of(error) in MAY_HAVE_LANDED
            sent.retry.failed(error)
        else:
            if len(codes) != len(sent.places):
                raise Corrupt("writing documents: the answer does not speak of every write")
            sent.places = self._judge(sent, codes, writes, outcomes)
            if sent.places:
                sent.rounds += 1
                sent.retry.pause(sent.rounds)
        under_way.popleft()
        if sent.places:
            under_way.append(self._send(sent, encoded))

    def _judge(
        self, sent: _Sent, numbers: list[int], writes: Sequence[Write], outcomes: list[Outcome | None]
    ) -> list[int]:
        """Set the outcomes that are final; answer the places to be tried again."""
        again = []
        for place, number in zip(sent.places, numbers, strict=True):
            key = writes[place].key
            code = _NUMBERS.get(number, grpc.StatusCode.UNKNOWN)
            if number == 0:
                outcomes[place] = Outcome(key, Result.DONE)
            elif code in _GUARDED:
                outcomes[place] = Outcome(key, Result.MOVED, LOST_ANSWER if sent.lost else code.name)
            elif code in WRITE_AGAIN and sent.rounds < self._service.patience.attempts:
                again.append(place)
                sent.lost = sent.lost or code in MAY_HAVE_LANDED
            else:
                outcomes[place] = Outcome(key, Result.FAILED, code.name)
        return again


def _groups(encoded: list[bytes]) -> Iterator[list[int]]:
    """Places of consecutive writes that fit one request."""
    places: list[int] = []
    size = 0
    for place, write in enumerate(encoded):
        if places and (len(places) == MOST_WRITES or size + len(write) + 8 > MOST_BYTES):
            yield places
            places, size = [], 0
        places.append(place)
        size += len(write) + 8
    if places:
        yield places
