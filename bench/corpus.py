"""Files to measure on, and their second version: the same for the same seed.

Sizes spread evenly over the orders of magnitude between 10 KB and 5 MB, the largest somewhat rarer. One file in five
is a copy of another; of the others every second is random bytes, the rest are text. The second version has one file
in twenty overwritten in the middle, appended to, or inserted into.
"""

from __future__ import annotations

import base64
import json
import random
import string
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

_LEAST, _MOST = 10_000, 5_000_000
_RARER = 1.4
_COPIES = 0.2
_CHANGED = 20
_WORDS = 40_000


@dataclass(frozen=True)
class Corpus:
    """A directory of files, and beside it what a bucket's listing would tell of each: name to CRC32C in base64."""

    files: Path
    listing: Path

    @property
    def size(self) -> int:
        return sum(one.stat().st_size for one in self.files.rglob("*") if one.is_file())

    def names(self) -> list[str]:
        return sorted(json.loads(self.listing.read_text()))


def make(place: Path, count: int, seed: int = 4) -> Corpus:
    """`count` files, of about half a megabyte on average, in folders of fifty."""
    made = Corpus(place / "files", place / "listing.json")
    chance = random.Random(seed)
    text = _Text(chance)
    paths: list[Path] = []
    for number in range(count):
        path = made.files / f"album {number // 50:03}" / f"{number:05}-{chance.randrange(1 << 32):08x}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(chance, text, number, paths))
        paths.append(path)
    _tell(made)
    return made


def change(corpus: Corpus, seed: int = 5) -> None:
    """Make the second version out of the first, in place."""
    chance = random.Random(seed)
    for number, name in enumerate(chance.sample(corpus.names(), max(3, len(corpus.names()) // _CHANGED))):
        path = corpus.files / name
        data = path.read_bytes()
        new = chance.randbytes(min(len(data), chance.randrange(1_000, 60_000)))
        at = chance.randrange(len(data) - len(new) + 1)
        behind = (at + len(new), len(data), at)[number % 3]
        before = data if number % 3 == 1 else data[:at]
        path.write_bytes(before + new + data[behind:])
    _tell(corpus)


def _content(chance: random.Random, text: _Text, number: int, paths: list[Path]) -> bytes:
    if paths and chance.random() < _COPIES:
        return chance.choice(paths).read_bytes()
    size = int(_LEAST * (_MOST / _LEAST) ** (chance.random() ** _RARER))
    return chance.randbytes(size) if number % 2 else text.of(size)


class _Text:
    """Words by chance, the common ones more often; zstd makes it about a third."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        letters = string.ascii_lowercase
        self._words = [
            "".join(chance.choices(letters, k=chance.randrange(2, 11))).encode() for _ in range(_WORDS)
        ]
        total = 0.0
        self._weights = [total := total + 1 / (place + 8) for place in range(_WORDS)]

    def of(self, size: int) -> bytes:
        made = b""
        while len(made) < size:
            made += b" ".join(self._chance.choices(self._words, cum_weights=self._weights, k=size // 5 + 8))
        return made[:size]


def _tell(corpus: Corpus) -> None:
    told = {
        str(path.relative_to(corpus.files)): base64.b64encode(
            google_crc32c.value(path.read_bytes()).to_bytes(4, "big")
        ).decode()
        for path in sorted(corpus.files.rglob("*.bin"))
    }
    corpus.listing.write_text(json.dumps(told))
