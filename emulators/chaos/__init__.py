"""Hostility on order: what the services may do to their clients, done when a test or a seed says so.

A `Plan` says what happens to which call or delivery; a `Chaos` is one process's plan at work, and knows what of it
has come to pass. Emulators take one as an argument, or as a file with `--chaos FILE`; without one nothing of this is
in the way of any call.
"""

from __future__ import annotations

from emulators.chaos.controller import Chaos, Fired, Strike
from emulators.chaos.expect import FaultNeverFired, chaos, check_fired
from emulators.chaos.plan import Fault, Plan

__all__ = ["Chaos", "Fault", "FaultNeverFired", "Fired", "Plan", "Strike", "chaos", "check_fired"]
