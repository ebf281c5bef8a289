"""A Firebase Authentication emulator: Identity Toolkit and Secure Token over HTTP, for Google's own clients.

Passwords are really hashed, as the service hashes them, so an export holds hashes that a restore can bring
back. Tokens are unsigned, which only clients in emulator mode accept. What is not supported answers 501.
"""

from __future__ import annotations

from emulators.auth.server import AuthEmulator

__all__ = ["AuthEmulator"]
