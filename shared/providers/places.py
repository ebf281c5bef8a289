"""Where a repository is, as people write it: a folder, or a bucket's URL; several, one after the other.

~/backups   ./backups   /mnt/backups        a folder
firebase://[BUCKET][/PREFIX]                the app's Firebase Storage bucket
gs://BUCKET[/PREFIX]                        any Google Cloud Storage bucket
s3://BUCKET[/PREFIX]                        S3, or a store that speaks its protocol
az://CONTAINER[/PREFIX]                     Azure Blob Storage
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.errors import BadInput
from shared.providers.contract import checked_key

SCHEMES: Final = ("firebase", "gs", "s3", "az")

_URL = re.compile(r"([A-Za-z0-9+.-]+)://([^/]*)(?:/(.*))?", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9$][a-z0-9._-]{1,221}")
# A folder's name may hold spaces and commas: only where a place can begin, the one before it has ended.
_BETWEEN = re.compile(r"[\s,]+(?=~|/|\.{1,2}/|[A-Za-z0-9+.-]+://)")


@dataclass(frozen=True)
class Place:
    """`scheme` is one of SCHEMES, or empty for a folder; then `prefix` is its absolute path."""

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        if not self.scheme:
            return self.prefix
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    @property
    def kind(self) -> str:
        """As the models name providers: `local`, `firebase` or `cloud`."""
        return "local" if not self.scheme else "firebase" if self.scheme == "firebase" else "cloud"

    @property
    def name(self) -> str:
        """A short name for files about it."""
        return Path(self.prefix).name or self.bucket or "firebase"


def parse_places(text: str) -> list[Place]:
    """All that are named, in order. BadInput for one that cannot be, and for one that is named twice."""
    places = [parse_place(one) for one in _BETWEEN.split(text.strip().strip(",")) if one]
    if not places:
        raise BadInput("no place is named for the repository", hint="name a folder or the URL of a bucket")
    if len(set(places)) != len(places):
        raise BadInput("the same place is named twice for the repository", hint="a copy must be elsewhere")
    return places


def parse_place(text: str) -> Place:
    """One place. BadInput says what is wrong with it."""
    match = _URL.fullmatch(text)
    if match is None:
        return Place("", "", str(Path(text).expanduser().absolute()))
    scheme, bucket, prefix = match[1].lower(), match[2], (match[3] or "").removesuffix("/")
    if scheme not in SCHEMES:
        raise BadInput(
            f"a repository cannot be at {scheme}://", hint="use a folder, firebase://, gs://, s3:// or az://"
        )
    if not _BUCKET.fullmatch(bucket) and not (scheme == "firebase" and not bucket):
        raise BadInput(
            f"{scheme}:// is not followed by a bucket's name", hint=f"write {scheme}://BUCKET/PREFIX"
        )
    if prefix:
        _check_prefix(scheme, prefix)
    return Place(scheme, bucket, prefix)


def _check_prefix(scheme: str, prefix: str) -> None:
    try:
        checked_key(prefix)
    except BadInput:
        raise BadInput(
            f"the folder in the {scheme}:// bucket cannot have this name",
            hint="use letters, digits and ._=- in segments joined by single slashes",
        ) from None
