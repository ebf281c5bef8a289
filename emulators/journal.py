"""One operation's changes: made in memory at once, kept on the shelf together when it ends, or taken back.

Without a shelf nothing is kept, and an operation can be taken back all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.errors import BadInput

if TYPE_CHECKING:
    from emulators.shelf import Shelf

Value = bytes | Callable[[], bytes] | None
"""A row's value, or what makes it when the operation ends; None for no row."""

_FORMAT = "format"


class Journal:
    """For one thread at a time: its owner's lock, or event loop, sees to that."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.shelf = shelf
        self._rows: dict[tuple[str, bytes], Value] = {}
        self._steps: list[Callable[[], object]] = []

    def note(self, kind: str, key: bytes, value: Value) -> None:
        """How the row is to be after the operation. The last note on a row counts."""
        if self.shelf is not None:
            self._rows[kind, key] = value

    def done(self, undo: Callable[[], object]) -> None:
        """Something was done in memory, and `undo` takes it back."""
        self._steps.append(undo)

    def commit(self) -> None:
        """Keeps what was noted, in one write. When that fails, all is taken back, and the error is raised."""
        try:
            if self._rows and self.shelf is not None:
                self.shelf.write(
                    (kind, key, value() if callable(value) else value)
                    for (kind, key), value in self._rows.items()
                )
        except BaseException:
            self.roll_back()
            raise
        self._forget()

    def roll_back(self) -> None:
        """Takes back what was done, the last first."""
        steps = self._steps[::-1]
        self._forget()
        for undo in steps:
            undo()

    def _forget(self) -> None:
        self._rows.clear()
        self._steps.clear()


def claim(shelf: Shelf, format_name: str) -> None:
    """Marks a new shelf as holding `format_name`. Raises BadInput when it holds another service's or version's."""
    found = dict(shelf.items(_FORMAT)).get(b"", format_name.encode())
    if found != format_name.encode():
        raise BadInput(
            f"opening {shelf.path}: it holds {found.decode(errors='replace')!r}, not {format_name!r}",
            hint="choose another directory",
        )
    shelf.write([(_FORMAT, b"", found)])
