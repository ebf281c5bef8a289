"""With a directory to keep its state in, the emulator is after a restart, or a kill, what it was told to be."""

from __future__ import annotations

import contextlib
import json
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from auth_helpers import HASH_CONFIG, OWNER, PROJECT, TOOLKIT, Clock, Rest, b64, new_email

from emulators.auth import AuthEmulator
from emulators.auth.accounts import Accounts
from emulators.auth.keeping import Keeping
from emulators.journal import Journal
from emulators.shelf import Shelf
from shared.errors import BadInput, Corrupt, Unavailable

UIDS = ["u", "U", "ü", "u\u0308", "a/b", '"],["', "\ud800", "x" * 128]
CONFIG = f"/emulator/v1/projects/{PROJECT}/config"
ADMIN_CONFIG = f"/{TOOLKIT}/v2/projects/{PROJECT}"


@contextlib.contextmanager
def running(data: Path, clock: Clock | None = None) -> Iterator[Rest]:
    """An emulator in this process, with a hash that takes no time."""
    clock = clock or Clock()
    emulator = AuthEmulator(clock=clock, data=data)
    rest = Rest(emulator.start(), clock)
    try:
        yield rest
    finally:
        rest.session.close()
        emulator.stop()


@contextlib.contextmanager
def cheap(data: Path) -> Iterator[Rest]:
    with running(data) as rest:
        assert rest.call("PATCH", CONFIG, {"signIn": {"hashConfig": HASH_CONFIG}}).status == 200
        yield rest


def imported(rest: Rest, users: list[dict[str, Any]], project: str = PROJECT, **options: Any) -> None:
    answer = rest.admin("batchCreate", project=project, users=users, **options)
    assert (answer.status, answer.body.get("error")) == (200, None)


def made_tenant(rest: Rest, name: str = "some-tenant") -> str:
    settings = {"displayName": name, "allowPasswordSignup": True, "mfaConfig": {"state": "ENABLED"}}
    answer = rest.call("POST", f"{ADMIN_CONFIG}/tenants", settings, OWNER)
    return str(answer.body["name"].rsplit("/", 1)[1])


def test_accounts_are_there_again_with_all_their_fields(tmp_path: Path) -> None:
    other = "demo-other"
    hmac = {
        "hashAlgorithm": "HMAC_SHA256",
        "signerKey": b64(b"key"),
        "passwordHashOrder": "SALT_AND_PASSWORD",
    }
    factor = {"phoneInfo": "+15555550100", "displayName": "phone"}
    full = {
        "localId": "full",
        "email": "full@example.com",
        "emailVerified": True,
        "displayName": "Ünï\u0000",
        "phoneNumber": "+15555550101",
        "customAttributes": '{"role":"x"}',
        "providerUserInfo": [{"providerId": "google.com", "rawId": "1", "email": "x@y.z"}],
        "mfaInfo": [factor],
        "passwordHash": b64(b"hash"),
        "salt": b64(b"salt"),
        "createdAt": "1500000000000",
        "lastLoginAt": "1500000000001",
        "disabled": True,
    }
    with cheap(tmp_path) as rest:
        tenant = made_tenant(rest)
        places = [PROJECT, other, f"{PROJECT}/tenants/{tenant}"]
        for project in places:
            imported(rest, [{"localId": uid} for uid in UIDS], project)
            imported(rest, [full], project, **hmac)
        assert rest.admin("delete", project=other, localId="u").status == 200
        rest.signed_up()
        before = {project: rest.listed(project) for project in places}
        hidden = rest.listed(bearer="Bearer ya29.x")
    with running(tmp_path) as rest:
        assert {project: rest.listed(project) for project in places} == before
        assert rest.listed(bearer="Bearer ya29.x") == hidden
        found = rest.admin("lookup", phoneNumber=["+15555550101"]).body["users"]
        assert [user["localId"] for user in found] == ["full"]
    assert len(before[PROJECT]) == len(UIDS) + 2
    assert len(before[other]) == len(UIDS)


def test_passwords_still_open_and_tokens_from_before_are_good(tmp_path: Path) -> None:
    users = {}
    with cheap(tmp_path) as rest:
        for name in ("refreshed", "deleted", "revoked"):
            users[name] = rest.signed_up(f"secret-{name}")
        assert rest.admin("delete", localId=users["deleted"]["localId"]).status == 200
        now = str(int(time.time()) + 100)
        assert rest.admin("update", localId=users["revoked"]["localId"], validSince=now).status == 200
    with running(tmp_path) as rest:
        good = users["refreshed"]
        assert rest.client("lookup", idToken=good["idToken"]).status == 200
        assert rest.refresh(good["refreshToken"]).status == 200
        signed_in = rest.client("signInWithPassword", email=good["email"], password="secret-refreshed")
        assert signed_in.body["localId"] == good["localId"]
        assert rest.client("signInWithPassword", email=good["email"], password="wrong-1").status == 400
        assert rest.refresh(users["deleted"]["refreshToken"]).message == "USER_NOT_FOUND"
        assert rest.refresh(users["revoked"]["refreshToken"]).message == "TOKEN_EXPIRED"


