"""Accounts imported and listed, over REST as firebase-admin does it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import requests

from bench.loads.timing import seconds
from bench.place import PROJECT, served
from bench.report import Row, per_second
from bench.scale import Scale

_PAGE = 1000
_OWNER = {"Authorization": "Bearer owner"}


def rows(scale: Scale) -> list[Row]:
    number = scale.small // _PAGE * _PAGE
    with served("emulators.auth") as host, requests.Session() as session:
        session.headers.update(_OWNER)
        base = f"http://{host}/identitytoolkit.googleapis.com/v1/projects/{PROJECT}/accounts:"
        pages = list(_pages(number))
        imported = seconds(lambda: _imported(session, base, pages))
        listed = seconds(lambda: _listed(session, base, number), 3)
    return [
        Row(f"Auth, accounts with passwords imported, {_PAGE} a call", per_second(number / imported)),
        Row(f"Auth, accounts listed, {_PAGE} a call", per_second(number / listed)),
    ]


def filled(host: str, project: str, number: int) -> None:
    """Import that many accounts, a multiple of a thousand, their passwords hashed as the project hashes."""
    with requests.Session() as session:
        session.headers.update(_OWNER)
        root = f"http://{host}/identitytoolkit.googleapis.com"
        config = session.get(f"{root}/v2/projects/{project}/config", timeout=60).json()
        scheme = config["signIn"]["hashConfig"]
        hashing = {"hashAlgorithm": scheme.pop("algorithm"), **scheme}
        pages = ({**page, **hashing} for page in _pages(number))
        _imported(session, f"{root}/v1/projects/{project}/accounts:", pages)


def held(host: str, project: str) -> int:
    """How many accounts with a password hash there are."""
    url = f"http://{host}/identitytoolkit.googleapis.com/v1/projects/{project}/accounts:batchGet"
    found, token = 0, ""
    while True:
        asked = {"maxResults": str(_PAGE), "nextPageToken": token}
        page = requests.get(url, params=asked, headers=_OWNER, timeout=60).json()
        found += sum("passwordHash" in user for user in page.get("users", ()))
        token = page.get("nextPageToken", "")
        if not token:
            return found


def _pages(number: int) -> Iterator[dict[str, Any]]:
    secret = base64.urlsafe_b64encode(bytes(32)).decode()
    for first in range(0, number, _PAGE):
        users = [
            {
                "localId": f"user-{at}",
                "email": f"user-{at}@example.com",
                "displayName": f"User {at}",
                "passwordHash": secret,
                "salt": secret,
                "customAttributes": '{"level":1}',
            }
            for at in range(first, first + _PAGE)
        ]
        yield {"users": users, "hashAlgorithm": "HMAC_SHA256", "signerKey": secret}


def _imported(session: requests.Session, base: str, pages: Iterable[dict[str, Any]]) -> None:
    for page in pages:
        answer = session.post(f"{base}batchCreate", json=page, timeout=60)
        answer.raise_for_status()
        if answer.json().get("error"):
            raise RuntimeError(f"accounts were refused: {answer.json()['error'][:1]}")


def _listed(session: requests.Session, base: str, number: int) -> None:
    found, token = 0, ""
    while True:
        answer = session.get(
            f"{base}batchGet", params={"maxResults": str(_PAGE), "nextPageToken": token}, timeout=60
        )
        answer.raise_for_status()
        page = answer.json()
        found, token = found + len(page.get("users", ())), page.get("nextPageToken", "")
        if not token:
            break
    if found != number:
        raise RuntimeError(f"{found} accounts of {number} were listed")
