"""The key of a recovery kit as people type it: 9 groups of 8 characters, of which 2 find typing errors.

Any one or two wrong characters in a group, and a group in the place of another, are found for certain and named by the
group's number; anything else by the checksum over the whole key. `docs/format.md` has the code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from blake3 import blake3

from shared.errors import BadInput
from shared.keys.known import KEY_BYTES

GROUPS: Final = 9
BEGIN: Final = "-----BEGIN FIREKEEP KIT-----"
END: Final = "-----END FIREKEEP KIT-----"
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ: Final = {**{sign: value for value, sign in enumerate(_ALPHABET)}, "I": 1, "L": 1, "O": 0}
_DATA, _GROUP = 6, 8
_CHECK_BITS: Final = GROUPS * _DATA * 5 - KEY_BYTES * 8
_PIECE = re.compile(r"[^\s]+")
_NUMBER = re.compile(r"\b[0-9]{1,2}[:.)]")


def encode_kit(key: bytes) -> list[str]:
    """The 9 groups of a key of 32 bytes, each of 8 characters."""
    whole = int.from_bytes(key, "big") << _CHECK_BITS | _checksum(key)
    values = [whole >> shift & 31 for shift in range((GROUPS * _DATA - 1) * 5, -1, -5)]
    groups = (values[start : start + _DATA] for start in range(0, len(values), _DATA))
    return [
        "".join(_ALPHABET[value] for value in _coded(number, group)) for number, group in enumerate(groups, 1)
    ]


def kit_lines(groups: Sequence[str]) -> list[str]:
    """The groups as they are printed, numbered, three in a line, between two marks."""
    shown = [f"{number}: {group[:4]}-{group[4:]}" for number, group in enumerate(groups, 1)]
    return [BEGIN, *("   ".join(shown[start : start + 3]) for start in range(0, GROUPS, 3)), END]


def decode_kit(text: str) -> bytes:
    """The key in a typed or copied text: the part between the marks, or all of it when there are none.

    Numbers before groups, hyphens, spaces, lower case, and I, L and O for 1 and 0 do not matter. BadInput names the
    first group that is wrong; never what stands in it.
    """
    values: list[int] = []
    for number, group in enumerate(_groups(text), 1):
        if _syndrome(number, group):
            raise _mistyped(number)
        values += group[:_DATA]
    whole = 0
    for value in values:
        whole = whole << 5 | value
    key = (whole >> _CHECK_BITS).to_bytes(KEY_BYTES, "big")
    if whole & (1 << _CHECK_BITS) - 1 != _checksum(key):
        raise BadInput(
            "the key of the kit is mistyped, in more than one place", hint="compare it with the paper"
        )
    return key


def _checksum(key: bytes) -> int:
    digest = blake3(b"firekeep/1/kit" + key).digest()
    return int.from_bytes(digest[:2], "big") >> 16 - _CHECK_BITS


def _groups(text: str) -> list[list[int]]:
    pieces = list(_pieces(text))
    typed = sum(map(len, pieces))
    if typed != GROUPS * _GROUP:
        raise BadInput(
            f"the key of the kit has {typed} characters, not {GROUPS * _GROUP}{_uneven(pieces)}",
            hint="compare it with the paper",
        )
    signs = "".join(pieces)
    values = [_READ.get(sign, -1) for sign in signs]
    if -1 in values:
        raise _mistyped(values.index(-1) // _GROUP + 1)
    return [values[start : start + _GROUP] for start in range(0, len(values), _GROUP)]


def _pieces(text: str) -> Iterator[str]:
    """What was typed in one go each, without hyphens and numbers."""
    _, _, inside = text.rpartition(BEGIN)
    plain = unicodedata.normalize("NFKC", inside.partition(END)[0]).upper()
    done = 0
    for piece in _PIECE.findall(_NUMBER.sub(" ", plain)):
        signs = "".join(sign for sign in piece if sign.isalnum())
        if done % _GROUP == 0 and signs == str(done // _GROUP + 1):
            continue
        if signs:
            done += len(signs)
            yield signs


def _uneven(pieces: Iterable[str]) -> str:
    """Where the first piece is neither a group nor half of one, in words."""
    done = 0
    for piece in pieces:
        if len(piece) not in (_GROUP, _GROUP // 2):
            return f"; look at group {done // _GROUP + 1}"
        done += len(piece)
    return ""


def _mistyped(number: int) -> BadInput:
    return BadInput(f"group {number} of the kit's key is mistyped", hint="compare it with the paper")


def _coded(number: int, data: Sequence[int]) -> list[int]:
    """The group with its two check symbols, so that its syndrome is zero."""
    plain, weighted = _sums([number, *data])
    last = _times(weighted ^ _times(plain, _POWERS[_DATA]), _INVERSE)
    return [*data, plain ^ last, last]


def _syndrome(number: int, group: Sequence[int]) -> tuple[int, int] | None:
    plain, weighted = _sums([number, *group])
    return (plain, weighted) if plain or weighted else None


def _sums(values: Sequence[int]) -> tuple[int, int]:
    """Over GF(32): the group's number and its symbols added up; its symbols, each times its power of the generator."""
    plain = weighted = 0
    for value in values:
        plain ^= value
    for power, value in zip(_POWERS, values[1:], strict=False):
        weighted ^= _times(power, value)
    return plain, weighted


def _times(one: int, two: int) -> int:
    """In GF(32), modulo x⁵ + x² + 1."""
    product = 0
    for bit in range(5):
        if two >> bit & 1:
            product ^= one << bit
    for bit in range(8, 4, -1):
        if product >> bit & 1:
            product ^= 0b100101 << (bit - 5)
    return product


def _powers() -> list[int]:
    powers = [1]
    for _ in range(_GROUP - 1):
        powers.append(_times(powers[-1], 2))
    return powers


_POWERS: Final = _powers()
_INVERSE: Final = next(
    value for value in range(32) if _times(value, _POWERS[_DATA] ^ _POWERS[_DATA + 1]) == 1
)
