"""What things are called where a snapshot is restored to, when that is not where it was taken."""

from __future__ import annotations

import json
from collections.abc import Container

from shared.contents import MEDIA, SETTINGS, USERS
from shared.errors import BadInput
from shared.format import setting
from shared.format.forms import FORMS
from shared.format.manifest import Manifest
from shared.jobs.groups import groups
from shared.jobs.ports import Names
from shared.models.jobs import Target
from shared.repository import Repository
from shared.repository.tree import scan


def names_there(
    repository: Repository, manifest: Manifest, target: Target | None, contents: Container[str]
) -> Names:
    """What the records of `contents` call things, and what these are called in the target, or here.

    BadInput names a bucket for whose files nothing says where they go: nothing is ever written into the original.
    """
    buckets = _buckets(repository, manifest, target) if target is not None and MEDIA in contents else ()
    hashing = _hashing(repository, manifest) if USERS in contents else ()
    return Names(manifest.database, buckets, hashing)


def _hashing(repository: Repository, manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """The parameters of password hashes, as the snapshot's settings have them."""
    root = manifest.roots.get(SETTINGS)
    if root is None:
        return ()
    found: list[tuple[str, str]] = []
    for keys, values in scan(repository, root, *FORMS[SETTINGS].span("auth")):
        for key, value in zip(keys, values, strict=True):
            config = None if setting.is_document(value) else setting.hash_config(value)
            if config is not None:
                found.append((setting.tenant_of(key), json.dumps(config, sort_keys=True)))
    return tuple(found)


def _buckets(repository: Repository, manifest: Manifest, target: Target) -> tuple[tuple[str, str], ...]:
    renamed = dict(pair.split("=", 1) for pair in target.buckets)
    found = {
        bucket: renamed.get(bucket) or _own(bucket, manifest.project, target.project)
        for bucket in groups(repository, MEDIA, manifest.roots[MEDIA])
    }
    for bucket, there in found.items():
        if not there:
            raise BadInput(
                f"nothing says which bucket takes the files of {bucket}",
                hint=f"name it with --bucket {bucket}=NAME, or leave the files out with --only",
            )
    return tuple(found.items())


def _own(bucket: str, project: str, other: str) -> str:
    """The bucket of another project that is called as this one is of its own; empty when there is none."""
    own = project != other and bucket.startswith(f"{project}.")
    return other + bucket[len(project) :] if own else ""
