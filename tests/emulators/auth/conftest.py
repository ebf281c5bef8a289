"""One emulator for each module, Google's Python client for it, and its REST methods."""

from __future__ import annotations

from collections.abc import Iterator

import firebase_admin
import pytest
from auth_helpers import HASH_CONFIG, PROJECT, Clock, Rest
from firebase_admin import credentials
from google.auth.credentials import AnonymousCredentials

from emulators.auth import AuthEmulator


class NoCredentials(credentials.Base):
    def get_credential(self) -> AnonymousCredentials:
        return AnonymousCredentials()


@pytest.fixture(scope="module")
def rest() -> Iterator[Rest]:
    clock = Clock()
    emulator = AuthEmulator(clock=clock)
    rest = Rest(emulator.start(), clock)
    config = {"signIn": {"hashConfig": HASH_CONFIG}}
    assert rest.call("PATCH", f"/emulator/v1/projects/{PROJECT}/config", config).status == 200
    yield rest
    rest.session.close()
    emulator.stop()


@pytest.fixture(autouse=True)
def _clock(rest: Rest) -> Iterator[None]:
    yield
    rest.clock.ahead = 0


@pytest.fixture(scope="module")
def app(rest: Rest) -> Iterator[firebase_admin.App]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIREBASE_AUTH_EMULATOR_HOST", rest.address)
        app = firebase_admin.initialize_app(NoCredentials(), {"projectId": PROJECT}, name=rest.address)
        yield app
        firebase_admin.delete_app(app)
