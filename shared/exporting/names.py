"""Names of files and members of archives, made of names that may be anything: no way out of a folder, no two alike."""

from __future__ import annotations

import re
from hashlib import sha256

_ODD = re.compile(r"[^\w .()+,=@-]")
_EDGE = re.compile(r"^[. ~-]|[. ]$")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_MOST_SEGMENT, _MOST_PATH = 200, 900


def segment(name: str) -> str:
    """A file's name: what is not safe everywhere is written %XX, by its UTF-8 bytes. Different names stay different."""
    safe = _EDGE.sub(_escaped, _ODD.sub(_escaped, name))
    if _RESERVED.fullmatch(safe):
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    return safe or "%"


class Namer:
    """Gives each name a path of its own. Also on file systems to which letters of both cases are the same."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def path(self, *parts: str, by: str = "/") -> str:
        """`folder` and the parts; where that cannot be, `folder` and a hash."""
        segments = [segment(part) for part in parts]
        joined = by.join(segments)
        folded = joined.casefold()
        above = {folded[:at] for at, letter in enumerate(folded) if letter == "/"}
        too_long = len(joined.encode()) > _MOST_PATH or any(
            len(one.encode()) > _MOST_SEGMENT for one in joined.split("/")
        )
        taken = folded in self._files or folded in self._folders or not above.isdisjoint(self._files)
        if too_long or taken:
            joined = "%" + sha256("/".join(parts).encode()).hexdigest()
            self._files.add(joined)
        else:
            self._files.add(folded)
            self._folders |= above
        return f"{self._folder}{joined}"


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())
