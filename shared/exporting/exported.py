"""What of a snapshot is exported, and its way into a file or a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, Final

from shared.contents import CONTENTS, ENTRIES, MEDIA
from shared.errors import Internal
from shared.exporting.archive import write_archive
from shared.exporting.lines import Record
from shared.exporting.placing import placed_file, placed_folder
from shared.exporting.text import write_json, write_lines
from shared.format.canonical import instant_text
from shared.format.manifest import Manifest
from shared.jobs.scope import RestoreScope, scopes_of
from shared.models.jobs import RestoreRequest
from shared.repository import Repository
from shared.repository.files import open_file
from shared.repository.tree import count_range, scan

Seen = Callable[[int, int], None]
"""Told now and then: records so far, and bytes."""
_EVERY: Final = 100


class Export:
    """A snapshot, or what `selection` means of it, as a request document has it. BadInput when it is not covered."""

    def __init__(self, repository: Repository, manifest: Manifest, selection: dict[str, Any] | None) -> None:
        asked = {"recoveryId": "export", "backupId": manifest.id, "requestedBy": "export"}
        request = RestoreRequest.from_document(asked | ({"selection": selection} if selection else {}))
        scopes = scopes_of(request, manifest)
        self.repository = repository
        self.manifest = manifest
        self.selected = bool(selection) and selection != {ENTRIES: {}}
        self.scopes: Mapping[str, RestoreScope] = {name: scopes[name] for name in CONTENTS if name in scopes}
        self.done: dict[str, int] = dict.fromkeys(self.scopes, 0)

    @property
    def total(self) -> int:
        """About how many records."""
        return sum(
            count_range(self.repository, self.manifest.roots[name], *span)
            for name, scope in self.scopes.items()
            for span in scope.ranges
        )

    def records(self, seen: Seen) -> Iterator[Record]:
        """All of them, content by content, in the order of keys."""
        self.done = dict.fromkeys(self.scopes, 0)
        number = size = 0
        for content, scope in self.scopes.items():
            for one in self._of(content, scope):
                self.done[content] += 1
                number, size = number + 1, size + len(one.value)
                if number % _EVERY == 0:
                    seen(number, size)
                yield one

    def about(self) -> dict[str, Any]:
        """Of which backup it is."""
        manifest = self.manifest
        return {
            "backup": manifest.id,
            "at": instant_text(manifest.at),
            "project": manifest.project,
            "database": manifest.database,
            "records": dict(self.done),
        }

    def _of(self, content: str, scope: RestoreScope) -> Iterator[Record]:
        root = self.manifest.roots[content]
        for start, end in scope.ranges:
            for keys, values in scan(self.repository, root, start, end):
                for key, value in zip(keys, values, strict=True):
                    if scope.keeps is None or scope.keeps(key):
                        body = partial(open_file, self.repository, value) if content == MEDIA else None
                        yield Record(content, key, value, body)


def write_export(export: Export, form: str, output: str, *, force: bool, seen: Seen) -> None:
    """Write it to `output`: whole, or nothing. Conflict when that exists, unless `force`."""
    if form == "csv":
        from shared.exporting.table import write_tables

        with placed_folder(output, force=force) as folder:
            write_tables(lambda: export.records(seen), folder)
        return
    with placed_file(output, force=force) as out:
        write_form(export, form, out, seen)


def write_form(export: Export, form: str, out: BinaryIO, seen: Seen) -> None:
    """Write it as a stream."""
    records = export.records(seen)
    if form == "jsonl":
        write_lines(records, out)
    elif form == "json":
        write_json(records, out)
    elif form == "zip":
        write_archive(records, export.about, out)
    elif form == "parquet":
        from shared.exporting.columns import write_parquet

        write_parquet(records, out)
    else:
        raise Internal(f"there is no form {form!r}")
