"""Keys of what has a name in one container: a file in a bucket, an account in a tenant.

A key is the container's name, 0x00 and the name, both UTF-8 as they are. Keys sort as their services list: by
container, then by the bytes of the name. Shown, and in what people type, the two are joined by `/`.
"""

from __future__ import annotations

import re

from shared.errors import BadInput, Corrupt

_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SEPARATOR = b"\x00"
_LAST = b"\xff"
"""Sorts after every byte of UTF-8."""


def encode(container: str, name: str) -> bytes:
    """The key. The name is not empty; the container may be, for what lies in none."""
    if not name or (container and not _CONTAINER.fullmatch(container)):
        raise BadInput("making a key: a name is empty, or its container has a name that none can have")
    try:
        return container.encode() + _SEPARATOR + name.encode()
    except UnicodeEncodeError:
        raise BadInput("making a key: a name is not valid unicode") from None


def decode(key: bytes) -> tuple[str, str]:
    """Container and name. Corrupt when no name has this key."""
    container, separator, name = key.partition(_SEPARATOR)
    try:
        names = container.decode(), name.decode()
    except UnicodeDecodeError:
        raise Corrupt("decoding a key: not UTF-8") from None
    if not separator or not name or (container and not _CONTAINER.fullmatch(names[0])):
        raise Corrupt("decoding a key: no name has it")
    return names


def shown(key: bytes) -> str:
    """`container/name`; `/name` for what lies in no container."""
    return "/".join(decode(key))


def parse(text: str) -> bytes:
    """The key of what is shown so."""
    container, separator, name = text.partition("/")
    if not separator or not name:
        raise BadInput(f"reading {text[:80]!r}: it is not a container and a name joined by a slash")
    return encode(container, name)


def span(prefix: str) -> tuple[bytes, bytes]:
    """`[start, end)` of everything whose shown name starts with `prefix`: a container, or also the start of a name.

    A prefix without a slash is a whole container, not the start of its name.
    """
    container, _, start = prefix.partition("/")
    low = encode(container, start) if start else encode(container, "x")[:-1]
    return low, low + _LAST


def group(key: bytes) -> tuple[str, bytes]:
    """The container of a key, and the bound behind everything in it."""
    container = decode(key)[0]
    return container, container.encode() + _SEPARATOR + _LAST
