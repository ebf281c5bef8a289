"""Shares: only whom they are for can open them, nothing can be changed or cut off, and they end."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import zipfile
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.cloud import storage
from google.oauth2 import service_account

from shared.errors import BadInput, Corrupt, FirekeepError, Unsupported, WrongKey
from shared.exporting.linking import CloudLinks, store_links
from shared.exporting.sealing import CHUNK, MAGIC, ForPassphrase, ForPublicKey, Sealing, new_pair, unseal
from shared.repository.check import ALL, check_structure
from tests.exporting.conftest import Run
from tests.exporting.export_samples import Made, files

PRIVATE, PUBLIC = new_pair(os.urandom)
PHRASE = "Grüße, \u00e9"


def sealed(data: bytes, recipient: Any) -> bytes:
    out = io.BytesIO()
    sealing = Sealing(out, recipient, "zip", os.urandom)
    for at in range(0, len(data), 300_000):
        sealing.write(data[at : at + 300_000])
    sealing.close()
    return out.getvalue()


def opened(share: bytes, **secret: str) -> bytes:
    form, pieces = unseal(io.BytesIO(share), **secret)  # type: ignore[arg-type]
    assert form == "zip"
    return b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_sealed_comes_out(size: int) -> None:
    data = Random(size).randbytes(size)
    assert opened(sealed(data, ForPublicKey(PUBLIC)), private=PRIVATE + "\n") == data
    assert opened(sealed(data, ForPassphrase(PHRASE, 16)), phrase="Gru\u0308ße, e\u0301") == data


def test_a_share_is_opened_by_following_the_documentation() -> None:
    """With `cryptography` alone: what is sealed today can be opened by whoever reads docs/export.md."""
    data = Random(3).randbytes(CHUNK + 5)
    share = sealed(data, ForPublicKey(PUBLIC))
    size = int.from_bytes(share[8:12], "little")
    start, chunks = share[: 12 + size], share[12 + size :]
    own = X25519PrivateKey.from_private_bytes(base64.b64decode(PRIVATE.split()[1]))
    theirs = X25519PublicKey.from_public_bytes(base64.b64decode(json.loads(start[12:])["key"]))
    info = b"firekeep/1/share" + base64.b64decode(PUBLIC.split()[1])
    digest = hashlib.sha256(start).digest()
    cipher = AESGCM(HKDF(SHA256(), 32, salt=digest, info=info).derive(own.exchange(theirs)))
    first, last = chunks[: CHUNK + 16], chunks[CHUNK + 16 :]
    nonces = (bytes(12), (1).to_bytes(11, "big") + b"\x01")
    assert cipher.decrypt(nonces[0], first, None) + cipher.decrypt(nonces[1], last, None) == data


def test_no_other_secret_opens_it() -> None:
    other, _ = new_pair(os.urandom)
    for_key, for_phrase = sealed(b"x", ForPublicKey(PUBLIC)), sealed(b"x", ForPassphrase(PHRASE, 16))
    for share, secret in (
        (for_key, {"private": other}),
        (for_key, {"phrase": PHRASE}),
        (for_phrase, {"phrase": PHRASE + " "}),
        (for_phrase, {"private": PRIVATE}),
    ):
        with pytest.raises(WrongKey):
            opened(share, **secret)


def test_any_flipped_bit_and_any_cut_is_found() -> None:
    share = sealed(Random(1).randbytes(2 * CHUNK + 9), ForPublicKey(PUBLIC))
    head = 12 + int.from_bytes(share[8:12], "little")
    for at in [*range(head), head, head + CHUNK, head + 2 * CHUNK, len(share) - 1]:
        changed = bytearray(share)
        changed[at] ^= 1
        with pytest.raises(FirekeepError):
            opened(bytes(changed), private=PRIVATE)
    chunk = CHUNK + 16
    moved = share[:head] + share[head + chunk : head + 2 * chunk] + share[head : head + chunk]
    for other in (
        share[:5],
        share[:head],
        share[:-1],
        share[: head + chunk],
        share[: head + 2 * chunk],
        share + b"\0",
        share + share[-25:],
        moved + share[head + 2 * chunk :],
    ):
        with pytest.raises(FirekeepError):
            opened(other, private=PRIVATE)


def test_the_same_export_is_never_sealed_the_same() -> None:
    assert len({sealed(b"same", ForPublicKey(PUBLIC)) for _ in range(4)}) == 4


@pytest.mark.parametrize("cost", ['"n":2097152,"p":1,"r":8', '"n":1048576,"p":1,"r":16', '"n":3,"p":1,"r":8'])
def test_a_header_cannot_ask_for_all_memory(cost: str) -> None:
    header = f'{{"form":"zip",{cost},"salt":"AAAAAAAAAAAAAAAAAAAAAA=="}}'.encode()
    share = MAGIC + len(header).to_bytes(4, "little") + header + bytes(17)
    with pytest.raises(BadInput):
        opened(share, phrase=PHRASE)


def done(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.fixture
def key(run: Run, tmp_path: Path) -> tuple[Path, str]:
    """A private key's file, and the public key."""
    file = tmp_path / "private"
    made = done(run("share", "keygen", "--output", file, "--json"))
    assert file.stat().st_mode & 0o777 == 0o600
    return file, made["publicKey"]


