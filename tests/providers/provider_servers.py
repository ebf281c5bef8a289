"""The servers behind the bucket providers, each on a free port of this machine, and providers of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provider_samples import HandClock

from emulators.storage import StorageEmulator
from shared.providers.buckets import cloud_bucket, firebase_bucket
from shared.providers.cloud import CloudProvider, Manner
from shared.providers.objects import ObjectStoreProvider
from shared.providers.stores import azure_provider, s3_provider

BUCKET = "the-bucket"
LOCKED = "the-locked-bucket"
PROJECT = "demo-providers"
S3 = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}
ACCOUNT = "devstoreaccount1"
# Azurite's own, printed in its documentation.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
NODE = Path(__file__).parents[2] / "node" / "node_modules"


@contextmanager
def storage_emulator(clock: HandClock) -> Iterator[str]:
    """HOST:PORT of a Storage emulator whose time is `clock`'s, with one bucket that allows retention."""
    emulator = StorageEmulator(clock=lambda: int(clock.now().timestamp() * 1_000_000))
    address = emulator.start()
    try:
        cloud_bucket(BUCKET, PROJECT, address).create(enable_object_retention=True)
        yield address
    finally:
        emulator.stop()


def cloud(address: str, prefix: str = "", *, read_s: float = 10.0, lock: bool = False) -> CloudProvider:
    manner = Manner(connect_s=2.0, read_s=read_s, lock_holds=lock)
    return CloudProvider(cloud_bucket(BUCKET, PROJECT, address), prefix, manner)


def firebase(address: str, prefix: str = "") -> CloudProvider:
    return CloudProvider(firebase_bucket(BUCKET, PROJECT, address), prefix, Manner(2.0, 10.0))


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of an S3 server with one bucket, and one that has Object Lock."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        for name, headers in ((BUCKET, {}), (LOCKED, {"x-amz-bucket-object-lock-enabled": "true"})):
            made = urllib.request.Request(f"{url}/{name}", method="PUT", headers=headers)
            urllib.request.urlopen(made, timeout=20).close()
        yield url
    finally:
        server.stop()


def s3(
    url: str, prefix: str = "", *, timeout_s: float = 10.0, bucket: str = BUCKET, lock: bool = False
) -> ObjectStoreProvider:
    return s3_provider(bucket, prefix, endpoint=url, timeout_s=timeout_s, lock_holds=lock, config=S3)


@contextmanager
def azurite() -> Iterator[str]:
    """The URL of an account in an Azure Blob server with one container."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(NODE / "azurite/dist/src/blob/main.js")
    flags = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--silent"]
    flags += ["--skipApiVersionCheck", "--disableTelemetry"]
    process = subprocess.Popen(
        ["node", program, *flags],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}/{ACCOUNT}"
        _await(port)
        _make_container(url)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def azure(url: str, prefix: str = "", *, timeout_s: float = 10.0, lock: bool = False) -> ObjectStoreProvider:
    config: dict[str, Any] = {"account_name": ACCOUNT, "account_key": AZURE_KEY}
    return azure_provider(BUCKET, prefix, endpoint=url, timeout_s=timeout_s, lock_holds=lock, config=config)


def _await(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the Azure server did not start")


def _make_container(url: str) -> None:
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": now, "x-ms-version": "2023-11-03"}
    resource = f"/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = "PUT" + "\n" * 12 + lines + resource
    digest = hmac.new(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    request = urllib.request.Request(f"{url}/{BUCKET}?restype=container", method="PUT", headers=headers)
    urllib.request.urlopen(request, timeout=20).close()
