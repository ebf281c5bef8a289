"""How fast a store takes and gives objects of 4 MiB through each provider, with 1, 4 and 16 transfers at once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from statistics import median

from bench.place import environment, served
from bench.report import Row, Section, mebibytes
from bench.scale import Scale
from shared import wiring
from shared.clock import SystemClock
from shared.providers import speed
from shared.providers.contract import Provider
from shared.settings import Settings

_METHOD = """\
{count} objects of 4 MiB of random bytes put, then read whole, through the provider as production wires it. `firebase://`
and `gs://` against the Storage emulator, `s3://` against the server of the PyPI package `moto`, each a process of its
own on the same cores, so these are the limits of the clients and of servers in Python, not of a network. Medians of
{runs}. Load average {load:.1f} when it began."""
_READING = (
    (
        "A bucket answers in some tens of milliseconds, which is what many transfers at once are for; here nobody "
        "waits, and more transfers than cores gain nothing."
    ),
)
_AT_ONCE = (1, 4, 16)
_BUCKET = "bench"
_SIZE = 4 << 20
_S3 = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


def measure(scale: Scale) -> Section:
    load, count = os.getloadavg()[0], 32 if scale.runs > 1 else 16
    rows: list[Row] = []
    with served("emulators.storage", "--bucket", _BUCKET) as host:
        for scheme in ("firebase", "gs"):
            chosen = Settings(project="demo-firekeep", storage_emulator=host)
            rows += _rows(scheme, wiring.provider_at(chosen, f"{scheme}://{_BUCKET}"), count, scale.runs)
    with served("bench.loads.s3", _BUCKET) as host, environment(_S3):
        chosen = Settings(project="demo-firekeep", s3_endpoint=f"http://{host}")
        rows += _rows("s3", wiring.provider_at(chosen, f"s3://{_BUCKET}"), count, scale.runs)
    return Section("Stores", _METHOD.format(count=count, runs=scale.runs, load=load), rows, _READING)


def _rows(scheme: str, provider: Provider, count: int, runs: int) -> Iterator[Row]:
    for at_once in _AT_ONCE:
        found = [
            speed.measure(
                provider,
                f"speed-{secrets.token_hex(4)}",
                SystemClock(),
                secrets.token_bytes,
                size=_SIZE,
                count=count,
                at_once=at_once,
            )
            for _ in range(runs)
        ]
        up, down = median(one.up for one in found), median(one.down for one in found)
        yield Row(f"`{scheme}://`, {at_once} at once", f"{mebibytes(up)}/s up", f"{mebibytes(down)}/s down")
