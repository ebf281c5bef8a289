"""What happens in between: accounts that change while a password is being hashed, patches of settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from emulators.auth.call import Call, Caller, World
from emulators.auth.hashing import FirebaseScrypt, Secret
from emulators.auth.masks import patched, without
from emulators.auth.operations.signing_in import with_password
from emulators.auth.refusal import Refused

SCHEME = FirebaseScrypt(b"key", b"", rounds=1, memory_cost=1)


class Interrupted(Executor):
    """Does the work at once, then something else."""

    def __init__(self, then: Callable[[], object]) -> None:
        self._then = then

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*arguments))
        self._then()
        return future


@pytest.mark.parametrize("change", ["deleted", "new password", "nothing"])
def test_a_password_that_goes_while_it_is_verified_opens_nothing(change: str) -> None:
    def then() -> None:
        if change == "deleted":
            realm.accounts.remove("u")
        elif change == "new password":
            realm.accounts.put(record, Secret(SCHEME, b"other", b""))

    world = World("p", lambda: 1e9, bytes, Interrupted(then))
    realm = world.realms.project("p")
    realm.scheme = SCHEME
    record = {"localId": "u", "email": "a@b.c"}
    realm.accounts.put(record, Secret(SCHEME, SCHEME.digest(b"secret-1", b"", 0), b""))
    call = Call(world, realm, Caller(), {"email": "a@b.c", "password": "secret-1"}, {}, 1e9)
    if change == "nothing":
        assert asyncio.run(with_password(call))["localId"] == "u"
        return
    with pytest.raises(Refused, match="INVALID_PASSWORD"):
        asyncio.run(with_password(call))
    account = realm.accounts.get("u")
    assert account is None or account.secret == Secret(SCHEME, b"other", b"")


@pytest.mark.parametrize(
    ("document", "changes", "mask", "expected"),
    [
        ({"a": 1}, {"b": {"c": 2}}, "", {"a": 1, "b": {"c": 2}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, "", {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, "a", {"a": {"b": 3}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 4}}, "a.c", {"a": {"b": 1, "c": 4}}),
        ({"a": {"b": 1}}, {}, "a.b", {"a": {}}),
        ({"a": 1}, {}, "x.y.z,w", {"a": 1}),
        ({"a": 1}, {"a": {"b": 2}}, "a.b", {"a": {"b": 2}}),
        ({"a": 1}, {"a": {}}, "", {"a": 1}),
        ({"a": 1}, {"b": []}, "", {"a": 1, "b": []}),
    ],
)
def test_a_patch_changes_what_its_mask_names(
    document: dict[str, Any], changes: dict[str, Any], mask: str, expected: dict[str, Any]
) -> None:
    before = repr(document)
    assert patched(document, changes, mask) == expected
    assert repr(document) == before


def test_what_only_the_service_sets_is_taken_out() -> None:
    assert without({"a": {"b": 1, "c": 2}, "d": 3}, "a.b", "d", "x.y") == {"a": {"c": 2}}
