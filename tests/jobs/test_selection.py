"""What is chosen by patterns is backed up and restored, and what is not chosen is never touched."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest
from content import State, client_of, fill, state_of
from world import World, entries

from shared.errors import BadInput
from shared.format.key import path_of
from shared.models.jobs import Choice, Selection
from shared.repository.tree import scan

NewWorld = Callable[..., World]


def seeded(new_world: NewWorld) -> tuple[World, State]:
    world = new_world()
    fill(client_of(world.settings.project))
    return world, state_of(world.settings.project)


def paths_of(world: World, backup_id: str) -> set[str]:
    repository = world.repository()
    root = repository.manifest(backup_id).roots["entries"]
    return {path_of(key) for keys, _ in scan(repository, root) for key in keys}


def below(path: str, *patterns: str) -> bool:
    return any(path == one or fnmatchcase(path, one) or path.startswith(one + "/") for one in patterns)


@pytest.mark.parametrize(
    ("include", "exclude", "meant"),
    [
        ((), ("users",), lambda path: not path.startswith("users/")),
        ((), ("shops/*/items", "odd"), lambda path: not path.startswith("odd/") and "/items/" not in path),
        (("shops/*/items",), (), lambda path: path.startswith("shops/") and "/items/" in path),
        (("shops", "users/u00?"), ("shops/s1",), lambda path: fnmatchcase(path, "users/u00?")
         or (path.startswith("shops/") and not below(path, "shops/s1"))),
        (("**/logs",), (), lambda path: "/logs/" in path),
    ],
    ids=["all-but-one", "all-but-some", "a-wildcard", "some-but-one", "anywhere"],
)  # fmt: skip
def test_a_backup_holds_exactly_what_is_chosen(
    new_world: NewWorld, include: tuple[str, ...], exclude: tuple[str, ...], meant: Callable[[str], bool]
) -> None:
    world, state = seeded(new_world)
    world.snapshot("b1", selection=entries(*include, exclude=exclude))
    wanted = {path for path in state if meant(path)}
    assert wanted
    assert paths_of(world, "b1") == wanted
    assert world.ports().catalog.backup("b1").metadata.items == len(wanted)


def test_an_exact_restore_leaves_alone_what_the_backup_left_out(new_world: NewWorld) -> None:
    world, before = seeded(new_world)
    client = client_of(world.settings.project)
    world.snapshot("b1", selection=entries("shops", "users", exclude=("shops/*/items",)))
    client.document("shops/s1").delete()
    client.document("shops/s1/items/new").set({"price": 1})
    client.document("shops/new").set({"open": False})
    client.document("odd/new").set({})
    world.restore("r1", "b1", exact=True)
    after = state_of(world.settings.project)
    assert after.keys() == before.keys() | {"shops/s1/items/new", "odd/new"}
    assert {path: after[path] for path in before} == before


def test_an_exact_restore_of_a_choice_leaves_alone_everything_else(new_world: NewWorld) -> None:
    world, before = seeded(new_world)
    client = client_of(world.settings.project)
    world.snapshot("b1")
    for path in ("shops/new", "shops/new/items/x", "users/new"):
        client.document(path).set({"new": True})
    client.document("users/u001").update({"age": -1})
    world.restore("r1", "b1", exact=True, selection=entries("shops", exclude=("shops/*/items",)))
    after = state_of(world.settings.project)
    assert after.keys() == before.keys() | {"shops/new/items/x", "users/new"}
    assert after["users/u001"] != before["users/u001"]


def test_asking_above_what_a_backup_covers_touches_only_that(new_world: NewWorld) -> None:
    world, before = seeded(new_world)
    client = client_of(world.settings.project)
    world.snapshot("b1", selection=entries("shops/s1", "shops/s2"))
    client.document("shops/s1/items/i1").delete()
    client.document("shops/s3/items/new").set({})
    world.restore("r1", "b1", exact=True, selection=entries("shops"))
    after = state_of(world.settings.project)
    assert after.keys() == before.keys() | {"shops/s3/items/new"}


def test_what_is_not_set_up_or_not_held_is_refused_by_name(new_world: NewWorld) -> None:
    world, before = seeded(new_world)
    world.snapshot("b1", selection=Selection(users=Choice()))
    assert "users" in str(world.errors[-1])
    assert world.ports().catalog.backup("b1").status == "failed"
    world.snapshot("b2", selection=entries("shops", exclude=("shops/s1",)))
    for number, asked in enumerate(
        (
            {"selection": Selection(media=Choice())},
            {"selection": entries("users")},
            {"documents": ("shops/s1",)},
            {"documents": ("users/u001",)},
        )
    ):
        world.restore(f"r{number}", "b2", **asked)
        assert isinstance(world.errors[-1], BadInput)
        assert world.ports().catalog.recovery(f"r{number}").status == "failed"
    assert state_of(world.settings.project) == before