def test_imported_hashes_of_every_kind_still_open(tmp_path: Path) -> None:
    import hashlib
    import hmac as hmac_module

    import bcrypt

    password, salt, key = b"secret-1", b"salt", b"key"
    n = {"cpuMemCost": 16, "blockSize": 8, "parallelization": 1, "dkLen": 32}
    kinds: dict[str, tuple[dict[str, Any], bytes]] = {
        "HMAC_SHA256": (
            {"signerKey": b64(key), "passwordHashOrder": "SALT_AND_PASSWORD"},
            hmac_module.digest(key, salt + password, "sha256"),
        ),
        "SHA256": (
            {"rounds": 1, "passwordHashOrder": "PASSWORD_AND_SALT"},
            hashlib.sha256(password + salt).digest(),
        ),
        "PBKDF2_SHA256": ({"rounds": 9}, hashlib.pbkdf2_hmac("sha256", password, salt, 9, 32)),
        "STANDARD_SCRYPT": (n, hashlib.scrypt(password, salt=salt, n=16, r=8, p=1, dklen=32)),
        "BCRYPT": ({}, bcrypt.hashpw(password, bcrypt.gensalt(4))),
    }
    with cheap(tmp_path) as rest:
        for name, (options, digest) in kinds.items():
            user = {"localId": name, "email": f"{name}@x.y", "passwordHash": b64(digest), "salt": b64(salt)}
            imported(rest, [user], hashAlgorithm=name, **options)
    with running(tmp_path) as rest:
        for name in kinds:
            answer = rest.client("signInWithPassword", email=f"{name}@x.y", password="secret-1")
            assert answer.body.get("localId") == name, answer


def test_settings_tenants_and_providers_are_there_again(tmp_path: Path) -> None:
    def look(rest: Rest) -> list[Any]:
        parts = [
            "config",
            "tenants",
            f"tenants/{tenant}",
            "oauthIdpConfigs",
            f"tenants/{tenant}/oauthIdpConfigs",
        ]
        shown = [rest.call("GET", f"{ADMIN_CONFIG}/{part}", None, OWNER).body for part in parts]
        shown.append(rest.call("GET", CONFIG).body)
        return [*shown, rest.call("GET", f"{ADMIN_CONFIG}/tenants/{gone}", None, OWNER).status]

    with cheap(tmp_path) as rest:
        tenant, gone = made_tenant(rest), made_tenant(rest, "gone-tenant")
        imported(rest, [{"localId": "u"}], f"{PROJECT}/tenants/{gone}")
        patch = {
            "signIn": {"email": {"passwordRequired": True}},
            "authorizedDomains": ["x.y"],
            "mfa": {"state": "ENABLED"},
        }
        assert rest.call("PATCH", f"{ADMIN_CONFIG}/config", patch, OWNER).status == 200
        assert (
            rest.call(
                "PATCH", f"{ADMIN_CONFIG}/tenants/{tenant}", {"enableEmailLinkSignin": True}, OWNER
            ).status
            == 200
        )
        for place in ("", f"/tenants/{tenant}"):
            for name in ("oidc.kept", "oidc.gone"):
                path = f"{ADMIN_CONFIG}{place}/oauthIdpConfigs?oauthIdpConfigId={name}"
                assert rest.call("POST", path, {"clientId": "c", "enabled": True}, OWNER).status == 200
            assert (
                rest.call("DELETE", f"{ADMIN_CONFIG}{place}/oauthIdpConfigs/oidc.gone", None, OWNER).status
                == 200
            )
        assert rest.call("DELETE", f"{ADMIN_CONFIG}/tenants/{gone}", None, OWNER).status == 200
        before = look(rest)
    with running(tmp_path) as rest:
        assert look(rest) == before
    shelf = Shelf(tmp_path / "state")
    assert [key for key, _ in shelf.items("account")] == []
    assert len(list(shelf.items("realm"))) == 2
    shelf.close()


