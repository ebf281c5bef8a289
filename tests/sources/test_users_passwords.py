"""After a restore people sign in with the passwords they had; what cannot be so is known beforehand."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import bcrypt
import pytest
from users_rig import APPS, HASH_CONFIG, OTHER_CONFIG, Project, Proxy, b64, one, put, read_all, seed, started

from shared.contents import USERS
from shared.format.forms import FORMS
from shared.format.user import decode
from shared.sources.contract import Kind, Result, Write

FORM = FORMS[USERS]


Begin = Callable[..., Project]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Makes projects with apps, each on an emulator of its own."""
    with ExitStack() as stack:
        yield lambda config=None: stack.enter_context(started()).project(config, APPS)


def restored(records: dict[bytes, bytes]) -> list[Write]:
    return [Write(key, Kind.PUT, value, None) for key, value in records.items()]


def test_people_sign_in_again_in_the_emptied_project(begin: Begin) -> None:
    project = begin()
    source = project.source()
    users = {f"{number}@example.com": f"sécret-{number}-😀" for number in range(5)}
    made = {email: project.signed_up(email, password) for email, password in users.items()}
    records = read_all(source)
    source.apply([Write(key, Kind.DROP, b"", FORM.guard(value)) for key, value in records.items()])
    assert read_all(source) == {}
    seed(source, restored(records))
    for email, password in users.items():
        assert project.signed_in(email, password) == made[email]
        assert not project.signed_in(email, password + "x")


def test_people_sign_in_in_another_project_whose_parameters_are_others(begin: Begin) -> None:
    project, other = begin(HASH_CONFIG), begin(OTHER_CONFIG)
    uid = project.signed_up("a@example.com", "secret-1")
    records = read_all(project.source())
    target = other.source(hash_config=lambda _tenant: HASH_CONFIG)
    seed(target, restored(records))
    live = read_all(target)
    assert all(FORM.equal(records[key], live[key]) for key in records), (
        "a restore must be seen to have worked"
    )
    assert decode(*live.values())["passwordHash"] == ""
    assert other.signed_in("a@example.com", "secret-1") == uid


def test_the_parameters_of_the_wrong_project_do_not_let_people_in(begin: Begin) -> None:
    project, other = begin(HASH_CONFIG), begin(OTHER_CONFIG)
    project.signed_up("a@example.com", "secret-1")
    seed(other.source(hash_config=lambda _: OTHER_CONFIG), restored(read_all(project.source())))
    assert not other.signed_in("a@example.com", "secret-1")


def test_every_tenant_has_parameters_of_its_own(begin: Begin) -> None:
    project, other = begin(), begin()
    tenants = [project.tenant(name) for name in ("aaaa", "bbbb")]
    theirs = {tenant: other.tenant(tenant[:4]) for tenant in tenants}
    made = {tenant: project.signed_up("a@example.com", f"secret-{tenant}", tenant) for tenant in tenants}
    path = f"identitytoolkit.googleapis.com/v2/projects/{project.name}/tenants"
    configs = {tenant: project.place.call("GET", f"{path}/{tenant}")["hashConfig"] for tenant in tenants}
    assert configs[tenants[0]] != configs[tenants[1]]
    target = other.source(elsewhere=theirs, hash_config=configs.get)
    seed(target, restored(read_all(project.source())))
    for tenant in tenants:
        assert other.signed_in("a@example.com", f"secret-{tenant}", theirs[tenant]) == made[tenant]


def test_a_password_is_restored_over_another_one(begin: Begin) -> None:
    project = begin()
    uid = project.signed_up("a@example.com", "secret-1")
    source = project.source()
    before = read_all(source)
    project.admin("update", localId=uid, password="secret-2")
    ((key, live),) = read_all(source).items()
    assert not FORM.equal(before[key], live)
    (outcome,) = source.apply([Write(key, Kind.PUT, before[key], FORM.guard(live))])
    assert outcome.result is Result.DONE
    assert project.signed_in("a@example.com", "secret-1") == uid
    assert not project.signed_in("a@example.com", "secret-2")


SALT, PASSWORD = b"salt", b"secret-1"
FOREIGN: dict[str, tuple[dict[str, Any], bytes]] = {
    "BCRYPT": ({}, bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4))),
    "HMAC_SHA256": ({"signerKey": b64(b"key")}, hmac.digest(b"key", SALT + PASSWORD, "sha256")),
    "PBKDF2_SHA256": ({"rounds": 2}, hashlib.pbkdf2_hmac("sha256", PASSWORD, SALT, 2, 32)),
    "SHA512": ({"rounds": 1}, hashlib.sha512(SALT + PASSWORD).digest()),
    "STANDARD_SCRYPT": (
        {"cpuMemCost": 16, "blockSize": 8, "parallelization": 1, "dkLen": 32},
        hashlib.scrypt(PASSWORD, salt=SALT, n=16, r=8, p=1, dklen=32),
    ),
}


@pytest.mark.parametrize("algorithm", FOREIGN)
def test_a_password_of_another_algorithm_is_told_to_be_unreadable_until_it_was_used(
    algorithm: str, begin: Begin
) -> None:
    """The service lists such hashes as empty, and makes its own of them at the first sign-in."""
    project, other = begin(), begin(OTHER_CONFIG)
    parameters, digest = FOREIGN[algorithm]
    project.create(
        {"localId": "a", "email": "a@example.com", "passwordHash": b64(digest), "salt": b64(SALT)},
        hashAlgorithm=algorithm,
        **parameters,
    )
    source = project.source()
    source.check_hashes()
    ((key, before),) = read_all(source).items()
    assert decode(before)["passwordHash"] == ""
    (outcome,) = other.source().apply(restored({key: before}))
    assert outcome.result is Result.DONE
    assert "password, which could not be read" in outcome.reason
    assert not other.signed_in("a@example.com", PASSWORD.decode())
    assert project.signed_in("a@example.com", PASSWORD.decode()) == "a"
    ((key, after),) = read_all(source).items()
    third = begin(OTHER_CONFIG)
    seed(third.source(), restored({key: after}))
    if decode(after)["passwordHash"]:
        assert third.signed_in("a@example.com", PASSWORD.decode()) == "a"


def test_a_password_in_the_official_emulators_form_is_sent_as_it_is(begin: Begin) -> None:
    """It needs no parameters; only that emulator takes it."""
    project = begin()
    proxy = Proxy(project.place.address)
    sent: list[dict[str, Any]] = []

    def keep(_method: str, path: str, body: Any) -> tuple[int, Any] | None:
        if "batchCreate" not in path:
            return None
        sent.append(body)
        return 200, {"error": [{"index": 0, "message": "not here"}]}

    proxy.on_request = keep
    source = project.source(endpoint=proxy.address, hash_config=lambda _: None)
    fake = {"passwordHash": "fakeHash:salt=fakeSaltX:password=a/b+c=", "salt": "fakeSaltX"}
    one(source, put("a", **fake))
    proxy.close()
    assert sent[0]["users"] == [{"localId": "a", **fake}]
    assert "hashAlgorithm" not in sent[0]
