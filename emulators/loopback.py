"""The emulators are for development: they listen on loopback only."""

from __future__ import annotations

import ipaddress

from shared.errors import BadInput


def check_loopback(host: str) -> str:
    """`host` itself when it is a loopback address or `localhost`, else BadInput."""
    if host == "localhost" or _is_loopback(host):
        return host
    raise BadInput(
        f"starting an emulator on {host!r}: it is not a loopback address",
        hint="the emulators check no credentials; use 127.0.0.1 and forward the port if you must",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
