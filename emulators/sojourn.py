"""Where one run of the stack keeps its state, what it begins with, and what is left of it as a file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulators.archive import export_state, import_state
from shared.errors import NotFound


@dataclass(frozen=True)
class Sojourn:
    """`data` keeps the state across runs, `imported` is an exported state to begin with, `exported` is where the
    state goes at the end. Without `data`, what either needs is in a temporary directory."""

    data: Path | None = None
    imported: Path | None = None
    exported: Path | None = None

    @contextlib.contextmanager
    def directory(self) -> Iterator[Path | None]:
        """The directory to keep state in while inside. Raises what `import_state` and `export_state` do."""
        exported = self.exported
        if exported is not None and not exported.parent.is_dir():
            raise NotFound(f"exporting to {exported}: there is no directory {exported.parent}")
        with contextlib.ExitStack() as stack:
            data = self.data
            if data is None and (self.imported or exported):
                temporary = tempfile.TemporaryDirectory(prefix="firekeep-state-")
                data = Path(stack.enter_context(temporary)) / "state"
            if self.imported is not None and data is not None:
                import_state(self.imported, data)
            yield data
            if exported is not None and data is not None:
                export_state(data, exported)
