"""Loaded into the suite's own pytest, so that it runs against an emulator as it does against the service.

- nothing is skipped for running elsewhere than on storage.googleapis.com;
- clients without credentials get a service account whose key is made here, because the suite signs URLs with it;
- what the suite sends to storage.googleapis.com by itself, signed URLs above all, goes to the emulator;
- changes of settings hold at once here, so waits for them are left out (those for a retention's end are not);
- the outcome goes to the file that `FIREKEEP_OFFICIAL_OUTCOME` names: a JSON object from test to `passed`,
  `failed: ERROR` or `skipped: REASON`.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, cast

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud import storage
from google.oauth2 import service_account

_REAL = "https://storage.googleapis.com"
_Requested = requests.Session
_outcomes: dict[str, str] = {}


class Account(service_account.Credentials):
    """Signs with a key of its own, and never asks for a token."""

    def refresh(self, request: Any) -> None:
        self.token = "owner"
        self.expiry = None


def _account() -> Account:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    project = os.environ["GOOGLE_CLOUD_PROJECT"]
    address = f"suite@{project}.iam.gserviceaccount.com"
    told = {"client_email": address, "private_key": pem.decode(), "token_uri": "http://127.0.0.1:1"}
    make: Any = Account.from_service_account_info
    return cast(Account, make({**told, "project_id": project}))


_ACCOUNT = _account()


class Client(storage.Client):  # type: ignore[misc]
    """The official one, with the account where no credentials are given."""

    def __init__(self, project: Any = None, credentials: Any = None, *others: Any, **named: Any) -> None:
        project = project or os.environ["GOOGLE_CLOUD_PROJECT"]
        super().__init__(project, credentials or _ACCOUNT, *others, **named)


class _Redirected(requests.adapters.HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *options: Any, **named: Any) -> requests.Response:
        request.url = str(request.url).replace(_REAL, os.environ["STORAGE_EMULATOR_HOST"], 1)
        return super().send(request, *options, **named)


class _Session(_Requested):
    def __init__(self) -> None:
        super().__init__()
        self.mount(_REAL, _Redirected())


def pytest_configure() -> None:
    storage.Client = Client
    requests.sessions.Session = _Session  # type: ignore[misc]


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """The only conditions of the suite are about where it runs."""
    from tests.system import _helpers  # type: ignore[import-untyped]

    _helpers.await_config_changes_propagate = lambda sec=0: time.sleep(sec)
    for node in {node for item in items for node in item.listchain()}:
        node.own_markers[:] = [mark for mark in node.own_markers if mark.name != "skipif"]


def pytest_runtest_logreport(report: Any) -> None:
    """Keep the first thing that went wrong with a test."""
    if _outcomes.get(report.nodeid, "passed") != "passed":
        return
    if report.passed:
        if report.when == "call":
            _outcomes[report.nodeid] = "passed"
        return
    lines = [line for line in report.longreprtext.splitlines() if line.startswith("E  ")]
    why = report.longrepr[2] if report.skipped else lines[-1][1:].strip() if lines else report.when
    _outcomes[report.nodeid] = f"{report.outcome}: {why}"


def pytest_sessionfinish() -> None:
    """Write the outcomes down."""
    Path(os.environ["FIREKEEP_OFFICIAL_OUTCOME"]).write_text(json.dumps(_outcomes, indent=1))
