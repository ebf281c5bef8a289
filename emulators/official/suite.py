"""The official suite with ours in it, until Ctrl-C or around one command.

Promises: firebase-tools and everything below it run in a process group of their own that is killed at the end, so no
worker of a function is left behind; the answer is firebase-tools' exit status, 128 + N after signal N.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulators.foreground import foreground
from emulators.official.config import SuiteConfig, read_config
from emulators.official.programs import ROOT, write_programs
from emulators.processes import Processes, kill_group
from shared.errors import BadInput, NotFound, Unavailable

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# firebase-tools gives each emulator four seconds to end.
_PATIENCE_S, _GRACE_S, _READY_S = 20.0, 0.7, 30.0


@dataclass(frozen=True)
class SuiteOptions:
    """`folder` is where firebase.json is; `environment` is what firebase-tools and the functions inherit."""

    folder: Path
    project: str
    environment: Mapping[str, str]
    execute: str | None = None
    """A command to run inside; None serves until told to end."""


def run_suite(options: SuiteOptions) -> int:
    """Runs the suite and answers an exit status. Called in the main thread.

    Raises NotFound without firebase.json or firebase-tools, Unavailable when Storage does not start.
    """
    return asyncio.run(_Suite(options, read_config(options.folder)).run())


class _Suite:
    def __init__(self, options: SuiteOptions, config: SuiteConfig) -> None:
        self._options = options
        self._config = config
        self._signals = 0

    async def run(self) -> int:
        command = [str(find_firebase(self._options.folder)), *self._arguments()]
        for source in self._config.sources:
            link_environment(source)
        processes = Processes()
        with tempfile.TemporaryDirectory(prefix="firekeep-suite-") as folder:
            try:
                return await self._firebase(processes, command, Path(folder))
            finally:
                await processes.close(_GRACE_S)

    def _arguments(self) -> list[str]:
        options = self._options
        only = ["--project", options.project, "--only", ",".join(self._config.emulators)]
        if options.execute is None:
            return ["emulators:start", *only]
        return ["emulators:exec", *only, options.execute]

    async def _firebase(self, processes: Processes, command: list[str], folder: Path) -> int:
        env = dict(self._options.environment)
        env |= write_programs(folder, env)
        # There is no metadata server here; asking for one takes seconds and prints warnings.
        env.setdefault("METADATA_SERVER_DETECTION", "none")
        # firebase-tools tells the functions of the project by the older of the two names only.
        env["GOOGLE_CLOUD_PROJECT"] = self._options.project
        env |= await self._storage(processes, env)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self._options.folder, env=env, process_group=0
        )
        processes.guard(process.pid)
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._hand_on, process.pid)
        with foreground(process.pid):
            status = await process.wait()
        # The Functions emulator kills its shells, and leaves the servers that they started.
        kill_group(process.pid, signal.SIGKILL)
        processes.unguard(process.pid)
        return status if status >= 0 else 128 - status

    def _hand_on(self, group: int) -> None:
        """The first signal asks, the second kills, as does time."""
        self._signals += 1
        kill_group(group, signal.SIGINT if self._signals == 1 else signal.SIGKILL)
        if self._signals == 1:
            asyncio.get_running_loop().call_later(_PATIENCE_S, kill_group, group, signal.SIGKILL)

    async def _storage(self, processes: Processes, env: Mapping[str, str]) -> dict[str, str]:
        config, options = self._config, self._options
        if config.storage is None:
            return {}
        host, port = config.storage
        arguments = ["--host", host, "--port", str(port), "--project-id", options.project]
        for suffix in ("appspot.com", "firebasestorage.app"):
            arguments += ["--bucket", f"{options.project}.{suffix}"]
        for flag, address in (("--pubsub", config.pubsub), ("--functions", config.functions)):
            arguments += [flag, address] if address else []
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def log(line: str) -> None:
            if line.startswith("storage ready ") and not ready.done():
                ready.set_result(line.removeprefix("storage ready ").strip())
            else:
                sys.stderr.write(f"[storage] {line}\n")

        process = await processes.spawn_module("emulators.official.storage", *arguments, env=env, log=log)
        ended = asyncio.ensure_future(process.wait())
        await asyncio.wait((ready, ended), timeout=_READY_S, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise Unavailable(
                f"starting Cloud Storage on {host}:{port}: it did not start", hint="its message is above"
            )
        address = ready.result()
        sys.stderr.write(f"firekeep suite: Cloud Storage on {address}\n")
        return {"STORAGE_EMULATOR_HOST": f"http://{address}", "FIREBASE_STORAGE_EMULATOR_HOST": address}


def find_firebase(folder: Path) -> Path:
    """The `firebase` of the project, of this source tree, or of the path. Raises NotFound without any."""
    for modules in (
        folder / "node_modules",
        folder / "node" / "node_modules",
        ROOT / "node" / "node_modules",
    ):
        program = modules / ".bin" / "firebase"
        if program.is_file():
            return program
    found = shutil.which("firebase")
    if found is None:
        raise NotFound(
            "starting the official suite: there is no firebase-tools",
            hint=f"run `npm ci --prefix {ROOT / 'node'}`, or `npm install --global firebase-tools`",
        )
    return Path(found)


def link_environment(source: Path) -> None:
    """Sees to `venv`, where firebase-tools wants the Python of functions: without one, a link to this Python's.

    Raises BadInput when this Python is in no virtual environment.
    """
    if not (source / "requirements.txt").is_file() or (source / "venv").exists():
        return
    if not (Path(sys.prefix) / "bin" / "activate").is_file():
        raise BadInput(
            f"starting the functions of {source}: there is no virtual environment {source / 'venv'}",
            hint=f"make one: python -m venv {source / 'venv'}",
        )
    (source / "venv").symlink_to(sys.prefix, target_is_directory=True)
    sys.stderr.write(f"firekeep suite: {source / 'venv'} is now a link to {sys.prefix}\n")
