"""What the records of a tree belong to: its collections, buckets or tenants."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from shared.format.forms import FORMS
from shared.repository import Repository
from shared.repository.tree import Root, scan


def groups(repository: Repository, content: str, root: Root, most: int | None = None) -> Iterator[str]:
    """Their names in order, at most so many: one seek for each, whatever they hold."""
    return islice(_all(repository, content, root), most)


def _all(repository: Repository, content: str, root: Root) -> Iterator[str]:
    start = b""
    while keys := next((keys for keys, _ in scan(repository, root, start)), None):
        name, start = FORMS[content].group(keys[0])
        yield name or "(no tenant)"
