"""A Pub/Sub emulator for Google's own clients: gRPC, pull, streaming pull and push, at least once.

Schemas, snapshots, seek, filters, exactly-once delivery and push authentication answer UNIMPLEMENTED.
"""

from __future__ import annotations

from emulators.pubsub.server import PubSubEmulator

__all__ = ["PubSubEmulator"]
