"""Death before and after every put and delete: the repository opens with the old key or the new one, and a second try
ends as the first would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from keys_samples import chain, disk, key_file, made, opens, phrase
from keys_services import KEY, Services

from shared.errors import Conflict, WrongKey
from shared.keys.contract import Keyring
from shared.keys.kms import CloudKms
from shared.providers.contract import ABSENT, WHOLE, Provider, Span, Stat, Version
from shared.repository.keychain import list_keys


class Death(BaseException):
    """Not an Exception: nothing of ours may catch it and go on."""


class Mortal:
    """Dies at the n-th put or delete, before it lands or after; from then on nothing lands any more."""

    def __init__(self, inner: Provider, at: int, *, landed: bool) -> None:
        self.inner = inner
        self.left = at
        self.landed = landed

    def _step(self, act: Callable[[], Version | None]) -> Version:
        self.left -= 1
        if self.left < 0 or (self.left == 0 and not self.landed):
            raise Death
        done = act()
        if self.left == 0:
            raise Death
        return done or ABSENT

    def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
        return self._step(lambda: self.inner.put(key, data, expect))

    def delete(self, key: str) -> None:
        self._step(lambda: self.inner.delete(key))

    def get(self, key: str, span: Span = WHOLE) -> bytes:
        return self.inner.get(key, span)

    def stat(self, key: str) -> Stat:
        return self.inner.stat(key)

    def list(self, prefix: str, after: str = "") -> Iterator[Stat]:
        return self.inner.list(prefix, after)

    def hold(self, key: str, until: object) -> None:
        raise AssertionError


def survived(
    place: Path,
    start: Callable[[], Provider],
    act: Callable[[Provider], object],
    alive: Callable[[Provider], bool],
) -> int:
    """Every death of `act`; after each `alive` holds, and a second try works. How many steps there were."""
    steps = 0
    while True:
        steps += 1
        for landed in (False, True):
            store = start()
            try:
                act(Mortal(store, steps, landed=landed))
            except Death:
                assert alive(store), (steps, landed)
                with suppress(Conflict, WrongKey):  # It was done but for telling so.
                    act(store)
                assert alive(store), (steps, landed)
                assert not any(entry.removing for entry in list_keys(store)), (steps, landed)
            else:
                return steps - 1


def fresh(place: Path, *rings: Keyring) -> Callable[[], Provider]:
    numbers = iter(range(1000))
    return lambda: made(place / f"r{next(numbers)}", *rings)


def test_adding(tmp_path: Path) -> None:
    old, new = key_file(tmp_path / "old"), phrase("new")

    def add(store: Provider) -> None:
        chain(store, old).add(new)

    assert survived(tmp_path, fresh(tmp_path, old), add, lambda store: opens(store, old)) == 1


def test_removing(tmp_path: Path) -> None:
    old, kept = key_file(tmp_path / "old"), phrase("kept")

    def remove(store: Provider) -> None:
        keys = chain(store, kept)
        for entry in keys.opened_by(old):
            keys.remove(entry.id, [kept])

    assert survived(tmp_path, fresh(tmp_path, old, kept), remove, lambda store: opens(store, kept)) == 3


@pytest.mark.parametrize("kind", ["file", "passphrase"])
def test_replacing(tmp_path: Path, kind: str) -> None:
    old: Keyring = key_file(tmp_path / "old") if kind == "file" else phrase("old")
    new: Keyring = key_file(tmp_path / "new") if kind == "file" else phrase("new")

    def replace(store: Provider) -> None:
        chain(store, old).replace(old, new, again=False)

    def alive(store: Provider) -> bool:
        return opens(store, old) or opens(store, new)

    start = fresh(tmp_path, old)
    assert survived(tmp_path, start, replace, alive) == 4
    store = start()
    replace(store)
    assert (opens(store, old), opens(store, new)) == (False, True)


def test_replacing_in_cloud_kms(tmp_path: Path, services: Services) -> None:
    ring = CloudKms(KEY, lambda: services.kms)

    def replace(store: Provider) -> None:
        chain(store, ring).replace(ring, ring, again=True)
        assert len(list_keys(store)) == 1

    assert survived(tmp_path, fresh(tmp_path, ring), replace, lambda store: opens(store, ring)) == 4


def test_two_replacements_at_once_leave_both_new_keys(tmp_path: Path) -> None:
    store = made(tmp_path, phrase("old"))
    first, second = chain(store, phrase("old")), chain(disk(tmp_path), phrase("old"))
    first.replace(phrase("old"), phrase("one"), again=False)
    second.replace(phrase("old"), phrase("two"), again=False)
    assert [opens(store, phrase(text)) for text in ("old", "one", "two")] == [False, True, True]
