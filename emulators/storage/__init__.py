"""A Cloud Storage emulator for Google's own clients: the JSON API, and of the XML and Firebase ones what they use.

Access control lists, customer's keys, HMAC keys, folders and soft-deleted buckets answer 501; credentials, IAM
policies, security rules and the signatures of URLs are not checked; lifecycle rules are kept and never run.
"""

from __future__ import annotations

from emulators.storage.changes import Change
from emulators.storage.server import StorageEmulator

__all__ = ["Change", "StorageEmulator"]
