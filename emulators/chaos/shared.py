"""One plan for the processes of a stack: the file they read it from, and the file they tell in what fired."""

from __future__ import annotations

import tempfile
from pathlib import Path

from emulators.chaos.controller import Chaos, Fired, read_fired
from emulators.chaos.plan import Plan, Service
from emulators.chaos.process import write_chaos


class SharedChaos:
    """Lives in a folder of its own until it is closed; what fired is known after that too."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._folder = tempfile.TemporaryDirectory(prefix="firekeep-chaos-")
        self._file = Path(self._folder.name, "plan.json")
        self._log = Path(self._folder.name, "fired.jsonl")
        self._last: list[Fired] | None = None
        write_chaos(self._file, plan, self._log)

    def arguments(self, service: Service) -> list[str]:
        """For the emulator of a service, as a process."""
        return ["--chaos", str(self._file)] if self._plan.concerns(service) else []

    def controller(self, service: Service) -> Chaos | None:
        """For a part of the stack in this process."""
        return Chaos(self._plan, self._log) if self._plan.concerns(service) else None

    def fired(self) -> list[Fired]:
        """What has come to pass so far, in all processes."""
        return read_fired(self._log) if self._last is None else self._last

    def close(self) -> None:
        self._last = self.fired()
        self._folder.cleanup()
