"""The forms of records: what keys and values mean for each content of a backup.

A form is a handful of pure functions, so that jobs treat all contents alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.format import flat, key, media, record, setting, user

Guard = datetime | str
"""What tells a live record's state from every other."""


@dataclass(frozen=True)
class Form:
    """`prefix`es and names are as people read and type them."""

    equal: Callable[[bytes, bytes], bool]
    """Whether two values are the same for a restore: what no restore can bring back does not count."""
    guard: Callable[[bytes], Guard]
    """Of a live value."""
    bare: Callable[[bytes], bytes]
    """A value without what does not count."""
    name: Callable[[bytes], str]
    """A key, shown."""
    key: Callable[[str], bytes]
    """The key of what is shown so. BadInput when nothing can be."""
    span: Callable[[str], tuple[bytes, bytes]]
    """The keys [start, end) of everything under a prefix."""
    group: Callable[[bytes], tuple[str, bytes]]
    """What a record belongs to, such as its collection or bucket, and the bound behind all that does."""
    weight: Callable[[bytes], int] = len
    """The bytes that a value stands for."""


def _collection(document: bytes) -> tuple[str, bytes]:
    name = key.segments_of(document)[0]
    return name.decode(), key.after_subtree(key.encode([name]))


FORMS: Final[Mapping[str, Form]] = {
    ENTRIES: Form(
        equal=record.equal,
        guard=record.update_time,
        bare=record.strip_times,
        name=key.path_of,
        key=key.key_of_path,
        span=key.prefix_range,
        group=_collection,
    ),
    MEDIA: Form(
        equal=media.equal,
        guard=media.guard,
        bare=media.bare,
        name=flat.shown,
        key=flat.parse,
        span=flat.span,
        group=flat.group,
        weight=media.weight,
    ),
    SETTINGS: Form(
        equal=setting.equal,
        guard=setting.guard,
        bare=setting.bare,
        name=key.path_of,
        key=key.key_of_path,
        span=key.prefix_range,
        group=setting.group,
    ),
    USERS: Form(
        equal=user.equal,
        guard=user.guard,
        bare=user.bare,
        name=flat.shown,
        key=flat.parse,
        span=flat.span,
        group=flat.group,
    ),
}