def test_codes_are_there_again_and_their_links_lead_to_where_it_serves_now(tmp_path: Path) -> None:
    def codes(rest: Rest) -> list[dict[str, str]]:
        return list(rest.call("GET", f"/emulator/v1/projects/{PROJECT}/oobCodes").body["oobCodes"])

    with cheap(tmp_path) as rest:
        user = rest.signed_up()
        kinds = ["VERIFY_EMAIL", "PASSWORD_RESET", "EMAIL_SIGNIN", "VERIFY_EMAIL"]
        for kind in kinds:
            body = {"requestType": kind, "email": user["email"]}
            assert rest.admin("sendOobCode", **body).status == 200
        before = codes(rest)
        assert rest.client("update", oobCode=before[0]["oobCode"]).status == 200
    with running(tmp_path) as rest:
        after = codes(rest)
        assert [code["oobCode"] for code in after] == [code["oobCode"] for code in before[1:]]
        assert requests.get(after[-1]["oobLink"], timeout=20).json() == {"authEmulator": {"success": True}}
        assert rest.client("update", oobCode=before[0]["oobCode"]).message == "INVALID_OOB_CODE"
        reset = rest.client("resetPassword", oobCode=after[0]["oobCode"], newPassword="secret-2")
        assert reset.body["email"] == user["email"]
    with running(tmp_path) as rest:
        assert [code["requestType"] for code in codes(rest)] == ["EMAIL_SIGNIN"]
        assert rest.client("signInWithPassword", email=user["email"], password="secret-2").status == 200


def test_of_those_that_share_an_email_the_same_one_is_found(tmp_path: Path) -> None:
    with cheap(tmp_path) as rest:
        for uid in ("z", "a", "m"):
            imported(rest, [{"localId": uid, "email": "same@x.y"}])
        imported(rest, [{"localId": "z", "email": "same@x.y"}], allowOverwrite=True)
        first = rest.admin("lookup", email=["same@x.y"]).body["users"][0]["localId"]
    with running(tmp_path) as rest:
        imported(rest, [{"localId": "b", "email": "same@x.y"}])
    with running(tmp_path) as rest:
        for expected in (first, "m", "z", "b"):
            assert rest.admin("lookup", email=["same@x.y"]).body["users"][0]["localId"] == expected
            assert rest.admin("delete", localId=expected).status == 200
    assert first == "a"


def test_all_accounts_deleted_stay_deleted(tmp_path: Path) -> None:
    with cheap(tmp_path) as rest:
        imported(rest, [{"localId": uid} for uid in UIDS])
        assert rest.call("DELETE", f"/emulator/v1/projects/{PROJECT}/accounts").status == 200
        imported(rest, [{"localId": "new"}])
    with running(tmp_path) as rest:
        assert list(rest.listed()) == ["new"]


def test_an_import_is_one_write(tmp_path: Path) -> None:
    class Counting(Shelf):
        writes = 0

        def write(self, changes: Any) -> None:
            super().write(changes)
            Counting.writes += 1

    shelf = Counting(tmp_path / "state")
    journal = Journal(shelf)
    accounts = Accounts(Keeping(journal, "p", None))
    for index in range(1000):
        accounts.put({"localId": str(index)}, None)
    journal.commit()
    journal.commit()
    assert Counting.writes == 1
    assert len(list(shelf.items("account"))) == 1000
    shelf.close()


