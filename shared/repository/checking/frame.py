"""What surrounds the trees: the configuration, the wrapped keys, the indexes, and which packs there are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from shared.errors import FirekeepError
from shared.repository.checking.scene import Scene, attempt
from shared.repository.findings import Finding, of_error
from shared.repository.layout import CONFIG, INDEX, KEYS, PACKS, hash_in, pack_key
from shared.repository.master import decode_wrapped


def check_frame(scene: Scene) -> Iterator[Finding]:
    """Reads them all again, and fills the scene's index and list of packs."""
    yield from attempt(CONFIG, scene.repository.check_config)
    scene.tally.objects += 1
    yield from _keys(scene)
    yield from _indexes(scene)
    yield from _packs(scene)


def _keys(scene: Scene) -> Iterator[Finding]:
    findings: list[Finding] = []
    ours = 0
    for key in scene.listed(KEYS, findings):
        try:
            owner, _ = decode_wrapped(scene.named(key), f"object {key}")
        except FirekeepError as error:
            findings.append(of_error(error, key))
            continue
        ours += owner == scene.repository.id
    yield from findings
    if not ours and scene.repository.options.encryption:
        yield Finding(
            "missing", KEYS, "no wrapped master key of this repository is whole: nobody can open it again"
        )


def _indexes(scene: Scene) -> Iterator[Finding]:
    findings: list[Finding] = []
    for key in scene.listed(INDEX, findings):
        findings += attempt(key, partial(_take, scene, key))
    yield from findings


def _take(scene: Scene, key: str) -> None:
    scene.store.take(key, scene.named(key))


def _packs(scene: Scene) -> Iterator[Finding]:
    try:
        for found in scene.store.provider.list(PACKS):
            pack = hash_in(found.key)
            if pack is None or pack_key(pack) != found.key:
                yield Finding("mismatch", found.key, f"object {found.key} does not have the name of a pack")
            else:
                scene.sizes[pack] = found.size
    except FirekeepError as error:
        yield of_error(error, PACKS)
