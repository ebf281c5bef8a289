"""Push delivery: one pump for each push subscription posts its messages as the service writes them.

A 102, 200, 201, 202 or 204 acknowledges; anything else, no answer, or none before the acknowledgement
deadline gives the message back to the subscription, whose retry policy says when it comes again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import h11

from emulators.pubsub.letter import letter
from emulators.pubsub.post import Poster
from emulators.pubsub.queue import Holder, Lease

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulators.pubsub.subscription import Subscription

DEFAULT_WINDOW = 32
_ACKNOWLEDGED = frozenset({102, 200, 201, 202, 204})
_BYTES_AT_ONCE = 10_000_000
_log = logging.getLogger("emulators.pubsub.push")


class Pumps:
    """Keeps one pump running for each subscription that has an endpoint.

    `windows` says, by subscription name, how many messages may be on their way at once.
    """

    def __init__(self, windows: Mapping[str, int]) -> None:
        self._windows = windows
        self._pumps: dict[str, PushPump] = {}

    def on_change(self, subscription: Subscription) -> None:
        endpoint = subscription.pushes_to
        running = self._pumps.get(subscription.name)
        if running is not None and running.endpoint == endpoint:
            return
        if running is not None:
            self._pumps.pop(subscription.name).stop()
        if endpoint:
            window = self._windows.get(subscription.name, DEFAULT_WINDOW)
            self._pumps[subscription.name] = PushPump(subscription, endpoint, window)

    def stop(self) -> None:
        while self._pumps:
            self._pumps.popitem()[1].stop()


class PushPump:
    """Posts one subscription's messages to `endpoint`, at most `window` at once, until stopped."""

    def __init__(self, subscription: Subscription, endpoint: str, window: int) -> None:
        self.endpoint = endpoint
        self._subscription = subscription
        self._poster = Poster(endpoint)
        self._holder = Holder(max_messages=window)
        self._posts: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop().create_task(self._pump())

    def stop(self) -> None:
        self._loop.cancel()
        for post in self._posts:
            post.cancel()
        self._poster.close()

    async def _pump(self) -> None:
        while True:
            for lease in self._subscription.take(self._holder, self._holder.max_messages, _BYTES_AT_ONCE):
                post = asyncio.create_task(self._deliver(lease))
                self._posts.add(post)
                post.add_done_callback(self._posts.discard)
            await self._subscription.changed()

    async def _deliver(self, lease: Lease) -> None:
        body, headers = letter(lease, self._subscription.config)
        acknowledged = False
        try:
            async with asyncio.timeout(self._subscription.queue.policy.ack_deadline_s):
                acknowledged = await self._poster.post(body, headers) in _ACKNOWLEDGED
        except (OSError, h11.ProtocolError) as problem:
            _log.debug("push to %s failed: %s", self.endpoint, type(problem).__name__)
        finally:
            if acknowledged:
                self._subscription.acknowledge([lease.ack_id])
            else:
                self._subscription.modify([lease.ack_id], 0)
