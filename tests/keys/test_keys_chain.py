"""Keys come and go, and there is always one that opens."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import grpc
import pytest
from keys_samples import chain, disk, key_file, made, opens, phrase
from keys_services import KEY, SECRET, Services

from shared.errors import (
    BadInput,
    Conflict,
    Corrupt,
    Denied,
    FirekeepError,
    Missing,
    NotFound,
    Unavailable,
    WrongKey,
)
from shared.format.seal import NONCE_BYTES
from shared.keys.contract import Keyring, Wrapped
from shared.keys.kms import CloudKms
from shared.keys.known import KIT, KnownKey, key_id
from shared.keys.secret import SecretManager
from shared.keys.wrapping import wrap_with
from shared.providers.contract import Stat
from shared.providers.local import LocalProvider
from shared.repository import Repository
from shared.repository.keychain import Keychain, list_keys
from shared.repository.master import encode_wrapped, find_master


def test_each_kind_is_told_without_opening(tmp_path: Path, services: Services) -> None:
    store = made(
        tmp_path / "r",
        phrase("right"),
        key_file(tmp_path / "key"),
        KnownKey(b"k" * 32, os.urandom, "the kit", KIT),
        CloudKms(KEY, lambda: services.kms),
        SecretManager(SECRET, lambda: services.secrets, os.urandom),
    )
    calls = services.calls
    told = {entry.wrapped.kind: entry.wrapped.hint for entry in list_keys(store) if entry.wrapped}
    assert services.calls == calls
    file = base64.b64decode((tmp_path / "key").read_text().split()[1])
    assert told == {
        "passphrase": "",
        "file": key_id(file),
        "kit": key_id(b"k" * 32),
        "kms": KEY,
        "secret": f"{SECRET}/versions/1",
    }


def test_the_list_is_by_age_and_names_what_is_damaged(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("one"))
    second = chain(store, phrase("one")).add(phrase("two"))
    path = tmp_path / "keys" / second
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    first, damaged = list_keys(store)
    assert first.wrapped is not None
    assert (damaged.id, damaged.wrapped) == (second, None)
    assert first.created <= damaged.created


def test_keys_of_a_repository_that_never_came_to_be_are_not_told(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("one"))
    other = encode_wrapped(phrase("one").wrap(bytes(32), b"another one here"), b"another one here")
    chain(store, phrase("one"))
    before = list_keys(store)
    from shared.repository.layout import KEYS, put_named

    put_named(store, KEYS, other)
    assert list_keys(store) == before


def test_where_there_is_no_repository_or_no_key_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no repository"):
        list_keys(disk(tmp_path / "none"))
    store = made(tmp_path / "open")
    assert list_keys(store) == []
    with pytest.raises(BadInput, match="not encrypted"):
        Keychain.open(store, [], os.urandom)


def test_an_added_key_opens_and_so_does_the_one_before(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("one"))
    with pytest.raises(WrongKey):
        chain(store, phrase("two"))
    added = chain(store, phrase("one")).add(phrase("two"))
    assert opens(store, phrase("one"))
    assert opens(store, phrase("two"))
    assert [entry.id for entry in chain(store, phrase("two")).opened_by(phrase("two"))] == [added]


class Forgetful:
    """Wraps what it can never open again, or opens it as something else."""

    def __init__(self, answer: bytes | FirekeepError) -> None:
        self._answer = answer

    def wrap(self, master: bytes, context: bytes) -> Wrapped:
        return Wrapped("forgetful", {}, master[:1] + context)

    def unwrap(self, _: Wrapped, __: bytes) -> bytes:
        if isinstance(self._answer, FirekeepError):
            raise self._answer
        return self._answer


@pytest.mark.parametrize("answer", [bytes(32), Denied("may encrypt, may not decrypt")])
def test_a_key_that_does_not_open_what_it_wraps_is_not_added(
    tmp_path: Path, answer: bytes | FirekeepError
) -> None:
    store = made(tmp_path, phrase("one"))
    before = list_keys(store)
    with pytest.raises((Corrupt, Denied)):
        chain(store, phrase("one")).add(Forgetful(answer))
    assert list_keys(store) == before


def test_a_removed_key_opens_no_more(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("one"))
    keys = chain(store, phrase("one"))
    (first,) = keys.entries()
    keys.add(phrase("two"))
    keys.remove(keys.find(first.id[:8]).id, [phrase("two")])
    assert not opens(store, phrase("one"))
    assert opens(store, phrase("two"))
    assert [found.key for found in store.list("removals/")] == []


@pytest.mark.parametrize("force", [False, True])
def test_the_last_key_is_never_removed(tmp_path: Path, force: bool) -> None:
    store = made(tmp_path, phrase("one"))
    keys = chain(store, phrase("one"))
    with pytest.raises(Conflict, match="last one"):
        keys.remove(keys.entries()[0].id, [phrase("one")], force=force)
    damaged = tmp_path / "keys" / keys.add(phrase("two"))
    damaged.write_bytes(b"{}")
    with pytest.raises(Conflict, match="last one"):
        keys.remove(keys.opened_by(phrase("one"))[0].id, [phrase("two")], force=force)
    keys.remove(damaged.name, [phrase("one")])
    assert opens(store, phrase("one"))
    assert [found.key for found in store.list("removals/")] == []


def test_the_only_key_that_opens_now_is_removed_only_by_force(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("one"), phrase("two"))
    keys = chain(store, phrase("one"))
    (mine,) = keys.opened_by(phrase("one"))
    with pytest.raises(Denied, match="only one that opens"):
        keys.remove(mine.id, [phrase("one")])
    assert opens(store, phrase("one"))
    keys.remove(mine.id, [phrase("one")], force=True)
    assert (opens(store, phrase("one")), opens(store, phrase("two"))) == (False, True)


def test_a_key_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    store = made(tmp_path, *(phrase(str(number)) for number in range(17)))
    keys = chain(store, phrase("0"))
    ids = sorted(entry.id for entry in keys.entries())
    shared = next(one[0] for one, two in pairwise(ids) if one[0] == two[0])
    with pytest.raises(BadInput, match="keys begin with"):
        keys.find(shared)
    for name in ("", "x", ids[0] + "0"):
        with pytest.raises(NotFound):
            keys.find(name)
    assert keys.find(ids[0]).id == ids[0]


def test_replacing_leaves_other_keys_alone(tmp_path: Path) -> None:
    store = made(tmp_path / "r", key_file(tmp_path / "one"), phrase("other"))
    keys = chain(store, phrase("other"))
    done = keys.replace(key_file(tmp_path / "one"), key_file(tmp_path / "two"), again=False)
    assert (done.made, len(done.removed)) == (True, 1)
    assert not opens(store, key_file(tmp_path / "one"))
    assert opens(store, key_file(tmp_path / "two"))
    assert opens(store, phrase("other"))


def test_a_key_does_not_replace_itself(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("one"))
    with pytest.raises(Conflict, match="the old one"):
        chain(store, phrase("one")).replace(phrase("one"), phrase("one"), again=False)
    assert len(list_keys(store)) == 1


def test_cloud_kms_wraps_anew_with_its_newest_version(tmp_path: Path, services: Services) -> None:
    ring = CloudKms(KEY, lambda: services.kms)
    store = made(tmp_path, ring)
    services.rotate(KEY)
    chain(store, ring).replace(ring, ring, again=True)
    services.versions[KEY][0].state = "DESTROYED"
    assert opens(store, ring)
    assert len(list_keys(store)) == 1


def test_a_secret_is_followed_by_a_version_of_its_own(tmp_path: Path, services: Services) -> None:
    ring = SecretManager(SECRET, lambda: services.secrets, os.urandom)
    store = made(tmp_path, ring)
    chain(store, ring).replace(ring, ring, again=True)
    assert [entry.wrapped.hint for entry in list_keys(store) if entry.wrapped] == [f"{SECRET}/versions/2"]
    services.versions[SECRET][0].state = "DESTROYED"
    assert opens(store, ring)


class Meanwhile(LocalProvider):
    """Lets somebody else do something, once, right before a verb that comes for the n-th time."""

    def __init__(self, place: Path, verb: str, left: int, act: Callable[[], None]) -> None:
        from shared.clock import SystemClock

        super().__init__(place, SystemClock(), os.urandom)
        self._verb, self._left, self._act = verb, left, act

    def _count(self, verb: str) -> None:
        if verb == self._verb:
            self._left -= 1
            if self._left == 0:
                self._act()

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        self._count("list")
        return super().list(prefix, after)

    def delete(self, key: str) -> None:
        self._count("delete")
        super().delete(key)


@pytest.mark.parametrize(
    ("verb", "turn"),
    [("list", 1), ("list", 2), ("list", 3), ("list", 4), ("list", 5), ("delete", 1), ("delete", 2)],
)
def test_two_who_remove_each_others_last_key_leave_one(tmp_path: Path, verb: str, turn: int) -> None:
    store = made(tmp_path, phrase("one"), phrase("two"))
    keys = chain(store, phrase("one"))
    (one,), (two,) = keys.opened_by(phrase("one")), keys.opened_by(phrase("two"))

    def other() -> None:
        with suppress(Conflict, WrongKey):
            chain(store, phrase("two")).remove(one.id, [phrase("two")])

    mine = chain(Meanwhile(tmp_path, verb, turn + (verb == "list"), other), phrase("one"))
    with suppress(Conflict, Denied):
        mine.remove(two.id, [phrase("one")])
    assert opens(store, phrase("one")) or opens(store, phrase("two"))
    assert [found.key for found in store.list("removals/")] == []


def test_a_removal_that_died_is_told_and_done_by_the_next_try(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("one"), phrase("two"))
    keys = chain(store, phrase("one"))
    (one,), (two,) = keys.opened_by(phrase("one")), keys.opened_by(phrase("two"))
    store.put(f"removals/{two.id}/{'0' * 32}", b"")
    assert {entry.id for entry in keys.entries() if entry.removing} == {two.id}
    assert opens(store, phrase("two"))
    with pytest.raises(Conflict, match="last one"):
        keys.remove(one.id, [phrase("two")], force=True)
    keys.remove(two.id, [phrase("one")])
    assert [found.key for found in store.list("removals/")] == []
    assert [entry.id for entry in keys.entries()] == [one.id]


def test_a_keyring_that_cannot_be_asked_does_not_keep_another_from_opening(
    tmp_path: Path, services: Services
) -> None:
    cloud = CloudKms(KEY, lambda: services.kms, patience_s=0.5)
    gone = key_file(tmp_path / "gone")
    store = made(tmp_path / "r", cloud, gone, phrase("right"))
    (tmp_path / "gone").unlink()
    services.failing = [grpc.StatusCode.UNAVAILABLE] * 100
    Repository.open(store, [cloud, _at(tmp_path / "gone"), phrase("right")], os.urandom)
    for rings, kind in (
        ([phrase("wrong"), cloud], Unavailable),
        ([phrase("wrong"), _at(tmp_path / "gone")], NotFound),
    ):
        with pytest.raises(kind):
            Repository.open(store, rings, os.urandom)


def _at(path: Path) -> Keyring:
    from shared.keys.local import KeyFile

    return KeyFile(path, os.urandom)


def test_a_wrapped_key_without_its_keys_id_opens(tmp_path: Path) -> None:
    key, master, here = b"k" * 32, b"m" * 32, b"repository one"
    wrapped = wrap_with(key, "file", {}, master, here, nonce=bytes(NONCE_BYTES))
    assert KnownKey(key, os.urandom, "the key").unwrap(wrapped, here) == master
    assert (wrapped.kind, wrapped.hint) == ("file", "")


def test_a_key_file_says_which_key_is_wanted(tmp_path: Path) -> None:
    one, two = (KnownKey(bytes([number]) * 32, os.urandom, "the key file") for number in (1, 2))
    with pytest.raises(
        WrongKey, match=f"holds the key {key_id(bytes([2]) * 32)}.*wants {key_id(bytes([1]) * 32)}"
    ):
        two.unwrap(one.wrap(bytes(32), b"here"), b"here")


def test_no_wrapped_key_at_all_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        find_master(disk(tmp_path), [phrase("one")], b"repository one")


def test_a_wrapped_key_shows_no_secret(tmp_path: Path) -> None:
    key = b"k" * 32
    wrapped = KnownKey(key, os.urandom, "the key").wrap(b"m" * 32, b"here")
    assert key.hex()[:16] not in str(wrapped.parameters)
    assert replace(wrapped, data=b"").hint == key_id(key)
