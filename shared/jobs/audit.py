"""Does one cut hold together? Names documents that point to files or accounts which the same cut does not hold, and
accounts whose passwords it could not get.

Files are found where a document's text names them: `gs://` addresses, and the two kinds of download URLs. Accounts are
found by the paths of documents, such as `users/{uid}`. An app may point to what is gone, so what is found is told and
is no failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from shared.contents import ENTRIES, MEDIA, USERS
from shared.errors import BadInput
from shared.format import flat, user
from shared.format.forms import FORMS
from shared.format.key import path_of, prefix_range
from shared.jobs.selecting import Chosen
from shared.repository import Repository
from shared.repository.tree import Root, get, scan

TOLD = 100
"""How many documents are named; all are counted."""

# What ends a text in a record's bytes is a tag: 0x0a, 0x12, 0x1a or 0x22, the quotation mark.
_PLAIN = re.compile(rb'gs://([a-z0-9][a-z0-9._-]+)/([^\x00-\x1f"]+)')
_QUOTED = re.compile(
    rb"(?:/v0/b/([a-z0-9][a-z0-9._-]+)/o/|(?<!firebase)storage\.googleapis\.com/([a-z0-9][a-z0-9._-]+)/)"
    rb'([^\x00-\x20"?#<>]+)'
)


@dataclass
class Audit:
    """`told` are lines for people, at most `TOLD`. `whole` is False when there was no time for all documents."""

    documents: int = 0
    files: int = 0
    """References to files that are not there."""
    accounts: int = 0
    """Documents of accounts that are not there."""
    passwords: int = 0
    """Accounts whose passwords' hashes the service does not tell: a restore into an empty project brings back none."""
    whole: bool = True
    told: list[str] = field(default_factory=list)

    def tell(self, line: str) -> None:
        if len(self.told) < TOLD:
            self.told.append(line)


def audit(
    repository: Repository,
    roots: Mapping[str, Root],
    media: Chosen | None,
    *,
    account_collections: tuple[str, ...] = ("users",),
    enough: Callable[[], bool] = lambda: False,
) -> Audit:
    """Look through all documents of a cut; `media` is what it means of the files. `enough` says when to stop."""
    found = Audit()
    if USERS in roots:
        _audit_passwords(repository, roots[USERS], found, enough)
    if ENTRIES not in roots:
        return found
    if media is not None and MEDIA in roots:
        _audit_files(repository, roots, _Files(repository, roots[MEDIA], media), found, enough)
    if USERS in roots:
        for collection in account_collections:
            _audit_accounts(repository, roots, collection, found, enough)
    return found


class _Files:
    """Whether a file is in the cut; what the cut does not cover counts as there."""

    def __init__(self, repository: Repository, root: Root, meant: Chosen) -> None:
        self._repository = repository
        self._root = root
        self._meant = meant
        self._buckets: dict[str, bool] = {}

    def misses(self, bucket: bytes, name: bytes) -> bool:
        try:
            key = flat.encode(bucket.decode(), name.decode())
        except (BadInput, UnicodeDecodeError):
            return False
        return self._covers(bucket.decode()) and self._meant.means(key) and not self._holds(key)

    def _covers(self, bucket: str) -> bool:
        """Whether any file of the bucket is in the cut: others may belong to another project."""
        if bucket not in self._buckets:
            spans = scan(self._repository, self._root, *flat.span(bucket))
            self._buckets[bucket] = next(spans, None) is not None
        return self._buckets[bucket]

    def _holds(self, key: bytes) -> bool:
        return get(self._repository, self._root, key) is not None


def _audit_files(
    repository: Repository,
    roots: Mapping[str, Root],
    files: _Files,
    found: Audit,
    enough: Callable[[], bool],
) -> None:
    for keys, values in scan(repository, roots[ENTRIES]):
        if enough():
            found.whole = False
            return
        found.documents += len(keys)
        for key, value in zip(keys, values, strict=True):
            for bucket, names in references(value):
                if all(files.misses(bucket, name) for name in names):
                    found.files += 1
                    file = FORMS[MEDIA].name(flat.encode(bucket.decode(), names[0].decode()))
                    found.tell(f"{path_of(key)} points to the file {file}, which is not there")


def references(value: bytes) -> Iterator[tuple[bytes, list[bytes]]]:
    """The files that a record's texts name: the bucket, and what the name may be, the likeliest first."""
    if b"gs://" in value:
        for match in _PLAIN.finditer(value):
            whole, word = match[2], match[2].split(b" ", 1)[0].rstrip(b".,;:!?)'")
            yield match[1], [whole] if whole == word else [word, whole] if word else [whole]
    if b"/v0/b/" in value or b"storage.googleapis.com/" in value:
        for match in _QUOTED.finditer(value):
            yield match[1] or match[2], [unquote_to_bytes(match[3])]


def _audit_accounts(
    repository: Repository,
    roots: Mapping[str, Root],
    collection: str,
    found: Audit,
    enough: Callable[[], bool],
) -> None:
    """Only where some of the collection's documents are named by accounts: elsewhere its ids mean something else."""
    known = missing = 0
    told: list[str] = []
    for keys, _ in scan(repository, roots[ENTRIES], *prefix_range(collection)):
        if enough():
            found.whole = False
            return
        for path in filter(_is_child, map(path_of, keys)):
            if get(repository, roots[USERS], flat.encode("", path.partition("/")[2])) is not None:
                known += 1
                continue
            missing += 1
            if len(told) < TOLD:
                told.append(f"{path} belongs to an account that is not there")
    if known:
        found.accounts += missing
        for line in told:
            found.tell(line)


def _audit_passwords(repository: Repository, root: Root, found: Audit, enough: Callable[[], bool]) -> None:
    for keys, values in scan(repository, root):
        if enough():
            found.whole = False
            return
        for key, value in zip(keys, values, strict=True):
            if user.hides_password(value):
                found.passwords += 1
                found.tell(f"account {FORMS[USERS].name(key)} has a password whose hash cannot be read")


def _is_child(path: str) -> bool:
    return path.count("/") == 1
