"""Children in process groups of their own, none of which outlives this process, whatever kills it.

The kernel kills a child with its parent (Linux); the guardian kills the child's whole group (anywhere).
All of it belongs to one event loop, whose thread must live as long as the children do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Iterable, Mapping

ROOT = Path(__file__).resolve().parent.parent
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from emulators.parent import main; main()"
_LINE = 65536


class Processes:
    """Starts and ends children. `close` ends those that are left."""

    def __init__(self) -> None:
        self._children: dict[int, Process] = {}
        self._logs: dict[int, asyncio.ReadTransport] = {}
        guardian = [sys.executable, "-I", "-S", str(Path(__file__).with_name("guardian.py"))]
        self._guardian = subprocess.Popen(guardian, stdin=subprocess.PIPE, bufsize=0, start_new_session=True)

    async def spawn_module(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str],
        log: Callable[[str], None],
        cwd: Path | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> Process:
        """Runs `python -m MODULE ARGUMENTS…` from this source tree. Each line it prints goes to `log`."""
        command = [sys.executable, "-P", "-c", _BOOT, str(ROOT), str(os.getpid()), module, *arguments]
        output, inlet = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                env=dict(env),
                cwd=cwd,
                pass_fds=pass_fds,
                stdin=subprocess.DEVNULL,
                stdout=inlet,
                stderr=inlet,
                start_new_session=True,
            )
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(inlet)
        self._children[child.pid] = child
        self.guard(child.pid)
        pipe = os.fdopen(output, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: _Lines(log), pipe)
        self._logs[child.pid] = transport
        return child

    def guard(self, group: int) -> None:
        """Has the guardian kill this process group if this process dies first."""
        self._tell(f"+{group}\n")

    def unguard(self, group: int) -> None:
        self._tell(f"-{group}\n")

    async def end(self, children: Iterable[Process], grace_s: float = 0.0) -> None:
        """Asks the children to stop, kills the groups of all after `grace_s` seconds, and reaps them."""
        children = list(children)
        if grace_s > 0:
            for child in children:
                kill_group(child.pid, signal.SIGTERM)
            waits = [asyncio.ensure_future(child.wait()) for child in children]
            if waits:
                await asyncio.wait(waits, timeout=grace_s)
        for child in children:
            kill_group(child.pid, signal.SIGKILL)
        for child in children:
            await child.wait()
            self._forget(child)

    async def close(self, grace_s: float = 0.0) -> None:
        await self.end(list(self._children.values()), grace_s)
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()
        self._guardian.wait()

    def _forget(self, child: Process) -> None:
        if self._children.pop(child.pid, None) is not None:
            self.unguard(child.pid)
            self._logs.pop(child.pid).close()

    def _tell(self, line: str) -> None:
        if self._guardian.stdin is None or self._guardian.stdin.closed:
            return
        # Without a guardian the kernel's own promise remains, so its loss stops nothing.
        with contextlib.suppress(BrokenPipeError):
            self._guardian.stdin.write(line.encode("ascii"))


def kill_group(group: int, number: signal.Signals) -> None:
    """Signals every process of a group; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class _Lines(asyncio.Protocol):
    """Cuts what a child prints into lines; one that is too long comes in pieces."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > _LINE:
            lines.append(self._rest[:_LINE])
            self._rest = self._rest[_LINE:]
        for line in lines:
            self._log(line.decode("utf-8", "replace"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._rest:
            self._log(self._rest.decode("utf-8", "replace"))
