"""The golden vectors: how they are made, and the file they are kept in.

`python tests/format/format_vectors.py` writes them anew; do so only together with a new format version.
Compressed bytes are not compared but opened: another zstd release may compress differently, and must open the same.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vectors"
sys.path.insert(0, str(FOLDER.parents[2]))

from shared.format.config import Config, Options, encode_config  # noqa: E402
from shared.format.index import Packs, encode_index, row_of  # noqa: E402
from shared.format.manifest import Manifest, Selected, seal_manifest  # noqa: E402
from shared.format.node import Root  # noqa: E402
from shared.format.pack import PackBuilder  # noqa: E402
from shared.format.seal import Base, Keys, Sealed, Sealer, derive, name_of  # noqa: E402
from shared.keys.wrapping import wrap_with  # noqa: E402
from shared.repository.master import encode_wrapped  # noqa: E402

MASTER, REPOSITORY = bytes(range(32)), bytes(range(100, 116))
PLAINTEXTS = {"empty": b"", "short": b"leaf", "long": b"".join(b'{"id":%d}' % n for n in range(400))}
CHANGED = PLAINTEXTS["long"].replace(b":123}", b":-1}")
LEAF, NODE, CHUNK = 1, 2, 3


def counting() -> Callable[[int], bytes]:
    """Randomness that is none: 1, 2, 3, …"""
    count = 0

    def random(length: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(length, "big")

    return random


def keys() -> Keys:
    return derive(MASTER, REPOSITORY)


def sealer(*, encrypt: bool, compress: bool) -> Sealer:
    return Sealer(keys(), counting(), encrypt=encrypt, compress=compress)


def manifest() -> Manifest:
    return Manifest(
        id="2026-03-29T01-00-00Z",
        at=datetime(2026, 3, 29, 1, 0, 0, 1, UTC),
        created=datetime(2026, 3, 29, 1, 2, 3, tzinfo=UTC),
        parent="2026-03-28T01-00-00Z",
        project="demo-firekeep",
        database="(default)",
        roots={"entries": Root(bytes(range(32)), 2, 10**12, 10**15)},
        selection={"entries": Selected(("users/é", "users/é"), ("users/*/cache",))},
        excluded={"backups": 7},
        skew={"users": 1.5},
        statistics={"bytes": 2**53 + 1, "ratio": 0.1},
        backup={"id": "b", "content": {"entries": ["a"]}, "error": None},
    )


def vectors() -> dict[str, Any]:
    """Everything that is pinned, by file."""
    return {
        "keys": _keys(),
        "ids": _ids(),
        "sealed": {
            name: _sealed(encrypt=encrypt) for name, encrypt in (("encrypted", True), ("open", False))
        },
        "objects": {
            name: _objects(encrypt=encrypt) for name, encrypt in (("encrypted", True), ("open", False))
        },
    }


def compressed() -> dict[str, str]:
    """Compressed and patched blobs, to be opened for ever after."""
    found = {}
    for name, encrypt in (("encrypted", True), ("open", False)):
        one = sealer(encrypt=encrypt, compress=True)
        long, base_id = PLAINTEXTS["long"], one.identify(LEAF, PLAINTEXTS["long"])
        whole = one.seal(LEAF, base_id, long)
        patch = one.seal(LEAF, one.identify(LEAF, CHANGED), CHANGED, Base(base_id, long, 10**6))
        found[f"{name} whole"], found[f"{name} patch"] = whole.data.hex(), patch.data.hex()
    return found


def _keys() -> dict[str, Any]:
    made = keys()
    return {
        "master": MASTER.hex(),
        "repository": REPOSITORY.hex(),
        "id": made.id.hex(),
        "blob": made.blob.hex(),
        "metadata": made.metadata.hex(),
        "config": made.config.hex(),
        "chunker seed": str(made.chunker_seed),
    }


def _ids() -> dict[str, str]:
    one = sealer(encrypt=True, compress=False)
    return {
        f"{kind} {name}": one.identify(kind, data).hex()
        for kind in (LEAF, NODE, CHUNK)
        for name, data in PLAINTEXTS.items()
    }


def _sealed(*, encrypt: bool) -> dict[str, str]:
    one = sealer(encrypt=encrypt, compress=False)
    blobs = {
        name: one.seal(LEAF, one.identify(LEAF, data), data).data.hex() for name, data in PLAINTEXTS.items()
    }
    return {**blobs, "metadata": one.seal_metadata(b"label", b"data").hex()}


def _objects(*, encrypt: bool) -> dict[str, str]:
    one = sealer(encrypt=encrypt, compress=False)
    builder = PackBuilder()
    for kind, data in ((LEAF, b"leaf"), (NODE, b"node"), (LEAF, b"patched")):
        builder.add(kind, one.identify(kind, data), one.seal(kind, one.identify(kind, data), data))
    base = one.identify(LEAF, b"leaf")
    builder.add(LEAF, b"\x80" * 32, Sealed(b"stands for a patch", 4, base))
    name, pack = builder.finish(one)
    index = encode_index([Packs(name, len(pack))], [row_of(name, entry) for entry in builder.entries], one)
    options = Options(encryption=encrypt, compression=False)
    config = encode_config(Config(REPOSITORY, options, None if encrypt else MASTER), keys().config)
    wrapped = wrap_with(b"k" * 32, "file", {"n": 16, "salt": "AA=="}, MASTER, REPOSITORY, nonce=b"n" * 12)
    objects = {
        "pack": pack,
        "index": index,
        "snapshot": seal_manifest(manifest(), one),
        "config": config,
        "wrapped key": encode_wrapped(wrapped, REPOSITORY),
    }
    return {
        "pack name": name.hex(),
        "index name": name_of(index).hex(),
        **{kind: base64.b64encode(data).decode() for kind, data in objects.items()},
    }


def write() -> None:
    for name, value in {**vectors(), "compressed": compressed()}.items():
        (FOLDER / f"{name}.json").write_text(
            json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    write()
