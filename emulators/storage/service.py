"""What every handler works with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulators.storage.scratch import Scratch
from emulators.storage.sessions import Sessions
from emulators.storage.store import Store

if TYPE_CHECKING:
    from emulators.storage.copying import Rewrite
    from emulators.storage.pubsub import Publisher
    from emulators.storage.xml_multipart import PartedUpload


@dataclass
class Service:
    """`publisher` is None when no Pub/Sub was named; `soft_delete` is what new buckets keep deleted objects for, in
    seconds."""

    store: Store
    scratch: Scratch
    project: str
    soft_delete: int
    publisher: Publisher | None = None
    sessions: Sessions = field(init=False)
    rewrites: dict[str, Rewrite] = field(default_factory=dict)
    parted: dict[str, PartedUpload] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.store)
