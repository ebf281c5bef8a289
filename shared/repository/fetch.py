"""Pieces of packs. Reads that follow one another become one larger read; a lone read stays as small as it is."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from shared.errors import Corrupt, Missing, NotFound
from shared.format.index import Location
from shared.providers.contract import Provider, Span
from shared.repository.layout import pack_key

_WINDOWS: Final = 4
_NEAR: Final = 256 << 10


@dataclass(frozen=True)
class _Window:
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class PackReader:
    """Reads stored blobs. At most four windows of `read_ahead` bytes are kept. Safe from many threads."""

    def __init__(self, provider: Provider, read_ahead: int) -> None:
        self._provider = provider
        self._read_ahead = read_ahead
        self._windows: OrderedDict[bytes, _Window] = OrderedDict()
        self._lock = Lock()

    def read(self, place: Location) -> bytes:
        """The stored bytes. Missing when the pack is gone, Corrupt when it is shorter than the index says."""
        end = place.offset + place.length
        if end > place.pack_size:
            raise Corrupt(f"the index places a blob beyond the end of pack {place.pack.hex()}")
        window = self._window(place.pack)
        if window is None or not window.start <= place.offset <= end <= window.end:
            window = self._load(place, window)
        start = place.offset - window.start
        return window.data[start : start + place.length]

    def _load(self, place: Location, last: _Window | None) -> _Window:
        follows = last is not None and last.end - _NEAR <= place.offset <= last.end + _NEAR
        wanted = max(place.length, self._read_ahead) if follows else place.length
        span = Span(place.offset, min(wanted, place.pack_size - place.offset))
        key = pack_key(place.pack)
        try:
            window = _Window(place.offset, self._provider.get(key, span))
        except NotFound:
            raise Missing(f"object {key} does not exist, but the index names it") from None
        with self._lock:
            self._windows[place.pack] = window
            self._windows.move_to_end(place.pack)
            while len(self._windows) > _WINDOWS:
                self._windows.popitem(last=False)
        return window

    def _window(self, pack: bytes) -> _Window | None:
        with self._lock:
            return self._windows.get(pack)
