"""Listen: a stream of changes to documents and queries, any number of targets on each.

A target first gets what is there (or, with a resume token, what has changed since), then CURRENT, then each commit's
changes. After each commit a change without target ids says that all targets are as of its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from emulators.firestore.core import Core
from emulators.firestore.errors import Refusal, invalid
from emulators.firestore.schema import message
from emulators.firestore.store import Store, Written
from emulators.firestore.targets import Target, make_target
from emulators.firestore.wire import field, signed, timestamp, varint

NO_CHANGE, ADD, REMOVE, CURRENT, RESET = range(5)
# Ids the server gives out are even, the clients' are odd or positive as they like.
_FIRST_ID = 2


def token(time: int) -> bytes:
    """A resume token: the time a target is as of."""
    return time.to_bytes(8, "big")


def _target_change(
    kind: int, targets: list[int], time: int | None = None, cause: Refusal | None = None
) -> bytes:
    change = b"\x08" + varint(kind) if kind else b""
    change += b"".join(b"\x10" + signed(target) for target in targets)
    if cause is not None:
        status = message("google.rpc.Status")(code=cause.number, message=cause.message)
        change += field(3, status.SerializeToString())
    if time is not None:
        change += field(4, token(time)) + timestamp(6, time)
    return field(2, change)


class Stream:
    """One client's stream: its targets, and the answers waiting to be sent."""

    def __init__(self, core: Core) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._core = core
        self._targets: dict[int, Target] = {}
        core.listeners.append(self._on_commit)

    def close(self) -> None:
        """No longer be told of commits."""
        self._core.listeners.remove(self._on_commit)

    async def handle(self, data: bytes) -> None:
        """Add or remove a target as a ListenRequest says."""
        request = message("ListenRequest").FromString(data)
        store, _ = self._core.databases.locate(request.database)
        kind = request.WhichOneof("target_change")
        if kind == "remove_target":
            if self._targets.pop(request.remove_target, None) is not None:
                self._send(_target_change(REMOVE, [request.remove_target]))
        elif kind == "add_target":
            await self._add(store, request.add_target)
        else:
            raise invalid("A listen request neither adds nor removes a target.")

    def _send(self, answer: bytes) -> None:
        self.answers.put_nowait(answer)

    async def _add(self, store: Store, asked: Any) -> None:
        identity = asked.target_id or max([*self._targets, 0]) // 2 * 2 + _FIRST_ID
        if identity in self._targets:
            raise invalid(f"Target id {identity} is already in use.")
        try:
            target = make_target(store, identity, asked)
        except Refusal as refusal:
            self._send(_target_change(REMOVE, [identity], cause=refusal))
            return
        self._targets[identity] = target
        self._send(_target_change(ADD, [identity]))
        if target.reset:
            self._send(_target_change(RESET, [identity]))
        await self._start(target, asked.once)

    async def _start(self, target: Target, once: bool) -> None:
        time = target.store.now()
        for answers in target.begin(time):
            for answer in answers:
                self._send(answer)
            await asyncio.sleep(0)
        if self._targets.get(target.identity) is not target:
            return
        self._send(_target_change(CURRENT, [target.identity], time))
        self._send(_target_change(NO_CHANGE, [], time))
        if once:
            del self._targets[target.identity]
            self._send(_target_change(REMOVE, [target.identity]))
            return
        backlog, target.backlog = target.backlog or [], None
        for when, written in backlog:
            self._tell([target], when, written)

    def _on_commit(self, store: Store, time: int, written: list[Written]) -> None:
        self._tell([target for target in self._targets.values() if target.store is store], time, written)

    def _tell(self, targets: list[Target], time: int, written: list[Written]) -> None:
        started = [target for target in targets if target.backlog is None]
        for target in targets:
            if target.backlog is not None:
                target.backlog.append((time, written))
        for target in started:
            for answer in target.follow(time, written):
                self._send(answer)
        if started:
            self._send(_target_change(NO_CHANGE, [], time))


async def listen(core: Core, requests: AsyncIterator[bytes], context: Any) -> None:
    """Serve one stream until the client is gone."""
    stream = Stream(core)
    reader = asyncio.ensure_future(_read(stream, requests))
    sender = asyncio.ensure_future(_write(stream, context))
    try:
        await asyncio.wait((reader, sender), return_when=asyncio.FIRST_COMPLETED)
        for task in (reader, sender):
            if task.done():
                task.result()
    finally:
        stream.close()
        reader.cancel()
        sender.cancel()


async def _read(stream: Stream, requests: AsyncIterator[bytes]) -> None:
    async for data in requests:
        await stream.handle(data)


async def _write(stream: Stream, context: Any) -> None:
    while True:
        await context.write(await stream.answers.get())
