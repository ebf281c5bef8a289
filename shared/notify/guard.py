"""Keeps a library that opens its own connections away from internal addresses.

What is checked is the address that a socket is about to be connected to, by an audit hook of the interpreter: so
a redirect, a name that resolves differently the second time and a plugin's own protocol come by the same gate.
Programs are refused while it is closed. Threads that begin meanwhile are behind it, and so is what a pool of threads
is handed with its context; a pool that was begun inside is so whenever a gate is closed. A proxy that the environment
names is an address like any other, and reaches what it reaches. Hooks cannot be taken away: it is put in place at first
use.
"""

from __future__ import annotations

import ipaddress
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses whose last four bytes are the IPv4 address that is meant."""
_INTERNAL: Final = tuple(
    map(ipaddress.ip_network, ("168.63.129.16/32", "192.0.0.0/24", "64:ff9b:1::/48", "fec0::/10"))
)
"""What the library of this Python does not call private: Azure's service for its own machines, protocols' own
addresses with Oracle's metadata among them, local translation, and the site-local addresses of old."""
_SOCKETS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_PROGRAMS: Final = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork"})
_closed: dict[Gate, frozenset[int]] = {}
"""Gates that are closed, each with the threads that there were before: those that came since are behind it too."""
_begun_inside: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_mine: ContextVar[Gate | None] = ContextVar("gate", default=None)


class Refused(OSError):
    """What a library sees: a connection that cannot be made."""


class Gate:
    """What was refused while it was closed, in words; empty when nothing was."""

    def __init__(self, allowed: tuple[Network, ...]) -> None:
        self.allowed = allowed
        self.refused = ""


@contextmanager
def guarded(allowed: tuple[Network, ...] = ()) -> Iterator[Gate]:
    """Within, this thread reaches public addresses and those of `allowed` only."""
    _hook()
    gate = Gate(allowed)
    free = {thread for thread in threading.enumerate() if thread not in _begun_inside}
    _closed[gate] = frozenset(thread.ident for thread in free if thread.ident)
    token = _mine.set(gate)
    try:
        yield gate
    finally:
        _mine.reset(token)
        _begun_inside.update(thread for thread in threading.enumerate() if thread not in free)
        del _closed[gate]


def is_public(text: str) -> bool:
    """Whether this is the address of a machine on the internet; not a name, and nothing that leads inside."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_public(one) for one in _meanings(address))


def _meanings(address: Address) -> Iterator[Address]:
    """The addresses that packets to this one may end at."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
    elif address.ipv4_mapped:
        yield address.ipv4_mapped
    elif address in _NAT64:
        yield ipaddress.IPv4Address(address.packed[-4:])
    else:
        yield address
        yield from (one for one in (address.sixtofour, *(address.teredo or ())) if one is not None)


def _public(address: Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not any(address in network for network in _INTERNAL)


@cache
def _hook() -> None:
    sys.addaudithook(_audit)


def _audit(event: str, args: tuple[object, ...]) -> None:
    if event not in _SOCKETS and event not in _PROGRAMS:
        return
    gate = _gate()
    if gate is None:
        return
    refused = "it wants a program of its own" if event in _PROGRAMS else _why_not(gate, args)
    if refused:
        gate.refused = refused
        raise Refused(refused)


def _gate() -> Gate | None:
    """The gate that this thread is behind."""
    own = _mine.get()
    if own is not None or not _closed:
        return own
    me = threading.get_ident()
    return next((gate for gate, free in list(_closed.items()) if me not in free), None)


def _why_not(gate: Gate, args: tuple[object, ...]) -> str:
    """Why the address in the arguments of an event about a socket is refused."""
    target = args[1] if len(args) > 1 else None
    if target is None:
        # A message on a socket that was connected before: that was checked then.
        return ""
    host = target[0] if isinstance(target, tuple) and target else None
    if not isinstance(host, str):
        return "it is no address of the internet"
    if is_public(host) or _within(host, gate.allowed):
        return ""
    return "the address is an internal one"


def _within(host: str, allowed: tuple[Network, ...]) -> bool:
    try:
        address: Address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in allowed)
