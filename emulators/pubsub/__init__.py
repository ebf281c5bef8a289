"""A Pub/Sub emulator for Google's own clients: gRPC, pull, streaming pull and push, at least once.

Schemas, exports, ingestion and message transforms answer UNIMPLEMENTED; what is kept but not acted on, such as
push authentication, is told in docs/emulators/pubsub.md.
"""

from __future__ import annotations

from emulators.pubsub.server import PubSubEmulator

__all__ = ["PubSubEmulator"]
