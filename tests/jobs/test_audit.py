"""The audit names each document that points to a file or an account its cut does not hold, and no other."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from google.cloud.firestore_v1 import _helpers
from google.cloud.firestore_v1.types import Document
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import SystemClock
from shared.format import flat
from shared.format.config import Options
from shared.format.key import key_of_path
from shared.jobs.audit import Audit, audit, references
from shared.jobs.selecting import chosen
from shared.providers.local import LocalProvider
from shared.repository import Repository
from shared.repository.tree import Root, build

BUCKET = "my-app.firebasestorage.app"
URL = f"https://firebasestorage.googleapis.com/v0/b/{BUCKET}/o/"


def record(**fields: object) -> bytes:
    return bytes(Document.serialize(Document(fields=_helpers.encode_dict(fields))))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    provider = LocalProvider(tmp_path / "repository", SystemClock(), secrets.token_bytes)
    return Repository.create(provider, [], Options(encryption=False), secrets.token_bytes)


def audited(
    repository: Repository,
    documents: Mapping[str, bytes],
    files: tuple[str, ...] = (),
    users: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
) -> Audit:
    trees = {
        "entries": {key_of_path(path): value for path, value in documents.items()},
        "media": {flat.encode(BUCKET, name): b"" for name in files},
        "users": {flat.encode("", uid): b"" for uid in users},
    }
    roots: dict[str, Root] = {}
    with repository.writer() as writer:
        for name, records in trees.items():
            items = sorted(records.items())
            batch = ([key for key, _ in items], [value for _, value in items])
            roots[name] = build(writer, repository.chunking, [batch] if items else [])
        writer.flush()
    return audit(repository, roots, chosen("media", exclude=exclude))


def test_each_way_of_naming_a_file_is_followed(repository: Repository) -> None:
    there, gone = "a b/ü.png", "gone/x y.png"
    documents = {
        f"posts/{kind}{number}": record(text=text, deep={"list": [{"in": 1}]})
        for number, name in enumerate((there, gone))
        for kind, text in {
            "gs": f"gs://{BUCKET}/{name}",
            "download": f"{URL}{quote(name, safe='')}?alt=media&token=abc",
            "public": f"https://storage.googleapis.com/{BUCKET}/{quote(name)}",
        }.items()
    }
    found = audited(repository, documents, files=(there,))
    assert (found.documents, found.files, found.accounts, found.whole) == (6, 3, 0, True)
    assert [line.split()[0] for line in found.told] == ["posts/download1", "posts/gs1", "posts/public1"]
    assert all(f"{BUCKET}/gone/x" in line for line in found.told)


def test_references_are_found_at_every_nesting_and_within_text(repository: Repository) -> None:
    address = f"gs://{BUCKET}/one.png"
    documents = {
        "a/map": record(m={"n": {"o": address}}),
        "a/list": record(l=["x", address, 7, {"p": address}]),
        "a/text": record(t=f"see {address}, and more"),
        "a/last": record(a=1, z=address),
    }
    assert audited(repository, documents, files=("one.png",)).files == 0
    assert audited(repository, documents, files=("two.png",)).files == 5


def test_what_the_cut_does_not_cover_is_not_missed(repository: Repository) -> None:
    documents = {
        "a/elsewhere": record(t="gs://another-bucket/x"),
        "a/left-out": record(t=f"gs://{BUCKET}/cache/x"),
        "a/no-file": record(t="gs://"),
    }
    assert audited(repository, documents, files=("x",), exclude=(f"{BUCKET}/cache",)).files == 0


def test_documents_named_by_accounts_need_them(repository: Repository) -> None:
    documents = {f"users/{uid}": record(n=1) for uid in ("u1", "u2", "u3")} | {
        "users/u3/notes/n": record(n=1)
    }
    found = audited(repository, documents, users=("u1", "u3"))
    assert (found.accounts, found.told) == (1, ["users/u2 belongs to an account that is not there"])
    assert audited(repository, documents, users=("other",)).accounts == 0


@given(st.binary(max_size=200))
def test_any_bytes_can_be_looked_through(value: bytes) -> None:
    for bucket, names in references(b"gs://bucket/" + value):
        assert bucket
        assert names


def test_accounts_whose_passwords_nobody_can_read_are_named(repository: Repository) -> None:
    records = {
        "hidden": b'{"email":"a@example.com","passwordHash":""}',
        "known": b'{"email":"b@example.com","passwordHash":"aGFzaA=="}',
        "none": b'{"displayName":"\\"passwordHash\\":\\"\\""}',
    }
    with repository.writer() as writer:
        batch = ([flat.encode("", uid) for uid in records], list(records.values()))
        root = build(writer, repository.chunking, [batch])
        writer.flush()
    found = audit(repository, {"users": root}, None)
    assert (found.passwords, found.told) == (1, ["account /hidden has a password whose hash cannot be read"])
