"""What things are called where a snapshot is restored to, when that is not where it was taken."""

from __future__ import annotations

from shared.contents import MEDIA
from shared.errors import BadInput
from shared.format.manifest import Manifest
from shared.jobs.groups import groups
from shared.jobs.ports import Names
from shared.models.jobs import Target
from shared.repository import Repository


def names_there(repository: Repository, manifest: Manifest, target: Target, *, files: bool) -> Names:
    """BadInput, when files are wanted, names a bucket for whose files nothing says where they go: nothing is ever
    written into the original."""
    if not files or MEDIA not in manifest.roots:
        return Names(manifest.database)
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
    return Names(manifest.database, tuple(found.items()))


def _own(bucket: str, project: str, other: str) -> str:
    """The bucket of another project that is called as this one is of its own; empty when there is none."""
    own = project != other and bucket.startswith(f"{project}.")
    return other + bucket[len(project) :] if own else ""
