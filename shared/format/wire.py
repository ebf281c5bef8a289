"""The few rules of protobuf's wire format that records and answers need, strict and without message objects.

Source: protobuf.dev/programming-guides/encoding. Groups, field number 0, numbers over ten bytes and anything cut
short are Corrupt.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import Corrupt

VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, int, int, int]
"""Number, wire type, where the field starts (its tag), where its payload starts, and where it ends."""


_SMALL = [bytes([number]) for number in range(0x80)]


def varint(number: int) -> bytes:
    """A non-negative number as a varint."""
    if number < 0x80:
        return _SMALL[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(number: int, payload: bytes) -> bytes:
    """A length-delimited field: its tag, length and payload."""
    size = len(payload)
    head = _SMALL[number << 3 | LEN] if number < 16 else varint(number << 3 | LEN)
    return head + (_SMALL[size] if size < 0x80 else varint(size)) + payload


def read_varint(data: bytes, i: int) -> tuple[int, int]:
    """The number at `i` and the place after it."""
    number = shift = 0
    while True:
        if i >= len(data) or shift > 63:
            raise Corrupt("reading protobuf bytes: a number is cut short or too long")
        byte = data[i]
        i += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, i
        shift += 7


def field_at(data: bytes, i: int) -> Field:
    """The field that starts at `i`, which is before the end."""
    tag = data[i]
    body = i + 1
    if tag >= 0x80:
        tag, body = read_varint(data, i)
    kind = tag & 7
    if kind == LEN:
        size = data[body] if body < len(data) else 0x80
        if size < 0x80:
            body += 1
        else:
            size, body = read_varint(data, body)
        end = body + size
    elif kind == VARINT:
        _, end = read_varint(data, body)
    elif kind in (FIXED64, FIXED32):
        end = body + (8 if kind == FIXED64 else 4)
    else:
        raise Corrupt("reading protobuf bytes: an unknown wire type")
    if end > len(data) or tag < 8:
        raise Corrupt("reading protobuf bytes: a field is cut short or has no number")
    return tag >> 3, kind, i, body, end


def fields(data: bytes) -> Iterator[Field]:
    """The fields of one message, in order."""
    i, n = 0, len(data)
    while i < n:
        found = field_at(data, i)
        yield found
        i = found[4]


def signed(number: int) -> int:
    """A varint's value as int64."""
    if number >= 1 << 64:
        raise Corrupt("reading protobuf bytes: a number is over 64 bits")
    return number - (1 << 64) if number >= 1 << 63 else number
