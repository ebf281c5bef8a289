"""A stack with every service as a process, Google's clients for it, and many threads at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import firebase_admin
import requests.adapters
from firebase_admin import credentials
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, pubsub_v1, storage

from emulators.stack import Stack, StackOptions
from functions.table import FunctionSpec

PROJECT = "demo-firekeep"
SOURCE = Path(__file__).parent / "app" / "main.py"
_VARIABLES = (
    *("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"),
    *("FIREBASE_AUTH_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"),
)
T = TypeVar("T")


class Nobody(credentials.Base):
    def get_credential(self) -> AnonymousCredentials:
        return AnonymousCredentials()


@dataclass(frozen=True)
class Clients:
    stack: Stack
    firestore: firestore.Client
    publisher: pubsub_v1.PublisherClient
    subscriber: pubsub_v1.SubscriberClient
    storage: storage.Client
    app: firebase_admin.App

    def bucket(self, name: str = f"{PROJECT}.firebasestorage.app") -> storage.Bucket:
        return self.storage.bucket(name)


@contextmanager
def whole_stack(*table: FunctionSpec, horizon_s: float = 3600) -> Iterator[Stack]:
    options = StackOptions(
        SOURCE,
        table,
        PROJECT,
        storage_port=0,
        auth_port=0,
        firestore_horizon_s=horizon_s,
        backoff_s=(0.05, 0.2),
        log=lambda *_: None,
    )
    with Stack(options) as stack:
        yield stack


@contextmanager
def clients(stack: Stack) -> Iterator[Clients]:
    """The variables are those of this process while the clients are in use."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update({name: stack.env[name] for name in _VARIABLES})
    objects = storage.Client(project=PROJECT, credentials=AnonymousCredentials())
    # One connection for each thread, else they are thrown away and made anew.
    objects._http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
    made = Clients(
        stack,
        firestore.Client(project=PROJECT),
        pubsub_v1.PublisherClient(),
        pubsub_v1.SubscriberClient(),
        objects,
        firebase_admin.initialize_app(Nobody(), {"projectId": PROJECT}, name=f"soak-{time.monotonic_ns()}"),
    )
    try:
        yield made
    finally:
        made.firestore.close()
        made.publisher.stop()
        made.publisher.transport.close()
        made.subscriber.close()
        made.storage.close()
        firebase_admin.delete_app(made.app)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def at_once(number: int, work: Callable[[int], T]) -> list[T | Exception]:
    """What `work` answered or raised in each of so many threads that begin at the same moment."""
    gate = threading.Barrier(number)

    def run(index: int) -> T | Exception:
        gate.wait(30)
        try:
            return work(index)
        except Exception as problem:
            return problem

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def of_kind(outcomes: list[Any], kind: type) -> list[Any]:
    return [outcome for outcome in outcomes if isinstance(outcome, kind)]
