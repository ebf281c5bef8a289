"""Cloud KMS and Secret Manager: what they refuse is named with what to do about it, and nothing damaged passes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import grpc
import pytest
from google.auth import exceptions as auth
from keys_services import KEY, OTHER_KEY, SECRET, Services

from shared.errors import BadInput, Denied, FirekeepError, NotFound, Unavailable, WrongKey
from shared.keys.contract import Keyring
from shared.keys.kms import CloudKms
from shared.keys.secret import SecretManager

MASTER = bytes(range(32))
HERE = b"repository one"


def kms(services: Services, name: str = KEY) -> CloudKms:
    return CloudKms(name, lambda: services.kms, patience_s=1)


def secret(services: Services, name: str = SECRET) -> SecretManager:
    return SecretManager(name, lambda: services.secrets, os.urandom, patience_s=1)


BOTH = pytest.mark.parametrize("make", [kms, secret])
Make = Callable[..., Keyring]


def test_a_master_key_outlives_the_rotation_of_the_key_that_wraps_it(services: Services) -> None:
    before = kms(services).wrap(MASTER, HERE)
    services.rotate(KEY)
    after = kms(services).wrap(MASTER, HERE)
    assert [one.data[0] for one in (before, after)] == [1, 2]
    assert [kms(services).unwrap(one, HERE) for one in (before, after)] == [MASTER, MASTER]


def test_each_wrapping_pins_a_version_of_its_own(services: Services) -> None:
    one, two = (secret(services).wrap(MASTER, HERE) for _ in range(2))
    assert [dict(each.parameters) for each in (one, two)] == [
        {"secret": SECRET, "version": number} for number in (1, 2)
    ]
    services.rotate(SECRET)
    assert secret(services).unwrap(one, HERE) == MASTER
    with pytest.raises(WrongKey):
        secret(services).unwrap(replace(one, parameters={"secret": SECRET, "version": 2}), HERE)


@pytest.mark.parametrize("version", [0, -1, 1 << 31, "1", "latest", True])
def test_only_a_number_names_a_version(services: Services, version: int | str) -> None:
    wrapped = secret(services).wrap(MASTER, HERE)
    calls = services.calls
    with pytest.raises(BadInput):
        secret(services).unwrap(replace(wrapped, parameters={"secret": SECRET, "version": version}), HERE)
    assert services.calls == calls


@BOTH
def test_what_the_repository_names_is_not_asked_unless_the_settings_name_it(
    services: Services, make: Make
) -> None:
    wrapped = make(services).wrap(MASTER, HERE)
    theirs = {
        name: value + "-other" if isinstance(value, str) else value
        for name, value in wrapped.parameters.items()
    }
    calls = services.calls
    with pytest.raises(WrongKey, match="is not the"):
        make(services).unwrap(replace(wrapped, parameters=theirs), HERE)
    assert services.calls == calls


@pytest.mark.parametrize(
    "name",
    ["", KEY + "/cryptoKeyVersions/1", KEY.replace("projects", "project"), " " + KEY, KEY + "\n", SECRET],
)
def test_a_name_that_is_no_key_is_refused(services: Services, name: str) -> None:
    with pytest.raises(BadInput, match="cryptoKeys"):
        kms(services, name)


@pytest.mark.parametrize("name", ["", SECRET + "/versions/latest", "my-secret", SECRET + "/../other", KEY])
def test_a_name_that_is_no_secret_is_refused(services: Services, name: str) -> None:
    with pytest.raises(BadInput, match="projects/P/secrets/S"):
        secret(services, name)


@pytest.mark.parametrize(
    ("make", "verb", "permission", "role"),
    [
        (kms, "wrap", "cloudkms.cryptoKeyVersions.useToEncrypt", "cryptoKeyEncrypter"),
        (kms, "unwrap", "cloudkms.cryptoKeyVersions.useToDecrypt", "cryptoKeyDecrypter"),
        (secret, "wrap", "secretmanager.versions.add", "secretVersionAdder"),
        (secret, "unwrap", "secretmanager.versions.access", "secretAccessor"),
    ],
)
def test_a_permission_that_is_missing_is_named_with_its_role(
    services: Services, make: Make, verb: str, permission: str, role: str
) -> None:
    ring = make(services)
    wrapped = ring.wrap(MASTER, HERE)
    services.lacking.add(permission)
    with pytest.raises(Denied) as caught:
        ring.wrap(MASTER, HERE) if verb == "wrap" else ring.unwrap(wrapped, HERE)
    assert type(caught.value) is Denied
    assert permission in caught.value.message
    assert role in caught.value.hint


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED", "DESTROY_SCHEDULED"])
@pytest.mark.parametrize(("make", "name"), [(kms, KEY), (secret, SECRET)])
def test_a_version_that_is_disabled_or_destroyed_is_told(
    services: Services, make: Make, name: str, state: str
) -> None:
    wrapped = make(services).wrap(MASTER, HERE)
    services.versions[name][0].state = state
    with pytest.raises(Denied, match=state.lower().replace("_", " ")) as caught:
        make(services).unwrap(wrapped, HERE)
    assert type(caught.value) is Denied


def test_what_does_not_exist_is_told(services: Services) -> None:
    with pytest.raises(NotFound, match="cryptoKeys/none"):
        kms(services, KEY.replace("firekeep", "none")).wrap(MASTER, HERE)
    with pytest.raises(NotFound, match="gcloud secrets create none --project my-app"):
        secret(services, SECRET.replace("firekeep-key", "none")).wrap(MASTER, HERE)
    wrapped = secret(services).wrap(MASTER, HERE)
    services.versions[SECRET].clear()
    with pytest.raises(NotFound, match="versions/1"):
        secret(services).unwrap(wrapped, HERE)


@BOTH
@pytest.mark.parametrize("damaging", ["request", "answer", "verified"])
def test_bytes_damaged_on_the_way_never_pass(services: Services, make: Make, damaging: str) -> None:
    if (make, damaging) == (secret, "verified"):
        damaging = "answer"
    services.damaging = damaging
    with pytest.raises(Unavailable, match="damaged on the way"):
        make(services).wrap(MASTER, HERE)
    wrapped = make(services).wrap(MASTER, HERE)
    services.damaging = "answer"
    with pytest.raises(Unavailable, match="damaged on the way"):
        make(services).unwrap(wrapped, HERE)
    assert make(services).unwrap(wrapped, HERE) == MASTER


def test_a_secret_that_holds_something_else_is_told_from_a_wrong_key(services: Services) -> None:
    wrapped = secret(services).wrap(MASTER, HERE)
    services.versions[SECRET][0].secret = b"hunter2"
    with pytest.raises(BadInput, match="does not hold a key") as caught:
        secret(services).unwrap(wrapped, HERE)
    assert "hunter2" not in str(caught.value)
    services.versions[SECRET][0].secret = bytes(32)
    with pytest.raises(WrongKey):
        secret(services).unwrap(wrapped, HERE)


@BOTH
def test_a_service_that_is_away_for_a_moment_is_asked_again(services: Services, make: Make) -> None:
    wrapped = make(services).wrap(MASTER, HERE)
    services.failing = [grpc.StatusCode.UNAVAILABLE]
    assert make(services).unwrap(wrapped, HERE) == MASTER
    assert services.failing == []


@BOTH
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_one_that_stays_away_is_unavailable(services: Services, make: Make, code: grpc.StatusCode) -> None:
    wrapped = make(services).wrap(MASTER, HERE)
    services.failing = [code] * 50
    with pytest.raises(Unavailable):
        make(services).unwrap(wrapped, HERE)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (auth.DefaultCredentialsError("none"), Denied),
        (auth.RefreshError("expired"), Denied),
        (auth.TransportError("away"), Unavailable),
    ],
)
@pytest.mark.parametrize("name", [KEY, SECRET])
def test_missing_credentials_are_told_as_such(
    raised: Exception, kind: type[FirekeepError], name: str
) -> None:
    def client() -> None:
        raise raised

    ring = CloudKms(name, client) if name == KEY else SecretManager(name, client, os.urandom)
    with pytest.raises(kind) as caught:
        ring.wrap(MASTER, HERE)
    assert type(caught.value) is kind


def test_another_key_of_the_service_does_not_open(services: Services) -> None:
    with pytest.raises(WrongKey):
        kms(services, OTHER_KEY).unwrap(kms(services).wrap(MASTER, HERE), HERE)


def test_the_clients_are_loaded_when_they_are_asked_and_not_before() -> None:
    script = (
        "import sys\nfrom shared import wiring\nfrom shared.settings import Settings\n"
        f"rings = wiring.keyrings(Settings(kms_key={KEY!r})) + wiring.keyrings(Settings(secret={SECRET!r}))\n"
        "print([type(ring).__name__ for ring in rings])\n"
        "print([name for name in sys.modules if name.startswith(('google.cloud.kms', 'google.cloud.secret'))])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.splitlines() == ["['CloudKms', 'SecretManager']", "[]"]
