"""Listen: a stream of changes to documents and queries, any number of targets on each.

A target first gets what is there (or, with a resume token, what has changed since, and how many there are), then
CURRENT, then each commit's changes. After each commit a change without target ids says that all targets are as of
its time.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from emulators.firestore.core import Core
from emulators.firestore.errors import Refusal, invalid
from emulators.firestore.schema import message
from emulators.firestore.store import Store, Written
from emulators.firestore.targets import Target, make_target, resume_token
from emulators.firestore.wire import field, signed, timestamp, varint

NO_CHANGE, ADD, REMOVE, CURRENT, RESET = range(5)
# Ids the server gives out are even, the clients' are odd or positive as they like.
_FIRST_ID = 2


def _target_change(
    kind: int, targets: list[int], cause: Refusal | None = None, as_of: tuple[int, bytes] | None = None
) -> bytes:
    """`as_of` is a time, and the life it belongs to."""
    change = b"\x08" + varint(kind) if kind else b""
    change += b"".join(b"\x10" + signed(target) for target in targets)
    if cause is not None:
        status = message("google.rpc.Status")(code=cause.number, message=cause.message)
        change += field(3, status.SerializeToString())
    if as_of is not None:
        change += field(4, resume_token(*as_of)) + timestamp(6, as_of[0])
    return field(2, change)


class Stream:
    """One client's stream: its targets, and the answers waiting to be sent."""

    def __init__(self, core: Core) -> None:
        self._answers: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
        self._core = core
        self._targets: dict[int, Target] = {}
        self._open = True
        with core.lock:
            core.listeners.append(self._on_commit)

    def close(self) -> None:
        """End the answers, and no longer be told of commits."""
        with self._core.lock:
            if self._open:
                self._open = False
                self._core.listeners.remove(self._on_commit)
        self._answers.put(None)

    def answers(self) -> Iterator[bytes]:
        """What to send, as it comes, until the stream is closed."""
        while (answer := self._answers.get()) is not None:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    def read(self, requests: Iterator[bytes]) -> None:
        """Do what the client asks until it asks no more or something wrong."""
        try:
            for data in requests:
                self._handle(data)
        except (Refusal, DecodeError) as error:
            self._answers.put(error)
        except grpc.RpcError:
            self.close()
        else:
            self.close()

    def _handle(self, data: bytes) -> None:
        request = message("ListenRequest").FromString(data)
        kind = request.WhichOneof("target_change")
        if kind == "remove_target":
            self._remove(request.remove_target)
        elif kind == "add_target":
            self._add(request.database, request.add_target)
        else:
            raise invalid("A listen request neither adds nor removes a target.")

    def _remove(self, identity: int) -> None:
        with self._core.lock:
            if self._targets.pop(identity, None) is not None:
                self._answers.put(_target_change(REMOVE, [identity]))

    def _add(self, database: str, asked: Any) -> None:
        identity = asked.target_id or max([*self._targets, 0]) // 2 * 2 + _FIRST_ID
        if identity in self._targets:
            raise invalid(f"Target id {identity} is already in use.")
        with self._core.lock:
            store, _ = self._core.databases.locate(database)
            try:
                target = make_target(store, identity, asked, self._core.databases.life)
            except Refusal as refusal:
                self._answers.put(_target_change(REMOVE, [identity], cause=refusal))
                return
            self._targets[identity] = target
            time = store.now()
        self._begin(target, time, asked.once)

    def _begin(self, target: Target, time: int, once: bool) -> None:
        put, identity = self._answers.put, target.identity
        put(_target_change(ADD, [identity]))
        if target.reset:
            put(_target_change(RESET, [identity]))
        for answers in self._core.batches(target.begin(time)):
            for answer in answers:
                put(answer)
        if target.resumed:
            # A client that counts otherwise has missed something, and begins anew.
            put(field(5, b"\x08" + signed(identity) + b"\x10" + varint(len(target.held))))
        put(self._as_of(CURRENT, [identity], time))
        put(self._as_of(NO_CHANGE, [], time))
        if once:
            self._remove(identity)
            return
        with self._core.lock:
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
                self._answers.put(answer)
        if started:
            self._answers.put(self._as_of(NO_CHANGE, [], time))

    def _as_of(self, kind: int, targets: list[int], time: int) -> bytes:
        return _target_change(kind, targets, as_of=(time, self._core.databases.life))


def listen(core: Core, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    """Serve one stream until the client is gone. What it asks is read on a thread of the stream's own."""
    stream = Stream(core)
    if not context.add_callback(stream.close):
        stream.close()
    threading.Thread(target=stream.read, args=(requests,), name="firestore-listen", daemon=True).start()
    try:
        yield from stream.answers()
    finally:
        stream.close()
