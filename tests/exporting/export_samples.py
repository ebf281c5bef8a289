"""Repositories with hostile content of every kind: documents of all types, files with awkward names, accounts."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import google_crc32c
from google.cloud.firestore_v1.types import Document

from shared.clock import SystemClock
from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.format import canonical, flat, user
from shared.format.config import Options
from shared.format.key import key_of_path
from shared.format.manifest import Manifest
from shared.format.media import LISTED, Chunk, Content, Media, encode, encode_chunk
from shared.keys.contract import Keyring
from shared.keys.local import KeyFile, create_key_file
from shared.keys.passphrase import Passphrase
from shared.providers.local import LocalProvider
from shared.repository import Repository
from shared.repository.blobs import BlobKind
from shared.repository.files import put_file
from shared.repository.tree import Root, build, edit
from shared.repository.tuning import Tuning

SIZES = {"leaf_target": 2048, "leaf_min": 512, "leaf_max": 8192, "fan_target": 8, "fan_min": 3, "fan_max": 16}
AT = datetime(2026, 3, 29, 1, 59, 59, 999_999, UTC)
DocumentPb: Any = Document.pb()
Model = dict[bytes, bytes]
PHRASE = "Grüße 1"

NAMES = (
    "a", "a/b", "A", "é/x", "e\u0301/x", "../../etc/passwd", "..", "//", "a//b", " lead", "end.", "C:\\x", "🜁",
    "con", "x" * 1000, "new\nline", "tab\t%2F", "empty", "large", "~", "zip/../../slip",
)  # fmt: skip


def values() -> dict[str, Any]:
    """One of every value, hostile members among them, alone and nested."""
    make: Any = type(DocumentPb().fields["x"])
    plain: dict[str, Any] = {
        "null": make(null_value=0), "true": make(boolean_value=True), "false": make(boolean_value=False),
        "int": make(integer_value=2**63 - 1), "least": make(integer_value=-(2**63)), "zero": make(integer_value=0),
        "-0.0": make(double_value=-0.0), "tiny": make(double_value=5e-324), "third": make(double_value=1 / 3),
        "one": make(double_value=1.0), "nan": make(double_value=float("nan")), "inf": make(double_value=float("-inf")),
        "text": make(string_value="=1+1 'zwölf' \"日本\" \x00\x1f\u2028"), "no text": make(string_value=""),
        "bytes": make(bytes_value=bytes(range(256))), "no bytes": make(bytes_value=b""),
        "own": make(reference_value="databases/(default)/documents/a/b"),
        "foreign": make(reference_value="projects/other/databases/(default)/documents/a/b"),
        "geo": make(geo_point_value={"latitude": -90.0, "longitude": 179.9999999999}),
        "origin": make(geo_point_value={}), "time": make(timestamp_value={"seconds": 1, "nanos": 999999000}),
        "first": make(timestamp_value={"seconds": -62135596800}), "epoch": make(timestamp_value={}),
        "array": make(array_value={}), "map": make(map_value={}),
    }  # fmt: skip
    vector = make()
    vector.map_value.fields["__type__"].string_value = "__vector__"
    for x in (1.0, -0.0, 2.5):
        vector.map_value.fields["value"].array_value.values.add(double_value=x)
    plain["vector"] = vector
    deep = {}
    for name, value in plain.items():
        made = make()
        inner = made.array_value.values.add().map_value.fields["`odd.\n/"]
        inner.CopyFrom(value)
        deep[f"deep {name}"] = made
    return {**plain, **deep}


def document(fields: Mapping[str, Any]) -> bytes:
    """A record as a server would send it."""
    made = DocumentPb()
    for name, value in fields.items():
        made.fields[name].CopyFrom(value)
    made.create_time.FromDatetime(AT)
    made.update_time.FromDatetime(AT)
    out: bytes = made.SerializeToString(deterministic=True)
    return out


def documents(count: int = 120) -> Model:
    """Documents of every type at paths that collide in prefixes, look alike, or need escapes."""
    make: Any = type(DocumentPb().fields["x"])
    every, chance = values(), Random(5)
    found = {
        f"users/u{number:04}": document(
            {"n": make(integer_value=number), "t": make(string_value=chance.randbytes(40).hex())}
        )
        for number in range(count)
    }
    found |= {f"shops/s{number}/items/i{number}": document({}) for number in range(9)}
    for name in ("é", "e\u0301", "a b", "__id7__", "__id-9__", "7", "\x01\x02", "x\x00y", "🜁", "=cmd()"):
        picked = dict(chance.sample(sorted(every.items()), 5))
        found[f"odd/{name}"] = document(picked)
    found["types/all"] = document(every)
    # A NaN with bits of its own, in a field `n`.
    found["types/nan"] = b"\x12\x0e\x0a\x01n\x12\x09\x19" + bytes.fromhex("010000000000f8ff")
    return {key_of_path(path): value for path, value in found.items()}


def file_record(data: bytes, content: Content, **more: Any) -> bytes:
    crc = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
    return encode(Media({"size": len(data), "crc32c": crc, **more}, content))


def files() -> dict[str, bytes]:
    """Content by name."""
    chance = Random(6)
    found = {name: chance.randbytes(chance.randrange(1, 3000)) for name in NAMES}
    return found | {"empty": b"", "large": chance.randbytes(LISTED * 40 + 4000)}


def accounts() -> Model:
    found = {
        ("", "u1"): {
            "email": "=a@example.org",
            "passwordHash": "aG-_aA==",
            "salt": "c2FsdA==",
            "createdAt": "1",
        },
        ("", "ü/2"): {
            "customAttributes": '{"admin":true}',
            "lastLoginAt": "5",
            "mfaInfo": [{"phoneInfo": "+1"}],
        },
        ("tenant-1", "u1"): {
            "disabled": True,
            "providerUserInfo": [{"providerId": "google.com", "rawId": "7"}],
        },
    }
    return {flat.encode(*name): user.encode(value) for name, value in found.items()}


def settings() -> Model:
    """A resource, and a document."""
    rules = canonical.encode({"kind": "rules", "resource": {"source": "allow read: if false;\n"}})
    return {
        key_of_path("firestore/rules"): b"\xe1" + rules,
        key_of_path("firestore/documents/config/app"): b"\xe2" + document({"v": values()["deep text"]}),
    }


def put_files(repository: Repository, writer: Any) -> Model:
    found: Model = {}
    for name, data in files().items():
        content: Content
        if name == "large":
            cut = [data[at : at + 40] for at in range(0, len(data), 40)]
            chunks = [Chunk(writer.put(BlobKind.CHUNK, piece), len(piece)) for piece in cut]
            offsets = itertools.accumulate((len(piece) for piece in cut[:-1]), initial=0)
            keys = [offset.to_bytes(8, "big") for offset in offsets]
            content = build(writer, repository.chunking, [(keys, list(map(encode_chunk, chunks)))])
        else:
            content = put_file(writer, repository.chunking, [data])
        md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
        more = {"md5Hash": md5} if name != "large" else {}
        told = {"contentType": "image/png", "metadata": {"firebaseStorageDownloadTokens": "t-1"}}
        found[flat.encode("bucket.example", name)] = file_record(data, content, **told, **more)
    return found


def tree(repository: Repository, writer: Any, model: Model) -> Root:
    keys = sorted(model)
    return build(writer, repository.chunking, [(keys, [model[key] for key in keys])])


def manifest(name: str, roots: Mapping[str, Root], at: datetime = AT) -> Manifest:
    return Manifest(
        id=name, at=at, created=at, parent=None, project="demo-export", database="(default)", roots=roots
    )


@dataclasses.dataclass
class Made:
    """A repository with the snapshots `first` and `second`, and where its key is."""

    repository: Repository
    folder: Path
    key: Path | None


def make(folder: Path, *, encryption: bool = True, compression: bool = True) -> Made:
    """Two snapshots; the second one's documents differ a little, so that leaves of it are patches."""
    options = Options(encryption=encryption, compression=compression, **SIZES)  # type: ignore[arg-type]
    key = folder / "key"
    rings: list[Keyring] = []
    if encryption:
        create_key_file(key, os.urandom)
        rings += [KeyFile(key, os.urandom), Passphrase(PHRASE, os.urandom, cost=16)]
    place = folder / "repository"
    provider = LocalProvider(place, SystemClock(), os.urandom)
    tuning = Tuning(pack_bytes=16 << 10)
    repository = Repository.create(provider, rings, options, os.urandom, tuning)
    with repository.writer() as writer:
        roots = {ENTRIES: tree(repository, writer, documents())}
        roots[MEDIA] = tree(repository, writer, put_files(repository, writer))
        roots |= {USERS: tree(repository, writer, accounts()), SETTINGS: tree(repository, writer, settings())}
        writer.flush()
    repository.commit(manifest("first", roots))
    changed = document({"changed": values()["text"]})
    changes: Iterable[tuple[bytes, bytes | None]] = sorted(
        (key_of_path(f"users/u{number:04}"), changed) for number in range(0, 120, 9)
    )
    with repository.writer() as writer:
        second = edit(writer, repository.chunking, roots[ENTRIES], changes)
        writer.flush()
    repository.commit(manifest("second", {**roots, ENTRIES: second}, AT.replace(month=4)))
    return Made(repository, place, key if encryption else None)
