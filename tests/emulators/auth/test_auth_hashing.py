"""Every hash algorithm an import may bring is really verified at sign-in, and ends as the project's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from auth_helpers import HASH_CONFIG, Rest, b64, new_email
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

PASSWORD = "pässwörd 🔑"
SALT = b"\x00salt\xff"
KEY = b"\xfekey\x00"

# The worked example of github.com/firebase/scrypt, with the parameters of a real project.
PUBLISHED = {
    "hashAlgorithm": "SCRYPT",
    "signerKey": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    "saltSeparator": "Bw==",
    "rounds": 8,
    "memoryCost": 14,
}
PUBLISHED_USER = {
    "localId": "kYi4EvWQlQTKSfnJ3dRSP6IH3ed2",
    "email": "user1@test.com",
    "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    "salt": "42xEC+ixf3L2lw==",
}


def repeated(name: str, rounds: int) -> bytes:
    data = SALT + PASSWORD.encode()
    for _ in range(rounds):
        data = hashlib.new(name, data).digest()
    return data


ENCODED = PASSWORD.encode()
ARGON2 = {
    "hashLengthBytes": 24,
    "hashType": "ARGON2_ID",
    "parallelism": 1,
    "iterations": 2,
    "memoryCostKib": 64,
}
STANDARD = {"cpuMemCost": 16, "blockSize": 4, "parallelization": 2, "dkLen": 48}
CASES: list[tuple[dict[str, Any], Callable[[], bytes], bytes]] = [
    *(
        (
            {"hashAlgorithm": f"HMAC_{name}", "signerKey": b64(KEY)},
            lambda name=name: hmac.digest(KEY, SALT + ENCODED, name.lower()),
            SALT,
        )
        for name in ("MD5", "SHA1", "SHA256", "SHA512")
    ),
    (
        {"hashAlgorithm": "HMAC_SHA1", "signerKey": b64(KEY), "passwordHashOrder": "PASSWORD_AND_SALT"},
        lambda: hmac.digest(KEY, ENCODED + SALT, "sha1"),
        SALT,
    ),
    ({"hashAlgorithm": "MD5", "rounds": 0}, lambda: repeated("md5", 1), SALT),
    ({"hashAlgorithm": "SHA1", "rounds": 3}, lambda: repeated("sha1", 3), SALT),
    ({"hashAlgorithm": "SHA256", "rounds": 1}, lambda: repeated("sha256", 1), SALT),
    ({"hashAlgorithm": "SHA512", "rounds": 2}, lambda: repeated("sha512", 2), SALT),
    (
        {"hashAlgorithm": "SHA256", "rounds": 1, "passwordHashOrder": "PASSWORD_AND_SALT"},
        lambda: hashlib.sha256(ENCODED + SALT).digest(),
        SALT,
    ),
    (
        {"hashAlgorithm": "PBKDF_SHA1", "rounds": 100},
        lambda: hashlib.pbkdf2_hmac("sha1", ENCODED, SALT, 100, 40),
        SALT,
    ),
    (
        {"hashAlgorithm": "PBKDF2_SHA256", "rounds": 100},
        lambda: hashlib.pbkdf2_hmac("sha256", ENCODED, SALT, 100),
        SALT,
    ),
    (
        {"hashAlgorithm": "STANDARD_SCRYPT", **STANDARD},
        lambda: hashlib.scrypt(ENCODED, salt=SALT, n=16, r=4, p=2, dklen=48),
        SALT,
    ),
    ({"hashAlgorithm": "BCRYPT"}, lambda: bcrypt.hashpw(ENCODED, bcrypt.gensalt(4)), b""),
    ({"hashAlgorithm": "BCRYPT"}, lambda: bcrypt.hashpw(ENCODED, bcrypt.gensalt(4, b"2a")), b""),
    (
        {"hashAlgorithm": "ARGON2", "argon2Parameters": ARGON2},
        lambda: Argon2id(salt=SALT * 2, length=24, iterations=2, lanes=1, memory_cost=64).derive(ENCODED),
        SALT * 2,
    ),
]


@pytest.mark.parametrize(
    ("options", "make", "salt"),
    CASES,
    ids=[f"{options['hashAlgorithm']}-{number}" for number, (options, _, _) in enumerate(CASES)],
)
def test_an_imported_hash_opens_for_its_password_only(
    rest: Rest, options: dict[str, Any], make: Callable[[], bytes], salt: bytes
) -> None:
    user = {"localId": new_email(), "email": new_email(), "passwordHash": b64(make()), "salt": b64(salt)}
    assert rest.admin("batchCreate", users=[user], **options).body.get("error") is None
    # A hash of another kind than the project's cannot be exported before it was used once.
    exported = rest.listed()[user["localId"]]
    assert (exported["passwordHash"], exported["salt"]) == ("", "")
    wrong = rest.client("signInWithPassword", email=user["email"], password="pässwörd")
    assert wrong.message == "INVALID_PASSWORD"
    assert rest.client("signInWithPassword", email=user["email"], password=PASSWORD).status == 200
    exported = rest.listed()[user["localId"]]
    assert len(base64.urlsafe_b64decode(exported["passwordHash"])) == 64
    assert rest.client("signInWithPassword", email=user["email"], password=PASSWORD).status == 200


def test_a_long_password_signs_in_with_the_hash_of_its_beginning(rest: Rest) -> None:
    password, email = "x" * 100, new_email()
    hashed = b64(bcrypt.hashpw(password[:72].encode(), bcrypt.gensalt(4)))
    user = {"localId": "long", "email": email, "passwordHash": hashed}
    rest.admin("batchCreate", users=[user], hashAlgorithm="BCRYPT")
    assert rest.client("signInWithPassword", email=email, password="x" * 71).message == "INVALID_PASSWORD"
    assert rest.client("signInWithPassword", email=email, password=password).status == 200


def test_what_is_no_hash_opens_for_nobody(rest: Rest) -> None:
    email = new_email()
    user = {"localId": "broken", "email": email, "passwordHash": b64(b"not a hash")}
    rest.admin("batchCreate", users=[user], hashAlgorithm="BCRYPT")
    assert rest.client("signInWithPassword", email=email, password="secret-1").message == "INVALID_PASSWORD"


def test_the_published_example_of_the_services_own_hash_signs_in(rest: Rest) -> None:
    assert rest.admin("batchCreate", users=[PUBLISHED_USER], **PUBLISHED).status == 200
    answer = rest.client("signInWithPassword", email="user1@test.com", password="user1password")
    assert answer.body["localId"] == PUBLISHED_USER["localId"]
    wrong = rest.client("signInWithPassword", email="user1@test.com", password="user2password")
    assert wrong.message == "INVALID_PASSWORD"


def test_a_project_with_the_published_parameters_exports_the_published_hash(rest: Rest) -> None:
    parameters = {name: value for name, value in PUBLISHED.items() if name != "hashAlgorithm"}
    config = {"signIn": {"hashConfig": {"algorithm": "SCRYPT", **parameters}}}
    assert rest.call("PATCH", "/emulator/v1/projects/published/config", config).status == 200
    assert rest.admin("batchCreate", project="published", users=[PUBLISHED_USER], **PUBLISHED).status == 200
    exported = rest.listed("published")[PUBLISHED_USER["localId"]]
    for name in ("passwordHash", "salt"):
        shown, given = exported[name], PUBLISHED_USER[name]
        assert base64.urlsafe_b64decode(shown) == base64.b64decode(given)


def test_an_export_can_be_imported_into_its_own_project_and_signs_in(rest: Rest) -> None:
    session = rest.signed_up("secret-7")
    exported = rest.listed()[session["localId"]]
    assert rest.admin("delete", localId=session["localId"]).status == 200
    imported = rest.admin("batchCreate", users=[exported], hashAlgorithm="SCRYPT", **own_parameters())
    assert imported.body == {"kind": "identitytoolkit#UploadAccountResponse"}
    again = rest.listed()[session["localId"]]
    assert {**again, "lastRefreshAt": None} == {**exported, "lastRefreshAt": None}
    assert rest.client("signInWithPassword", email=session["email"], password="secret-7").status == 200


def test_an_export_imported_with_other_parameters_does_not_sign_in(rest: Rest) -> None:
    session = rest.signed_up("secret-8")
    exported = rest.listed()[session["localId"]]
    for key, status in ((b64(b"x" * 64), 400), (HASH_CONFIG["signerKey"], 200)):
        parameters = {**own_parameters(), "hashAlgorithm": "SCRYPT", "signerKey": key}
        assert rest.admin("batchCreate", users=[exported], allowOverwrite=True, **parameters).status == 200
        assert bool(rest.listed()[session["localId"]]["passwordHash"]) == (status == 200)
        answer = rest.client("signInWithPassword", email=session["email"], password="secret-8")
        assert answer.status == status


def own_parameters() -> dict[str, Any]:
    return {name: value for name, value in HASH_CONFIG.items() if name != "algorithm"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "MISSING_HASH_ALGORITHM"),
        ({"hashAlgorithm": "ROT13"}, "INVALID_HASH_ALGORITHM"),
        ({"hashAlgorithm": "HMAC_SHA3", "signerKey": "aaaa"}, "INVALID_HASH_ALGORITHM"),
        ({"hashAlgorithm": "HMAC_SHA256"}, "INVALID_HASH_KEY"),
        ({"hashAlgorithm": "SHA256"}, "INVALID_HASH_ROUNDS"),
        ({"hashAlgorithm": "SHA256", "rounds": 0}, "INVALID_HASH_ROUNDS"),
        ({"hashAlgorithm": "PBKDF2_SHA256", "rounds": 120001}, "INVALID_HASH_ROUNDS"),
        ({**PUBLISHED, "memoryCost": 15}, "INVALID_HASH_MEMORY_COST"),
        ({**PUBLISHED, "rounds": 9}, "INVALID_HASH_ROUNDS"),
        ({"hashAlgorithm": "STANDARD_SCRYPT", **STANDARD, "cpuMemCost": 15}, "INVALID_HASH_MEMORY_COST"),
        ({"hashAlgorithm": "STANDARD_SCRYPT", **STANDARD, "cpuMemCost": 1 << 24}, "INVALID_HASH_MEMORY_COST"),
        ({"hashAlgorithm": "ARGON2"}, "INVALID_HASH_ALGORITHM"),
    ],
)
def test_parameters_nobody_could_verify_with_are_refused(
    rest: Rest, options: dict[str, Any], code: str
) -> None:
    before = rest.listed()
    users = [{"localId": "never", "passwordHash": "aaaa"}]
    answer = rest.admin("batchCreate", users=users, **options)
    assert (answer.status, answer.message.split(" :")[0]) == (400, code)
    assert rest.listed() == before