@pytest.fixture
def full() -> Iterator[Callable[[int], None]]:
    """Lets this process write no file beyond a size, as a full disk would; 0 lifts that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size if size else soft, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, previous)


def test_a_change_that_does_not_fit_is_refused_and_did_not_happen(
    tmp_path: Path, full: Callable[[int], None]
) -> None:
    def look(rest: Rest) -> list[Any]:
        shown = [rest.listed(), rest.listed(f"{PROJECT}/tenants/{tenant}"), rest.call("GET", CONFIG).body]
        shown.append(rest.call("GET", f"/emulator/v1/projects/{PROJECT}/oobCodes").body)
        shown.append(rest.call("GET", f"{ADMIN_CONFIG}/tenants", None, OWNER).body)
        return [*shown, rest.admin("lookup", email=["same@x.y"]).body]

    with cheap(tmp_path) as rest:
        tenant = made_tenant(rest)
        imported(rest, [{"localId": "u"}], f"{PROJECT}/tenants/{tenant}")
        user = rest.signed_up()
        for uid in ("z", "a"):
            imported(rest, [{"localId": uid, "email": "same@x.y"}])
        for kind in ("VERIFY_EMAIL", "EMAIL_SIGNIN"):
            assert rest.admin("sendOobCode", requestType=kind, email=user["email"]).status == 200
        before = look(rest)
        code = before[3]["oobCodes"][0]["oobCode"]
        full(1)
        refused = [
            rest.admin("batchCreate", users=[{"localId": str(number)} for number in range(1000)]),
            rest.admin("batchCreate", users=[{"localId": "z"}], allowOverwrite=True),
            rest.admin("delete", localId="z"),
            rest.admin("sendOobCode", requestType="VERIFY_EMAIL", email=user["email"]),
            rest.client("update", oobCode=code),
            rest.client("signInWithPassword", email=user["email"], password="secret-1"),
            rest.call("PATCH", CONFIG, {"signIn": {"allowDuplicateEmails": True}}),
            rest.call("DELETE", f"/emulator/v1/projects/{PROJECT}/accounts"),
            rest.call("DELETE", f"{ADMIN_CONFIG}/tenants/{tenant}", None, OWNER),
            rest.call("POST", f"{ADMIN_CONFIG}/tenants", {"displayName": "more"}, OWNER),
        ]
        full(0)
        assert {answer.status for answer in refused} == {507}
        assert all("STORAGE_FULL" in answer.message for answer in refused)
        assert look(rest) == before
        assert rest.client("update", oobCode=code).status == 200
        before = look(rest)
    with running(tmp_path) as rest:
        after = look(rest)
        for shown in (before, after):
            for each in shown[3]["oobCodes"]:
                del each["oobLink"]
        assert after == before


def test_a_directory_in_use_or_of_another_service_or_damaged_is_refused(tmp_path: Path) -> None:
    with cheap(tmp_path) as rest:
        imported(rest, [{"localId": "u"}])
        with pytest.raises(Unavailable, match=str(tmp_path)):
            AuthEmulator(data=tmp_path)
    shelf = Shelf(tmp_path / "other" / "state")
    shelf.write([("format", b"", b"storage 1")])
    shelf.close()
    with pytest.raises(BadInput, match="storage 1"):
        AuthEmulator(data=tmp_path / "other")
    for kind in ("account", "realm"):
        shelf = Shelf(tmp_path / "state")
        key, row = next(shelf.items(kind))
        for damaged in (row[:-1], b"{}", b"[]", b""):
            shelf.write([(kind, key, damaged)])
            shelf.close()
            with pytest.raises(Corrupt, match="a row is damaged"):
                AuthEmulator(data=tmp_path)
            shelf = Shelf(tmp_path / "state")
        shelf.write([(kind, key, row)])
        shelf.close()
    with running(tmp_path) as rest:
        assert list(rest.listed()) == ["u"]


class Writer(threading.Thread):
    """Imports, creates, changes and deletes accounts, and knows what was acknowledged and what may be."""

    def __init__(self, address: str, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.rest = Rest(address, Clock())
        self.prefix = f"{seed}-"
        self.sure: dict[str, str | None] = {}
        self.open: dict[str, str | None] = {}

    def run(self) -> None:
        with contextlib.suppress(requests.RequestException, json.JSONDecodeError), self.rest.session:
            while True:
                self.step()

    def step(self) -> None:
        uids = [f"{self.prefix}{self.random.randrange(300)}" for _ in range(self.random.choice([1, 1, 100]))]
        name = new_email()
        kind = self.random.choice(["import", "delete", "update"])
        known = [uid for uid in uids if self.sure.get(uid)]
        if kind == "import" or not known:
            self.open = dict.fromkeys(uids, name)
            users = [{"localId": uid, "displayName": name} for uid in dict.fromkeys(uids)]
            answer = self.rest.admin("batchCreate", users=users, allowOverwrite=True)
        elif kind == "delete":
            self.open = dict.fromkeys(known, None)
            answer = self.rest.admin("batchDelete", localIds=known, force=True)
        else:
            self.open = {known[0]: name}
            answer = self.rest.admin("update", localId=known[0], displayName=name)
        assert answer.status == 200, answer
        self.sure.update(self.open)
        self.open = {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rounds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_loses_nothing_acknowledged_and_leaves_nothing_half(
    tmp_path: Path, rounds: int
) -> None:
    dice = random.Random(rounds)
    known: dict[str, str | None] = {}
    command = [sys.executable, "-m", "emulators.auth", "--project-id", PROJECT, "--data", str(tmp_path)]
    for number in range(rounds):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            writers = [Writer(address, 10 * number + each) for each in range(3)]
            for writer in writers:
                writer.start()
            time.sleep(dice.uniform(0.05, 0.6))
            process.send_signal(signal.SIGKILL)
            for writer in writers:
                writer.join()
        for writer in writers:
            known |= writer.sure
        with running(tmp_path) as rest:
            now = {uid: user["displayName"] for uid, user in rest.listed().items()}
        for writer in writers:
            if writer.open and all(now.get(uid) == name for uid, name in writer.open.items()):
                known |= writer.open
        assert now == {uid: name for uid, name in known.items() if name is not None}
    assert len(known) > rounds
