"""A Firestore for development and tests that speaks Google's gRPC protocol.

Old versions are kept, so `read_time` is true; documents are kept as serialized bytes, so answers are joined and
not encoded. It listens on loopback only. What is not supported answers UNIMPLEMENTED.
"""

from __future__ import annotations

from emulators.firestore.changes import Change
from emulators.firestore.server import FirestoreEmulator

__all__ = ["Change", "FirestoreEmulator"]
