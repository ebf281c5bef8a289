"""What is damaged or lost is brought back from another place, or from what is live; nothing else is changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from content import client_of, fill
from world import World

from shared import wiring
from shared.jobs.remake import remake
from shared.jobs.repair import Elsewhere, Repaired, findings_of, mend
from shared.repository import Repository
from shared.repository.checking.steps import Steps
from shared.repository.findings import Tally
from shared.repository.layout import pack_key

NewWorld = Callable[..., World]
Damage = Callable[[Path], None]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def lose(path: Path) -> None:
    path.unlink()


DAMAGES = pytest.mark.parametrize("damage", [flip, cut, lose])


def backed_up(new_world: NewWorld) -> World:
    world = new_world()
    fill(client_of(world.settings.project), flat=200)
    world.snapshot("b1")
    return world


def home(world: World) -> Path:
    return Path(world.settings.repository)


def copied(world: World) -> list[Elsewhere]:
    """A second place that holds all of it."""
    there = home(world).with_name(home(world).name + "-copy")
    shutil.copytree(home(world), there)
    return [Elsewhere("second", wiring.provider_at(world.settings, str(there)))]


def salvaged(world: World) -> Repository:
    return wiring.open_repository(world.settings, salvage=True)


def packs_of(world: World) -> list[Path]:
    steps = Steps(world.repository(), Tally())
    assert steps.frame() == []
    return [home(world) / pack_key(pack) for pack in sorted(steps.walk("b1")[1])]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@DAMAGES
@pytest.mark.parametrize("kind", ["packs", "index", "snapshots"])
def test_any_damaged_object_comes_back_from_a_second_place(
    new_world: NewWorld, kind: str, damage: Damage
) -> None:
    world = backed_up(new_world)
    others, before = copied(world), contents(home(world))
    for path in [path for path in (home(world) / kind).rglob("*") if path.is_file()]:
        damage(path)
    assert findings_of(salvaged(world), ["b1"])
    done = Repaired()
    mend(salvaged(world), others, ["b1"], done)
    assert done.copied
    assert all(line.endswith(", from second") for line in done.copied)
    assert findings_of(salvaged(world), ["b1"]) == []
    after = contents(home(world))
    for line in done.copied:
        name = line.removesuffix(", from second")
        assert after[name] == before[name]


def test_what_is_whole_is_not_touched_and_a_second_time_there_is_nothing_to_do(new_world: NewWorld) -> None:
    world = backed_up(new_world)
    others, done = copied(world), Repaired()
    mend(salvaged(world), others, ["b1"], done)
    assert done.copied == []


def test_a_copy_that_is_damaged_itself_is_no_help(new_world: NewWorld) -> None:
    world = backed_up(new_world)
    flip(packs_of(world)[0])
    others, before = copied(world), contents(home(world))
    done = Repaired()
    mend(salvaged(world), others, ["b1"], done)
    assert done.copied == []
    assert contents(home(world)) == before
    assert findings_of(salvaged(world), ["b1"])


def leaf_pack(world: World, damage: Damage) -> Path:
    """A pack without inner nodes, damaged: these say where the leaves are."""
    for path in packs_of(world):
        kept = path.read_bytes()
        damage(path)
        lost = [one for one in findings_of(salvaged(world), ["b1"]) if one.lost is not None]
        if lost and all("leaf" in one.message for one in lost):
            return path
        path.write_bytes(kept)
    raise AssertionError("every pack holds inner nodes")


@DAMAGES
def test_leaves_are_made_anew_from_documents_that_have_not_changed(
    new_world: NewWorld, damage: Damage
) -> None:
    world = backed_up(new_world)
    root = world.repository().manifest("b1").roots
    path = leaf_pack(world, damage)
    done = Repaired()
    remake(world.ports(), salvaged(world), ["b1"], done)
    assert done.remade
    assert findings_of(salvaged(world), ["b1"]) == []
    assert world.repository().manifest("b1").roots == root
    assert not path.exists()
    client_of(world.settings.project).document("users/u003").delete()
    assert world.restore("r1", "b1")[-1].outcome == "completed"


def test_a_leaf_of_which_a_document_has_changed_stays_lost_and_nothing_is_thrown_away(
    new_world: NewWorld,
) -> None:
    world = backed_up(new_world)
    path = leaf_pack(world, flip)
    for document in client_of(world.settings.project).collection_group("users").stream():
        document.reference.update({"age": -1})
    for shop in range(6):
        client_of(world.settings.project).document(f"shops/s{shop}/items/i0").update({"price": -1})
    for name in ("ghosts/g0/logs/l0", "types/all", "odd/7"):
        client_of(world.settings.project).document(name).set({"changed": True})
    before = [(one.code, one.lost) for one in findings_of(salvaged(world), ["b1"])]
    done = Repaired()
    remake(world.ports(), salvaged(world), ["b1"], done)
    left = [(one.code, one.lost) for one in findings_of(salvaged(world), ["b1"])]
    assert left
    assert set(left) <= set(before)
    assert path.exists()


def test_a_content_without_a_source_here_is_left(new_world: NewWorld) -> None:
    world = backed_up(new_world)
    leaf_pack(world, flip)
    done = Repaired()
    remake(replace(world.ports(), sources={}), salvaged(world), ["b1"], done)
    assert done.remade == []
    assert findings_of(salvaged(world), ["b1"])