@pytest.mark.parametrize("form", ["zip", "jsonl", "parquet"])
def test_a_share_is_fetched_opened_listed_and_revoked(
    made: Made, run: Run, key: tuple[Path, str], tmp_path: Path, form: str
) -> None:
    private, public = key
    share = done(run("share", "create", "latest", "--for-public-key", public, "--format", form, "--json"))
    at = Path(share["url"])
    assert at.read_bytes().startswith(MAGIC)
    listed = done(run("share", "list", "--json"))["shares"]
    assert [one["status"] for one in listed if one["id"] == share["id"]] == ["active"]

    out = tmp_path / "out"
    done(run("share", "open", at, "--private-key", private, "--output", out, "--json"))
    if form == "zip":
        assert sum(name.startswith("media/") for name in zipfile.ZipFile(out).namelist()) == len(files())
    else:
        assert run("export", "latest", "--format", form, "--output", tmp_path / "direct").exit_code == 0
        assert out.read_bytes() == (tmp_path / "direct").read_bytes()

    done(run("share", "revoke", share["id"], "--json"))
    assert not at.exists()
    assert done(run("share", "list", "--json"))["shares"] == []
    assert run("share", "revoke", share["id"]).exit_code == 3


def test_shares_are_no_damage_to_the_repository_and_their_notes_are_sealed(made: Made, run: Run) -> None:
    share = done(run("share", "create", "first", "--only", "users", "--for-public-key", PUBLIC, "--json"))
    assert list(check_structure(made.repository, ALL)) == []
    note = made.folder / f"{share['object']}.note"
    assert b"zip" not in note.read_bytes()
    data = bytearray(note.read_bytes())
    data[-1] ^= 1
    note.chmod(0o600)
    note.write_bytes(data)
    assert run("share", "list").exit_code == Corrupt.exit_status
    data[-1] ^= 1
    note.write_bytes(data)
    done(run("share", "revoke", share["id"], "--json"))


def test_an_expired_share_is_told_and_pruned_and_others_stay(made: Made, run: Run) -> None:
    from shared.clock import SystemClock
    from shared.exporting.sharing import Share, Shares

    shares = Shares(made.repository.store.provider, made.repository.store.sealer)
    now = SystemClock().now()
    for name, lasts in (("over", -1), ("going", 60)):
        ends = now + timedelta(seconds=lasts)
        shares.add(Share(name, now, ends, "first", "zip", "passphrase", {"users": 1}, 3), b"abc")

    listed = {one["id"]: one["status"] for one in done(run("share", "list", "--json"))["shares"]}
    assert listed == {"over": "expired", "going": "active"}
    assert done(run("share", "prune", "--json"))["deleted"] == ["over"]
    assert [share.id for share in shares.all()] == ["going"]
    assert not (made.folder / "shares" / "over").exists()
    done(run("share", "revoke", "going", "--json"))


def test_an_interrupted_creation_leaves_a_note_that_says_so_and_is_pruned(made: Made, run: Run) -> None:
    from shared.clock import SystemClock
    from shared.exporting.sharing import Share, Shares

    shares = Shares(made.repository.store.provider, made.repository.store.sealer)
    now = SystemClock().now()
    shares.add(Share("half", now, now + timedelta(days=1), "first", "zip", "passphrase", {}, 3), b"abc")
    made.repository.store.provider.delete("shares/half")
    assert [one["status"] for one in done(run("share", "list", "--json"))["shares"]] == ["gone"]
    assert done(run("share", "prune", "--json"))["deleted"] == ["half"]


@pytest.mark.parametrize("words", [(), ("--for-public-key", "nonsense"), ("--expires", "soon")])
def test_what_cannot_be_shared_stores_nothing(made: Made, run: Run, words: tuple[str, ...]) -> None:
    extra = ("--for-public-key", PUBLIC) if words[:1] == ("--expires",) else ()
    assert run("share", "create", "latest", *words, *extra).exit_code == 2
    assert list(made.repository.store.provider.list("shares/")) == []


def test_google_links_are_signed_and_end() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    told = {
        "client_email": "a@b.iam.gserviceaccount.com",
        "token_uri": "https://x",
        "private_key": pem.decode(),
    }
    credentials = service_account.Credentials.from_service_account_info(told)
    bucket = storage.Client("p", credentials=credentials).bucket("bucket")
    links = CloudLinks(bucket, "place/")

    parts = requests.utils.urlparse(links.link("shares/x", timedelta(hours=2)))
    assert parts.path == "/bucket/place/shares/x"
    assert "X-Goog-Expires=7200" in parts.query
    assert "X-Goog-Signature=" in parts.query
    with pytest.raises(Unsupported):
        links.link("shares/x", timedelta(days=8))


def test_who_cannot_sign_is_told_and_the_share_needs_no_link() -> None:
    from google.auth.credentials import AnonymousCredentials

    bucket = storage.Client("p", credentials=AnonymousCredentials()).bucket("bucket")
    with pytest.raises(Unsupported):
        CloudLinks(bucket, "").link("shares/x", timedelta(hours=2))


def test_links_of_s3_are_signed_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = store_links("s3", "bucket", "place/", "http://127.0.0.1:9").link("shares/x", timedelta(hours=2))
    assert found.startswith("http://127.0.0.1:9/bucket/place/shares/x?")
    assert "X-Amz-Expires=7200" in found
