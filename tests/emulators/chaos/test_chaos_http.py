"""Each kind of fault on Storage and Auth, as Google's Python clients meet it."""

from __future__ import annotations

import gc
import http.client
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import firebase_admin
import pytest
import requests
from firebase_admin import auth, credentials
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from emulators.auth import AuthEmulator
from emulators.chaos import Chaos, Fault, Plan, chaos
from emulators.storage import StorageEmulator

PROJECT = "demo-firekeep"
STATUSES = pytest.mark.parametrize(
    ("status", "number"),
    [("UNAVAILABLE", 503), ("RESOURCE_EXHAUSTED", 429), ("INTERNAL", 500), ("DEADLINE_EXCEEDED", 408)],
)
UPLOAD = "POST /upload/storage/v1/b/*/o"
DOWNLOAD = "GET /download/storage/v1/b/*/o/*"


@contextmanager
def hostile_bucket(*planned: Fault | Plan) -> Iterator[tuple[storage.Bucket, Chaos]]:
    with chaos(*planned) as controller:
        emulator = StorageEmulator(buckets=["things"], chaos=controller)
        client = storage.Client(
            project=PROJECT,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://{emulator.start()}"},
        )
        try:
            yield client.bucket("things"), controller
        finally:
            client.close()
            emulator.stop()
            _forget_broken_answers()


