"""The few pieces of the protobuf encoding that answers are joined from without building messages.

A *frame* is a serialized Document behind the tag of field 1, which is where ListDocumentsResponse, RunQueryResponse
and BatchGetDocumentsResponse all carry their documents: stored once, it goes into each of them unchanged.
"""

from __future__ import annotations

from functools import lru_cache

MICROS = 1_000_000
_ONE_BYTE = tuple(bytes((number,)) for number in range(128))


def varint(number: int) -> bytes:
    """An unsigned number of at most 64 bits."""
    if number < 128:
        return _ONE_BYTE[number]
    if number < 16384:
        return bytes((number & 127 | 128, number >> 7))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def signed(number: int) -> bytes:
    """An int32 or int64: negative numbers as their two's complement in 64 bits."""
    return varint(number & 0xFFFFFFFFFFFFFFFF)


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field; `number` up to 15."""
    return bytes((number << 3 | 2,)) + varint(len(data)) + data


def text(number: int, value: str) -> bytes:
    """A string field."""
    return field(number, value.encode())


@lru_cache(maxsize=1024)
def timestamp(number: int, micros: int) -> bytes:
    """A Timestamp field, from microseconds since 1970."""
    seconds, rest = divmod(micros, MICROS)
    data = b"\x08" + signed(seconds) if seconds else b""
    if rest:
        data += b"\x10" + varint(rest * 1000)
    return field(number, data)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a position, and the position behind it."""
    shift = number = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def unframe(frame: bytes) -> bytes:
    """The serialized Document inside a frame."""
    return frame[read_varint(frame, 1)[1] :]


def name_of(frame: bytes) -> str:
    """The resource name of the document inside a frame."""
    _, at = read_varint(frame, 1)
    length, start = read_varint(frame, at + 1)
    return frame[start : start + length].decode()
