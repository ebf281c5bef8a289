"""Resource names: `projects/P/topics/T`, and the same for subscriptions and snapshots, checked on the way in."""

from __future__ import annotations

import re

from emulators.pubsub.refusal import invalid

_ID = re.compile(r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
_PROJECT = re.compile(r"[a-z][a-z0-9.:-]*[a-z0-9]")


def check_name(name: str, kind: str) -> str:
    """`name` itself when it is a well-formed name of `kind` (the plural), else refused."""
    parts = name.split("/")
    if (
        len(parts) != 4
        or parts[0] != "projects"
        or parts[2] != kind
        or not _PROJECT.fullmatch(parts[1])
        or not _ID.fullmatch(parts[3])
        or parts[3].lower().startswith("goog")
    ):
        raise invalid(f"Invalid [{kind}] name: (name={name[:300]})")
    return name


def check_project(name: str) -> str:
    """`projects/P`, else refused."""
    head, _, project = name.partition("/")
    if head != "projects" or not _PROJECT.fullmatch(project):
        raise invalid(f"Invalid [projects] name: (name={name[:300]})")
    return name