def _forget_broken_answers() -> None:
    """The library leaves the connections of downloads that failed to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@STATUSES
def test_a_failing_request_has_done_nothing(status: Any, number: int) -> None:
    with hostile_bucket(Fault("storage", "fail", UPLOAD, nth=1, status=status)) as (bucket, _):
        with pytest.raises(exceptions.GoogleAPICallError) as error:
            bucket.blob("a").upload_from_string(b"kept", retry=None)
        assert error.value.code == number
        assert not bucket.blob("a").exists()


@STATUSES
def test_the_client_library_tries_again(status: Any, number: int) -> None:
    faults = [
        Fault("storage", "fail", glob, nth=1, status=status) for glob in (UPLOAD, DOWNLOAD, "GET */o/a")
    ]
    with hostile_bucket(*faults) as (bucket, _):
        bucket.blob("a").upload_from_string(b"kept", if_generation_match=0)
        assert bucket.blob("a").download_as_bytes() == b"kept"
        assert bucket.get_blob("a").size == 4


def test_a_slow_answer_comes_later() -> None:
    with hostile_bucket(Fault("storage", "slow", UPLOAD, nth=1, seconds=0.5)) as (bucket, _):
        start = time.monotonic()
        bucket.blob("a").upload_from_string(b"kept")
        assert time.monotonic() - start >= 0.5


def test_an_upload_whose_answer_is_lost_has_landed() -> None:
    with hostile_bucket(Fault("storage", "lost", UPLOAD, nth=1)) as (bucket, _):
        with pytest.raises(requests.exceptions.ConnectionError):
            bucket.blob("a").upload_from_string(b"kept", retry=None)
        assert bucket.blob("a").download_as_bytes() == b"kept"


def test_a_create_whose_answer_is_lost_meets_itself_when_tried_again() -> None:
    fault = Fault("storage", "lost", UPLOAD, nth=1)
    with hostile_bucket(fault) as (bucket, _), pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("a").upload_from_string(b"kept", if_generation_match=0)


def test_a_resumable_upload_whose_answers_are_lost_is_whole() -> None:
    data = bytes(range(256)) * 4096
    with hostile_bucket(Fault("storage", "lost", "PUT /upload/*|PUT /resumable/*", nth=2, times=1)) as (
        bucket,
        _,
    ):
        blob = bucket.blob("a", chunk_size=256 * 1024)
        with blob.open("wb", chunk_size=256 * 1024) as file:
            file.write(data)
        assert bucket.blob("a").download_as_bytes() == data


@pytest.mark.parametrize(("size", "after"), [(3_000_000, 300_000), (100_000, 20_000)])
def test_a_download_that_breaks_off_is_noticed_and_made_whole(size: int, after: int) -> None:
    data = (b"caf\xc3\xa9 cafe\xcc\x81 " * size)[:size]
    with hostile_bucket(Fault("storage", "cut", DOWNLOAD, nth=1, times=2, after=after)) as (bucket, _):
        bucket.blob("a").upload_from_string(data)
        assert bucket.blob("a").download_as_bytes() == data


def test_a_download_that_breaks_off_has_sent_so_many_bytes_of_what_it_announced() -> None:
    with hostile_bucket(Fault("storage", "cut", "GET */o/a", nth=1, after=1000)) as (bucket, _):
        bucket.blob("a").upload_from_string(b"x" * 5000)
        connection = http.client.HTTPConnection(
            bucket.client._connection.API_BASE_URL.removeprefix("http://")
        )
        connection.request("GET", "/storage/v1/b/things/o/a?alt=media")
        answer = connection.getresponse()
        assert answer.getheader("content-length") == "5000"
        with pytest.raises(http.client.IncompleteRead) as error:
            answer.read()
        assert error.value.partial == b"x" * 1000
        connection.close()


def test_an_answer_too_short_to_be_cut_is_whole() -> None:
    plan = Plan((Fault("storage", "cut", chance=1.0, after=100_000),))
    with hostile_bucket(plan) as (bucket, controller):
        bucket.blob("a").upload_from_string(b"kept")
        assert bucket.blob("a").download_as_bytes() == b"kept"
        assert controller.fired == []


class NoCredentials(credentials.Base):
    def get_credential(self) -> AnonymousCredentials:
        return AnonymousCredentials()


@contextmanager
def hostile_accounts(*planned: Fault | Plan) -> Iterator[tuple[firebase_admin.App, Chaos]]:
    with chaos(*planned) as controller, pytest.MonkeyPatch.context() as environment:
        emulator = AuthEmulator(chaos=controller)
        environment.setenv("FIREBASE_AUTH_EMULATOR_HOST", emulator.start())
        app = firebase_admin.initialize_app(NoCredentials(), {"projectId": PROJECT}, name="hostile")
        try:
            yield app, controller
        finally:
            firebase_admin.delete_app(app)
            emulator.stop()


@STATUSES
def test_a_failing_call_to_auth_is_told_or_tried_again_and_has_done_nothing(status: Any, number: int) -> None:
    with hostile_accounts(Fault("auth", "fail", "POST */accounts", nth=1, status=status)) as (app, _):
        if number in {500, 503}:
            auth.create_user(uid="a", app=app)
        else:
            with pytest.raises(firebase_admin.exceptions.FirebaseError):
                auth.create_user(uid="a", app=app)
            auth.create_user(uid="a", app=app)
        assert [user.uid for user in auth.list_users(app=app).users] == ["a"]


def test_a_slow_answer_of_auth_comes_later() -> None:
    with hostile_accounts(Fault("auth", "slow", nth=1, seconds=0.5)) as (app, _):
        start = time.monotonic()
        auth.create_user(uid="a", app=app)
        assert time.monotonic() - start >= 0.5


def test_an_account_whose_answer_is_lost_is_there() -> None:
    """The library asks again by itself when a connection breaks, and then meets its own account."""
    with hostile_accounts(Fault("auth", "lost", "POST */accounts", nth=1)) as (app, _):
        with pytest.raises(auth.UidAlreadyExistsError):
            auth.create_user(uid="a", app=app)
        assert auth.get_user("a", app=app).uid == "a"


def test_faults_of_a_seed_are_told_without_names() -> None:
    """What is struck is told by its method: the names of objects and projects are nobody's business."""
    with hostile_bucket(Plan.from_seed(3)) as (bucket, controller):
        for number in range(80):
            bucket.blob(f"secret/{number}").upload_from_string(b"kept")
        assert controller.fired
        assert not any("secret" in record.on or "things" in record.on for record in controller.fired)
