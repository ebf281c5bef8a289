"""Who makes a call, as far as a call says so: for the events that tell of it. Nothing is checked.

`owner` is what Google's server libraries send to an emulator; an ID token names its user. A function that asks
for the auth context gets such values from the service too: `unknown` is what it says of Firebase users.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """`auth_type` is service_account, unknown or unauthenticated; `auth_id` may be empty."""

    auth_type: str = "unauthenticated"
    auth_id: str = ""


NOBODY = Caller()
OWNER = Caller("service_account", "owner")
Metadata = Iterable[tuple[str, str | bytes]]
metadata: ContextVar[Metadata] = ContextVar("metadata", default=())
"""Of the call that this thread works on."""


def caller() -> Caller:
    """Who makes the call that this thread works on, by its `authorization`."""
    for name, value in metadata.get():
        if name == "authorization":
            scheme, _, token = str(value).partition(" ")
            return _bearer(token.strip()) if scheme.lower() == "bearer" else Caller("unknown")
    return NOBODY


def _bearer(token: str) -> Caller:
    if token == "owner":
        return OWNER
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return Caller("unknown", str(claims["sub"]))
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return Caller("unknown")
