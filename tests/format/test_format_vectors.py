"""The format is frozen: the same input gives the pinned bytes, and the pinned bytes open."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from format_vectors import CHANGED, FOLDER, LEAF, PLAINTEXTS, keys, manifest, sealer, vectors

from shared.format.config import check_config, parse_config
from shared.format.index import parse_index
from shared.format.manifest import open_manifest
from shared.format.pack import parse_pack


def pinned(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["keys", "ids", "sealed", "objects"])
def test_the_bytes_are_the_pinned_ones(name: str) -> None:
    assert vectors()[name] == pinned(name)


@pytest.mark.parametrize(("name", "encrypt"), [("encrypted", True), ("open", False)])
def test_pinned_compressed_blobs_and_patches_open(name: str, encrypt: bool) -> None:
    one, long = sealer(encrypt=encrypt, compress=True), PLAINTEXTS["long"]
    base_id = one.identify(LEAF, long)

    def base(wanted: bytes) -> bytes:
        assert wanted == base_id
        return long

    whole, patch = (bytes.fromhex(pinned("compressed")[f"{name} {kind}"]) for kind in ("whole", "patch"))
    assert one.open(LEAF, base_id, whole, len(long), base) == long
    assert one.open(LEAF, one.identify(LEAF, CHANGED), patch, len(CHANGED), base) == CHANGED
    assert len(patch) < len(whole) < len(long)


@pytest.mark.parametrize(("name", "encrypt"), [("encrypted", True), ("open", False)])
def test_pinned_objects_open(name: str, encrypt: bool) -> None:
    objects, one = pinned("objects")[name], sealer(encrypt=encrypt, compress=False)
    data = {kind: base64.b64decode(objects[kind]) for kind in ("pack", "index", "snapshot", "config")}
    entries = parse_pack(data["pack"], one, "pack")
    packs, rows = parse_index(data["index"], one, "index")
    assert [entry.kind for entry in entries] == [1, 2, 1, 1]
    assert [pack.id.hex() for pack in packs] == [objects["pack name"]]
    assert sorted(entry.id for entry in entries) == [row[:32] for row in rows]
    assert open_manifest(manifest().id, data["snapshot"], one) == manifest()
    assert parse_config(data["config"]).options.encryption is encrypt
    check_config(data["config"], keys().config)
