"""Out-of-band codes of a realm: what the links in its e-mails carry, in the order in which they were made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emulators.auth.keeping import Keeping


@dataclass(frozen=True, slots=True)
class Code:
    """`query` is the link's, which leads to the emulator; `order` says when the code was made."""

    kind: str
    email: str
    code: str
    query: str
    new_email: str = ""
    order: int = 0


class Codes:
    """`keeping` is told of each change, and how it can be taken back."""

    def __init__(self, keeping: Keeping | None = None) -> None:
        self._keeping = keeping
        self._codes: dict[str, Code] = {}
        self._last = 0

    def __iter__(self) -> Iterator[Code]:
        return iter(self._codes.values())

    def get(self, name: str) -> Code | None:
        return self._codes.get(name)

    def add(self, code: Code) -> None:
        self._last += 1
        code = self._codes[code.code] = replace(code, order=self._last)
        if self._keeping is not None:
            self._keeping.code(code.code, code, partial(self._codes.pop, code.code))

    def remove(self, code: Code) -> None:
        del self._codes[code.code]
        if self._keeping is not None:
            self._keeping.code(code.code, None, partial(self.load, [code]))

    def clear(self) -> None:
        for code in list(self._codes.values()):
            self.remove(code)

    def load(self, codes: Iterable[Code]) -> None:
        """Codes as they were when they were added, in any order."""
        found = sorted([*self._codes.values(), *codes], key=lambda code: code.order)
        self._codes.clear()
        self._codes.update({code.code: code for code in found})
        self._last = max(self._last, found[-1].order if found else 0)
