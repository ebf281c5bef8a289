"""What would otherwise show only after minutes of retrying, or not at all: looked at before the work begins."""

from __future__ import annotations

import socket

from shared.errors import BadInput, Unavailable
from shared.settings import Settings

_PATIENCE_S = 3.0


def reach_firestore(chosen: Settings) -> None:
    """Unavailable when the emulator that the settings name does not answer. The real service is not asked."""
    if chosen.firestore_emulator:
        _reach(chosen.firestore_emulator, "FIRESTORE_EMULATOR_HOST")


def reach_functions(chosen: Settings) -> None:
    """The same for Pub/Sub. BadInput when only one of the two is an emulator: they would not see one another."""
    if bool(chosen.firestore_emulator) != bool(chosen.pubsub_emulator):
        absent = "FIRESTORE_EMULATOR_HOST" if chosen.pubsub_emulator else "PUBSUB_EMULATOR_HOST"
        raise BadInput(
            f"{absent} is not set, but its counterpart is",
            hint="set both, as `firekeep dev` prints them, or none",
        )
    if chosen.pubsub_emulator:
        _reach(chosen.pubsub_emulator, "PUBSUB_EMULATOR_HOST")


def _reach(address: str, variable: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()
    except (OSError, OverflowError):
        raise Unavailable(
            f"nothing answers at {address}, which {variable} names",
            hint="start `firekeep dev`, or unset the variable",
        ) from None
