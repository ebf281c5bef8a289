"""Small objects and large ones, through Google's client and through obstore, against servers that do nothing."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any

import obstore
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from obstore.store import GCSStore

from bench.loads.timing import seconds
from bench.place import PROJECT, served
from bench.report import Row, mebibytes, per_second, times
from bench.scale import Scale

_BUCKET = "bench"
_SMALL = os.urandom(4096)
_LARGE = 64 << 20
_THREADS = 4
_IN_FLIGHT = 32
_AIM = 2_000
_MANY, _FAST = "2,000/s", "200 MiB/s"
_FAST_BYTES = 200 << 20
_RESOURCE = {"kind": "storage#object", "name": "small", "bucket": _BUCKET, "generation": "1", "size": "4096"}


def rows(scale: Scale) -> list[Row]:
    number = scale.small // 25
    canned = json.dumps(_RESOURCE)
    with (
        served("emulators.storage", "--bucket", _BUCKET) as host,
        served("bench.loads.bare", "http", canned) as bare,
    ):
        small = [
            *_small_by_google(host, bare, number, scale.workers),
            *_small_by_obstore(host, bare, number),
        ]
    with (
        served("emulators.storage", "--bucket", _BUCKET) as host,
        served("bench.loads.bare", "bytes") as bare,
    ):
        return [*small, *_large(host, bare)]


def _client(host: str) -> Any:
    options = {"api_endpoint": f"http://{host}"}
    return storage.Client(PROJECT, AnonymousCredentials(), client_options=options)


def _small_by_google(host: str, bare: str, number: int, workers: int) -> Iterator[Row]:
    up = seconds(lambda: _put(host, "alone", number))
    nothing = seconds(lambda: _put(bare, "alone", number))
    yield _small("written, Google's client, one thread", number, up, nothing)
    down = seconds(lambda: _get(host, "alone", number))
    yield Row("Cloud Storage, objects of 4 KiB read, Google's client, one thread", per_second(number / down))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        work = partial(_shared, pool, workers, number)
        for doing, function in (("written", _put), ("read", _get)):
            work(function, host, "warm")
            taken, nothing = (seconds(lambda: work(function, at, "shared")) for at in (host, bare))  # noqa: B023
            row = f"{doing}, Google's client, {workers} processes of {_THREADS} threads"
            yield _small(row, number, taken, nothing, _AIM)


def _shared(
    pool: ProcessPoolExecutor, workers: int, number: int, function: Callable[..., None], host: str, name: str
) -> None:
    each = number // workers
    done = [pool.submit(_threads, function, host, f"{name}-{worker}", each) for worker in range(workers)]
    for one in done:
        one.result()


def _threads(function: Callable[..., None], host: str, name: str, number: int) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        names = [f"{name}-{thread}" for thread in range(_THREADS)]
        list(pool.map(lambda one: function(host, one, number // _THREADS), names))


def _put(host: str, name: str, number: int) -> None:
    bucket = _client(host).bucket(_BUCKET)
    for at in range(number):
        bucket.blob(f"{name}/{at}").upload_from_string(_SMALL)


def _get(host: str, name: str, number: int) -> None:
    bucket = _client(host).bucket(_BUCKET)
    for at in range(number):
        bucket.blob(f"{name}/{at}").download_as_bytes()


def _small_by_obstore(host: str, bare: str, number: int) -> Iterator[Row]:
    # What obstore asks of a server that does nothing is answered with JSON, which its puts do not look at.
    up, nothing = (seconds(lambda: asyncio.run(_obstore_put(at, number))) for at in (host, bare))  # noqa: B023
    yield _small(f"written, obstore, {_IN_FLIGHT} at once", number, up, nothing, _AIM)
    down = seconds(lambda: asyncio.run(_obstore_get(host, number)))
    met = number / down >= _AIM
    yield Row(
        f"Cloud Storage, objects of 4 KiB read, obstore, {_IN_FLIGHT} at once",
        per_second(number / down),
        aim=_MANY,
        met=met,
    )


def _store(host: str) -> GCSStore:
    key = {"gcs_base_url": f"http://{host}", "disable_oauth": True, "client_email": "", "private_key": ""}
    return GCSStore(
        _BUCKET,
        service_account_key=json.dumps({**key, "private_key_id": ""}),
        client_options={"allow_http": True},
    )


async def _obstore_put(host: str, number: int) -> None:
    store, turn = _store(host), asyncio.Semaphore(_IN_FLIGHT)

    async def put(at: int) -> None:
        async with turn:
            await obstore.put_async(store, f"obstore/{at}", _SMALL, use_multipart=False)

    await asyncio.gather(*(put(at) for at in range(number)))


async def _obstore_get(host: str, number: int) -> None:
    store, turn = _store(host), asyncio.Semaphore(_IN_FLIGHT)

    async def get(at: int) -> None:
        async with turn:
            await (await obstore.get_async(store, f"obstore/{at}")).bytes_async()

    await asyncio.gather(*(get(at) for at in range(number)))


def _small(what: str, number: int, taken: float, nothing: float, aim: float | None = None) -> Row:
    return Row(
        f"Cloud Storage, objects of 4 KiB {what}",
        per_second(number / taken),
        f"a server that does nothing: {per_second(number / nothing)}",
        times(nothing / taken),
        _MANY if aim else "",
        number / taken >= aim if aim else None,
    )


def _large(host: str, bare: str) -> Iterator[Row]:
    data = os.urandom(_LARGE)
    blob = _client(host).bucket(_BUCKET).blob("large")
    copied = seconds(lambda: _copied(bare, data), 3)
    up = seconds(lambda: blob.upload_from_string(data), 3)
    yield _fast("up, Google's client", up, copied)
    yield _fast("down, Google's client", seconds(blob.download_as_bytes, 3), copied)
    store = _store(host)
    yield _fast("up, obstore", seconds(lambda: obstore.put(store, "large", data), 3), copied)
    yield _fast("down, obstore", seconds(lambda: obstore.get(store, "large").bytes(), 3), copied)


def _copied(bare: str, data: bytes) -> None:
    """There and back, so twice the bytes."""
    host, _, port = bare.rpartition(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        left, block = len(data), bytearray(1 << 20)
        while left > 0:
            left -= sock.recv_into(block)


def _fast(what: str, taken: float, copied: float) -> Row:
    rate, bare = _LARGE / taken, 2 * _LARGE / copied
    return Row(
        f"Cloud Storage, an object of 64 MiB {what}",
        f"{mebibytes(rate)}/s",
        f"a bare socket: {mebibytes(bare)}/s",
        times(rate / bare),
        _FAST,
        rate >= _FAST_BYTES,
    )
