"""Which rows of the shelf a change of a bucket or a version changes, the pieces of its content among them.

A piece is kept once, however many versions share it: small ones as rows, large ones as files, complete before a row
names them. With the last version that refers to it, it goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import google_crc32c

from emulators.storage.content import Content, Piece, Stored, piece_size
from emulators.storage.records import (
    BUCKET,
    LAST,
    PIECE,
    VERSION,
    Place,
    bucket_row,
    number_key,
    version_key,
    version_row,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulators.journal import Journal
    from emulators.storage.model import Bucket, Version


@dataclass(slots=True)
class _Kept:
    """`piece` is held, so that no other can have its identity."""

    piece: Piece
    place: Place
    uses: int = 0


class Keeping:
    """Notes in the journal what each change means for the shelf; `number` names a new piece."""

    def __init__(self, journal: Journal, number: Callable[[], int]) -> None:
        self._journal = journal
        self._number = number
        self._pieces: dict[int, _Kept] = {}

    def bucket(self, name: str, bucket: Bucket | None) -> None:
        self._journal.note(BUCKET, name.encode(), None if bucket is None else partial(bucket_row, bucket))

    def last(self, generation: int) -> None:
        """The greatest generation given out: no other row may tell it any more."""
        self._journal.note(LAST, b"", number_key(generation))

    def version(self, old: Version | None, new: Version | None) -> None:
        """A version is there, is another now (of the same generation), or is gone."""
        if self._journal.shelf is None:
            return
        moved = old is None or new is None or old.content is not new.content
        if new is not None:
            if moved:
                self._use(new.content)
            places = [self._pieces[id(piece)].place for piece in new.content.pieces]
            self._journal.note(VERSION, version_key(new), version_row(new, places))
        elif old is not None:
            self._journal.note(VERSION, version_key(old), None)
        if old is not None and moved:
            for piece in old.content.pieces:
                self._release(self._pieces[id(piece)])

    def loaded(self, content: Content, places: list[Place]) -> None:
        """A version that the shelf has refers to these pieces."""
        for piece, place in zip(content.pieces, places, strict=True):
            self._pieces.setdefault(id(piece), _Kept(piece, place)).uses += 1

    def _use(self, content: Content) -> None:
        for piece in content.pieces:
            kept = self._pieces.get(id(piece)) or self._add(piece, content)
            kept.uses += 1
            self._journal.done(partial(self._drop, kept))

    def _add(self, piece: Piece, content: Content) -> _Kept:
        if isinstance(piece, Stored):
            kept = _Kept(piece, (True, int(piece.path.name), piece.size, piece.crc32c))
        else:
            crc32c = content.crc32c if len(content.pieces) == 1 else google_crc32c.value(piece)
            kept = _Kept(piece, (False, self._number(), piece_size(piece), crc32c))
            self._journal.note(PIECE, number_key(kept.place[1]), piece)
        self._hold(kept)
        return kept

    def _release(self, kept: _Kept) -> None:
        self._drop(kept)
        if not kept.uses and isinstance(kept.piece, bytes):
            self._journal.note(PIECE, number_key(kept.place[1]), None)
        # Until the operation ends, its undoing holds the piece, so that its file is there as long as the row.
        self._journal.done(partial(self._again, kept))

    def _drop(self, kept: _Kept) -> None:
        kept.uses -= 1
        if not kept.uses:
            del self._pieces[id(kept.piece)]
            if isinstance(kept.piece, Stored):
                kept.piece.keep(False)

    def _again(self, kept: _Kept) -> None:
        self._hold(kept)
        kept.uses += 1

    def _hold(self, kept: _Kept) -> None:
        self._pieces[id(kept.piece)] = kept
        if isinstance(kept.piece, Stored):
            kept.piece.keep(True)
