"""The state of a stack as one file, and back: a zip of the shelves, the other files, and a manifest.

Promises: an export is one instant of all services, also while a stack uses the directory; it is there whole or not
at all. An import looks at everything before the directory comes to be, by one rename; what does not fit is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

from emulators.shelf import Shelf
from emulators.state import MARK, SERVICES, VERSION, check_state, is_new
from shared.errors import BadInput, Corrupt, Denied, FirekeepError, NotFound, StorageFull

MANIFEST = "manifest.json"
FORMAT = "firekeep-state"
_SHELF = "state"
_OWN = frozenset({_SHELF, f"{_SHELF}-wal", f"{_SHELF}-shm", f"{_SHELF}-journal", f"{_SHELF}.lock"})
_WAIT_S = 30.0
_BLOCK = 1 << 20
_MANIFEST_MOST = 256 << 20


def export_state(directory: Path, file: Path) -> None:
    """Writes the state of `directory` to `file`, in place of what was there.

    Raises BadInput when the directory has no state, StorageFull or Denied when the file cannot be written.
    """
    check_state(directory)
    with _explained(f"exporting {directory} to {file}"):
        staging = Path(tempfile.mkdtemp(prefix=f".{file.name}.", dir=file.parent))
        try:
            _stage(directory, staging / "files")
            _pack(staging / "files", staging / "archive")
            (staging / "archive").replace(file)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def import_state(file: Path, directory: Path) -> None:
    """Makes `directory`, which is empty or not there, of an exported state.

    Raises NotFound without the file, BadInput when it is no such file or the directory is not empty, Corrupt when it
    is damaged, StorageFull or Denied when the directory cannot be written. Nothing has changed then.
    """
    if not file.is_file():
        raise NotFound(f"importing {file}: there is no such file")
    if not is_new(directory):
        raise BadInput(
            f"importing {file} into {directory}: it is not empty",
            hint="name an empty or a new directory, or leave --import out to go on with what is there",
        )
    with _explained(f"importing {file} into {directory}"):
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            with zipfile.ZipFile(file) as archive:
                _unpack(archive, staging, file)
            _adopt(staging, file)
            staging.replace(directory)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def _explained(doing: str) -> Any:
    """Errors of files and archives as ours."""
    try:
        yield
    except FirekeepError:
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError) as problem:
        raise BadInput(f"{doing}: it is not an exported state: {problem}") from problem
    except sqlite3.Error as problem:
        raise StorageFull(f"{doing}: {problem}") from problem
    except PermissionError as problem:
        raise Denied(f"{doing}: {problem.strerror}") from problem
    except OSError as problem:
        raise StorageFull(f"{doing}: {problem.strerror}") from problem


# Export


def _stage(directory: Path, staging: Path) -> None:
    """Everything as of one instant, below `staging`."""
    services = [name for name in SERVICES if (directory / name / _SHELF).is_file()]
    for name in services:
        (staging / name).mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        readers = {}
        with contextlib.ExitStack() as held:
            # Nothing is written while all of them are held: that is the instant.
            for name in services:
                held.enter_context(_transaction(directory / name / _SHELF, "BEGIN IMMEDIATE"))
            for name in services:
                readers[name] = stack.enter_context(_transaction(directory / name / _SHELF, "BEGIN"))
                readers[name].execute("SELECT count(*) FROM sqlite_master").fetchone()
                _link_others(directory / name, staging / name)
        for name, reader in readers.items():
            with contextlib.closing(sqlite3.connect(staging / name / _SHELF)) as copy:
                reader.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")


@contextlib.contextmanager
def _transaction(path: Path, begin: str) -> Any:
    with contextlib.closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as base:
        base.execute(begin)
        yield base
        base.execute("ROLLBACK")


def _link_others(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if path.is_file() and not (len(relative.parts) == 1 and path.name in _OWN):
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            try:
                (target / relative).hardlink_to(path)
            except OSError:
                # Another file system, or one that has no links.
                shutil.copyfile(path, target / relative)


def _pack(source: Path, target: Path) -> None:
    files: dict[str, dict[str, object]] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                name = path.relative_to(source).as_posix()
                entry = zipfile.ZipInfo(name)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.file_size = path.stat().st_size
                with path.open("rb") as reader, archive.open(entry, "w") as writer:
                    size, digest = _copy(reader, writer, entry.file_size)
                files[name] = {"size": size, "sha256": digest}
        manifest = {"format": FORMAT, "version": VERSION, "files": files}
        archive.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(manifest, sort_keys=True, indent=1))
    with target.open("rb") as done:
        os.fsync(done.fileno())


def _copy(reader: IO[bytes], writer: IO[bytes], most: int) -> tuple[int, str]:
    """How many bytes were copied, at most one more than `most`, and their SHA-256."""
    digest = hashlib.sha256()
    size = 0
    while size <= most and (block := reader.read(min(_BLOCK, most + 1 - size))):
        digest.update(block)
        writer.write(block)
        size += len(block)
    return size, digest.hexdigest()


# Import


def _unpack(archive: zipfile.ZipFile, target: Path, file: Path) -> None:
    files = _checked_manifest(archive, file)
    for name, described in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as reader, path.open("wb") as writer:
            found = _copy(reader, writer, described[0])
        if found != described:
            raise Corrupt(f"importing {file}: {name} is damaged", hint="export it again")


def _checked_manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of each file, once everything fits together."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    if MANIFEST not in entries or entries[MANIFEST].file_size > _MANIFEST_MOST:
        raise BadInput(f"importing {file}: it is not an exported state: it has no manifest")
    try:
        manifest = json.loads(archive.read(MANIFEST))
        kind, version = manifest["format"], manifest["version"]
        files = {str(name): (int(one["size"]), str(one["sha256"])) for name, one in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BadInput(f"importing {file}: its manifest cannot be read") from problem
    if kind != FORMAT:
        raise BadInput(f"importing {file}: it is not an exported state")
    if version != VERSION:
        raise BadInput(f"importing {file}: it is of version {version}, this one reads version {VERSION}")
    if len(entries) != len(archive.infolist()) or entries.keys() != {*files, MANIFEST}:
        raise BadInput(f"importing {file}: its files are not those of its manifest")
    for name, (size, _) in files.items():
        if not _proper(name) or entries[name].file_size != size:
            raise BadInput(f"importing {file}: the name or the size of {name[:200]!r} is not proper")
    return files


def _proper(name: str) -> bool:
    """Whether a name stays within a service's directory."""
    path = PurePosixPath(name)
    return (
        len(path.parts) > 1
        and path.parts[0] in SERVICES
        and name == path.as_posix()
        and "\\" not in name
        and "\0" not in name
        and ".." not in path.parts
        and (path.parts[1:] == (_SHELF,) or path.parts[1] not in _OWN)
    )


def _adopt(directory: Path, file: Path) -> None:
    """Looks into the shelves. From here on this is a history of its own: resume tokens of the other mean nothing."""
    for name in SERVICES:
        path = directory / name / _SHELF
        if path.exists():
            try:
                shelf = Shelf(path)
            except BadInput as problem:
                raise BadInput(
                    f"importing {file}: the state of {name} cannot be read: {problem}"
                ) from problem
            shelf.write([("life", b"", None)])
            shelf.close()
    (directory / MARK).write_text(json.dumps({"version": VERSION}))
