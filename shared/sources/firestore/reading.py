"""From what the service sent to batches of keys and records, checked on the way.

Records are kept as received (docs/adr/0001): one parse per document would halve the speed. A sample of each batch
is looked at; a server seen not to send maps in canonical order has the rest of the part put in order here.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import lt

from shared.errors import Corrupt
from shared.format.key import keys_of_names
from shared.format.record import canonical
from shared.format.references import MARK, relativise
from shared.sources.contract import Batch
from shared.sources.firestore.counting import Range
from shared.sources.firestore.pages import Chunk
from shared.sources.firestore.service import Service

_SAMPLE_EVERY = 300
_LARGE_BATCH = 500
_LARGE_BYTES = 1 << 20


class Finisher:
    """Turns the chunks of one part into batches. `known_as`: what the records call this database."""

    def __init__(self, service: Service, span: Range, known_as: str) -> None:
        self._service = service
        self._last, self._end = span
        self._known_as = known_as
        self._as_received = True

    def batches(self, chunks: Iterator[Chunk]) -> Iterator[Batch]:
        """Batches of the chunks, small ones joined, keys strictly ascending and within the span."""
        for names, values in _joined(chunks):
            keys = keys_of_names(names)
            self._check_order(keys)
            yield keys, self._records(values)

    def _check_order(self, keys: list[bytes]) -> None:
        ascending = self._last <= keys[0] and all(map(lt, keys, keys[1:]))
        if not ascending or (self._end and keys[-1] >= self._end):
            raise Corrupt(
                "reading documents: the service sent one out of order or out of the range asked for"
            )
        self._last = keys[-1] + b"\x00"

    def _records(self, values: list[bytes]) -> list[bytes]:
        if self._as_received:
            self._as_received = all(canonical(value) == value for value in values[::_SAMPLE_EVERY])
        if not self._as_received:
            values = [canonical(value) for value in values]
        return [self.relative(value) if MARK in value else value for value in values]

    def relative(self, value: bytes) -> bytes:
        """One record with references to the own project made relative."""
        return relativise(value, self._service.project, self._service.database_id, self._known_as)


def _joined(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Chunks of about 500 documents or 1 MiB where they came smaller; larger ones as they are."""
    names: list[bytes] = []
    values: list[bytes] = []
    size = 0
    for more_names, more_values in chunks:
        if not names and len(more_names) >= _LARGE_BATCH // 2:
            yield more_names, more_values
            continue
        names += more_names
        values += more_values
        size += sum(map(len, more_values))
        if len(names) >= _LARGE_BATCH or size >= _LARGE_BYTES:
            yield names, values
            names, values, size = [], [], 0
    if names:
        yield names, values
