"""Notices as messages of a Pub/Sub topic, for programs: the JSON of `Notice.facts`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from shared.notify.contract import Notice


class TopicChannel:
    """`publish` is a publisher's; a message may come more than once, with the same `id`."""

    def __init__(self, publish: Callable[[str, Sequence[bytes]], None], topic: str) -> None:
        self._publish = publish
        self._topic = topic

    @property
    def name(self) -> str:
        return f"topic {self._topic}"

    def __call__(self, notice: Notice) -> None:
        self._publish(self._topic, [json.dumps(notice.facts()).encode()])
