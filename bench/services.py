"""Files and accounts through the jobs and the emulators, each way, next to the same calls with nothing behind them."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import google_crc32c

from bench.corpus import Corpus, change, make
from bench.fleet import Fleet, fleet
from bench.loads.auth import filled, held
from bench.place import Folder, emulator, folder, served
from bench.report import Row, Section, mebibytes, per_second, times
from bench.scale import Scale
from emulators.datasets.load import Database
from shared import wiring
from shared.contents import MEDIA, SETTINGS, USERS
from shared.format.flat import encode
from shared.format.media import Media, decode
from shared.format.media import encode as encode_media
from shared.settings import Settings
from shared.sources.contract import FileSource, Kind, Result, Scope, Source, Write
from shared.sources.media import MediaSource

_FILES = """\
{count:,} files like those above, {size}, in a bucket of the Storage emulator, backed up and restored by the jobs as
production wires them, in one worker process that has done it before; the emulator is a process of its own on the same
cores. *Bare*: the same requests by the same source in the same worker, the bytes read thrown away, or those to write
read from the disk. A restore goes into an emulator just started. Medians of {runs}; the second backup once. Load
average {load:.1f} when it began."""
_ACCOUNTS = """\
{count:,} accounts with e-mail, name, claims and password hash in the Auth emulator, backed up by the jobs in one worker
process, with the project's configuration that tells how passwords are hashed, and restored into an emulator just
started, where every account is looked up, imported and read again. The emulator sets no pace; the service takes a
thousand accounts a second. Medians of {runs}. Load average {load:.1f} when it began."""
_BUCKET = "bench"
_SPAN = 8 << 20
_THREADS = 16
_AT_ONCE = 256
_WARM_FILES = 40


def measure_files(scale: Scale) -> Section:
    load = os.getloadavg()[0]
    with folder() as place, emulator() as database, fleet(database, 1) as worker:
        _warmed(worker, database, place)
        corpus = make(place.path / "corpus", max(_WARM_FILES, scale.files // 4))
        size, count = corpus.size, len(corpus.names())
        with _storage() as host:
            chosen = _settings(place, database, host)
            _in_worker(worker, _bare_write, chosen, corpus)
            reading = median(_in_worker(worker, _bare_read, chosen) for _ in range(scale.runs))
            taken = []
            for run in range(scale.runs):
                chosen = _settings(place, database, host)
                taken.append(worker.snapshot(chosen, f"first-{run}").seconds)
            change(corpus)
            _in_worker(worker, _bare_write, chosen, corpus)
            again = worker.snapshot(chosen, "second").seconds
        written, restored = [], []
        for _ in range(scale.runs):
            with _storage() as host:
                written.append(
                    _in_worker(worker, _bare_write, replace(chosen, storage_emulator=host), corpus)
                )
            with _storage() as host:
                into = replace(chosen, storage_emulator=host)
                restored.append(worker.restore(into, "second").seconds)
                worker.pool.submit(_check, into, corpus).result()
    rows = [
        _row("first backup", size / median(taken), "bare read", size / reading),
        Row(
            "second backup",
            f"{again:.2f} s",
            f"the first: {median(taken):.2f} s",
            times(median(taken) / again),
        ),
        _row("restore", size / median(restored), "bare write", size / median(written)),
    ]
    method = _FILES.format(count=count, size=mebibytes(size), runs=scale.runs, load=load)
    return Section("Files through Cloud Storage", method, rows)


def measure_accounts(scale: Scale) -> Section:
    load, count = os.getloadavg()[0], scale.accounts
    with folder() as place, emulator() as database, fleet(database, 1) as worker:
        taken, restored = [], []
        with served("emulators.auth") as host:
            filled(host, database.project, count)
            for _ in range(scale.runs + 1):
                chosen = replace(place.settings(database), contents=(SETTINGS, USERS), auth_emulator=host)
                taken.append(worker.snapshot(chosen, f"users-{time.time_ns()}").seconds)
            worker.snapshot(chosen, "accounts")
        for _ in range(scale.runs):
            with served("emulators.auth") as host:
                restored.append(worker.restore(replace(chosen, auth_emulator=host), "accounts").seconds)
                if held(host, database.project) != count:
                    raise RuntimeError("not every account was restored with its password")
    rows = [
        Row("accounts backed up", per_second(count / median(taken[1:])), f"{median(taken[1:]):.2f} s in all"),
        Row("accounts restored", per_second(count / median(restored)), f"{median(restored):.2f} s in all"),
    ]
    return Section("Accounts", _ACCOUNTS.format(count=count, runs=scale.runs, load=load), rows)


@contextmanager
def _storage() -> Iterator[str]:
    with served("emulators.storage", "--bucket", _BUCKET) as host:
        yield host


def _settings(place: Folder, database: Database, host: str) -> Settings:
    return replace(place.settings(database), contents=(MEDIA,), buckets=(_BUCKET,), storage_emulator=host)


def _warmed(worker: Fleet, database: Database, place: Folder) -> None:
    """Let the worker do it all once, on few files."""
    small = make(place.path / "small", _WARM_FILES)
    with _storage() as host:
        chosen = _settings(place, database, host)
        _in_worker(worker, _bare_write, chosen, small)
        worker.snapshot(chosen, "warm")
    with _storage() as host:
        worker.restore(replace(chosen, storage_emulator=host), "warm")


def _in_worker(worker: Fleet, work: Callable[..., float], *words: object) -> float:
    return worker.pool.submit(work, *words).result()


def _bare_read(chosen: Settings) -> float:
    """Seconds to list the bucket and fetch everything, in the spans that a backup asks for."""
    source = _source(chosen)
    began = time.perf_counter()
    (part,) = source.plan(Scope(), source.now()).parts
    with ThreadPoolExecutor(_THREADS) as pool:
        for keys, values in source.read(part):
            list(pool.map(partial(_fetched, source), keys, values))
    return time.perf_counter() - began


def _fetched(source: FileSource, key: bytes, value: bytes) -> None:
    size = decode(value).size
    for at in range(0, size, _SPAN):
        source.fetch(key, value, at, min(_SPAN, size - at))


def _bare_write(chosen: Settings, corpus: Corpus) -> float:
    """Seconds to put all files of the corpus there that are not there as they are."""
    source = _source(chosen)
    writes = [_write(corpus, name) for name in corpus.names()]
    present = dict(_present(source))
    wanted = [
        replace(write, seen=_seen(present.get(write.key)))
        for write in writes
        if _checksum(present.get(write.key)) != _checksum(write.value)
    ]
    began = time.perf_counter()
    for at in range(0, len(wanted), _AT_ONCE):
        outcomes = source.apply(wanted[at : at + _AT_ONCE])
        if any(outcome.result is not Result.DONE for outcome in outcomes):
            raise RuntimeError("files of the corpus could not be put into the bucket")
    return time.perf_counter() - began


def _check(chosen: Settings, corpus: Corpus) -> None:
    found = {key: _checksum(value) for key, value in _present(_source(chosen))}
    wanted = (_write(corpus, name) for name in corpus.names())
    if found != {write.key: _checksum(write.value) for write in wanted}:
        raise RuntimeError("not every file was restored")


def _present(source: Source) -> Iterator[tuple[bytes, bytes]]:
    (part,) = source.plan(Scope(), source.now()).parts
    for keys, values in source.read(part):
        yield from zip(keys, values, strict=True)


def _write(corpus: Corpus, name: str) -> Write:
    path = corpus.files / name
    data = path.read_bytes()
    crc32c = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
    fields = {"size": len(data), "generation": 1, "metageneration": 1, "crc32c": crc32c}
    return Write(encode(_BUCKET, name), Kind.PUT, encode_media(Media(fields)), None, partial(_body, path))


def _body(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            yield data


def _checksum(value: bytes | None) -> tuple[int, int] | None:
    return None if value is None else (decode(value).size, decode(value).crc32c)


def _seen(value: bytes | None) -> str | None:
    if value is None:
        return None
    fields = decode(value).fields
    return f"{fields['generation']}/{fields['metageneration']}"


def _source(chosen: Settings) -> MediaSource:
    source = wiring.media_source(chosen, {_BUCKET: _BUCKET})
    assert isinstance(source, MediaSource)
    return source


def _row(measure: str, ours: float, what: str, bare: float) -> Row:
    return Row(measure, f"{mebibytes(ours)}/s", f"{what}: {mebibytes(bare)}/s", times(ours / bare))
