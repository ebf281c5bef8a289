"""A functions host: every function through functions-framework, in worker processes of its own."""

from __future__ import annotations

from emulators.host.function import HostedFunction
from emulators.host.host import Host
from emulators.host.process import Nursery

__all__ = ["Host", "HostedFunction", "Nursery"]
