"""Puts an export where it belongs when it is whole, and not before: what is interrupted leaves nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from shared.errors import Conflict, Denied, NotFound, StorageFull

STDOUT: Final = "-"


@contextmanager
def placed_file(path: str, *, force: bool) -> Iterator[BinaryIO]:
    """A file to write, which becomes `path` at the end. Conflict when that exists, unless `force`; `-` is standard
    output."""
    if path == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    _check(target, force)
    part = _beside(target)
    try:
        with _told("writing", target), part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _told("writing", target):
            _install(part, target, force)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def placed_folder(path: str, *, force: bool) -> Iterator[Path]:
    """A folder to fill, which becomes `path` at the end. With `force`, files in it are replaced, and others stay."""
    target = Path(path)
    _check(target, force)
    part = _beside(target)
    try:
        with _told("writing", target):
            part.mkdir()
            yield part
            if target.is_dir():
                for file in part.iterdir():
                    file.replace(target / file.name)
            else:
                part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check(target: Path, force: bool) -> None:
    if target.exists() and not force:
        raise _exists(target)
    if not target.absolute().parent.is_dir():
        raise NotFound(f"writing {target} failed: its folder does not exist")


def _beside(target: Path) -> Path:
    return target.absolute().with_name(f".{target.absolute().name}.{secrets.token_hex(4)}.part")


def _install(part: Path, target: Path, force: bool) -> None:
    if force:
        part.replace(target)
        return
    try:
        os.link(part, target)
    except FileExistsError:
        raise _exists(target) from None
    except PermissionError:
        # A file system without hard links.
        _check(target, force)
        part.replace(target)


def _exists(target: Path) -> Conflict:
    return Conflict(f"{target} exists already", hint="choose another name, or replace it with --force")


@contextmanager
def _told(what: str, target: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise Denied(f"{what} {target} failed: it is not allowed") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageFull(f"{what} {target} failed: {error.strerror}") from None
