"""What a restore is about, of one content: key ranges, keys of single records, and which records are meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.errors import BadInput
from shared.format.forms import FORMS
from shared.format.key import after_record, key_of_path, path_of
from shared.format.manifest import Manifest, Selected
from shared.jobs.selecting import Chosen, Keeps, choose, chosen, inside
from shared.models.jobs import RestoreRequest

ORDER: Final = (SETTINGS, USERS, MEDIA, ENTRIES)
"""Documents last: they point to files and accounts, and what watches them may want to find these."""

Range = tuple[bytes, bytes]
"""Keys in [start, end); an empty end means no bound."""


@dataclass(frozen=True)
class RestoreScope:
    """`prefixes` do not contain one another; `ranges` are theirs, ascending; `documents` lie outside of them."""

    content: str
    whole: bool
    prefixes: tuple[str, ...]
    ranges: tuple[Range, ...]
    documents: tuple[bytes, ...]
    exclude: tuple[str, ...]
    """Root collections that are never touched."""
    keeps: Keeps | None = None
    """Which records of the ranges are meant; None for all."""


def scopes_of(request: RestoreRequest, manifest: Manifest) -> dict[str, RestoreScope]:
    """What `request` asks for, by content, in the order of restoring.

    BadInput names what the snapshot does not cover.
    """
    alone = request.selection is None and request.documents
    asked = {} if alone else choose(request.selection, manifest.roots)
    if request.documents and ENTRIES not in manifest.roots:
        raise BadInput(f"backup {manifest.id} holds no documents")
    scopes = {name: _scope(name, asked.get(name), request, manifest) for name in ORDER}
    return {name: scope for name, scope in scopes.items() if scope.ranges or scope.documents}


def _scope(content: str, asked: Chosen | None, request: RestoreRequest, manifest: Manifest) -> RestoreScope:
    kept = manifest.selection.get(content, Selected())
    covered = chosen(content, kept.include, kept.exclude)
    exclude = tuple(manifest.excluded) if content == ENTRIES else ()
    documents = {key_of_path(path) for path in request.documents} if content == ENTRIES else set()
    _check_covered(asked, documents, covered, exclude)
    if asked is None:
        return RestoreScope(content, False, (), (), tuple(sorted(documents)), exclude)
    prefixes = asked.prefixes if asked.include else covered.prefixes
    spans = sorted(FORMS[content].span(prefix) for prefix in prefixes)
    ranges: tuple[Range, ...] = tuple(spans) or ((b"", b""),)
    outside = sorted(
        key for key in documents if not any(start <= key < end or not end for start, end in ranges)
    )
    keeps = _both(asked, covered)
    return RestoreScope(content, not prefixes, prefixes, ranges, tuple(outside), exclude, keeps)


def after(ranges: Iterable[Range], cursor: bytes) -> list[Range]:
    """What of `ranges` lies behind `cursor`."""
    if not cursor:
        return list(ranges)
    rest = after_record(cursor)
    return [(max(start, rest), end) for start, end in ranges if not end or end > rest]


def _both(asked: Chosen, covered: Chosen) -> Keeps | None:
    """What the request means and the snapshot covers: what either leaves out is not touched."""
    if covered.holds(asked):
        return asked.keeps
    if asked.keeps is None:
        return covered.keeps if not asked.include else covered.means
    return lambda key: asked.means(key) and covered.means(key)


def _check_covered(
    asked: Chosen | None, documents: Iterable[bytes], covered: Chosen, exclude: tuple[str, ...]
) -> None:
    prefixes = asked.prefixes if asked else ()
    known = [pattern.literal for pattern in covered.include]
    for name in (*prefixes, *map(path_of, documents)):
        if name.split("/", 1)[0] in exclude:
            raise BadInput(f"{name} belongs to the backup system itself or to the settings, and is no entry")
    strange = [
        *(path_of(key) for key in documents if not covered.means(key)),
        *(name for name in prefixes if known and not any(_related(name, outer) for outer in known)),
    ]
    if strange:
        told = (
            ", ".join(pattern.text for pattern in covered.include[:5]) or "everything but what was excluded"
        )
        raise BadInput(f"the backup does not cover {strange[0]}", hint=f"it covers {told}")


def _related(one: str, other: str) -> bool:
    return inside(one, other) or inside(other, one)
