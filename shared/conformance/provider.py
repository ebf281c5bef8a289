"""What every object store must do. Each check works below a `place` of its own and needs nothing to be there.

`check_provider` runs them all; `CHECKS` names them one by one for tests. They leave nothing behind that is not held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from itertools import islice
from typing import Final

from shared.clock import Clock
from shared.conformance.promise import promise, refused
from shared.errors import BadInput, Conflict, Corrupt, Denied, NotFound, Unsupported
from shared.providers.contract import Provider, Span, Version

EVERY_BYTE: Final = bytes(range(256)) * 5
HELD: Final = timedelta(seconds=2)


def check_provider(
    provider: Provider, place: str, clock: Clock, unpromised: Collection[str] = frozenset()
) -> None:
    """Run every check below `place`, an object key's beginning without a final slash.

    `unpromised` names checks that the kind of store is known not to pass.
    """
    for check in CHECKS:
        if check.__name__ in unpromised:
            continue
        check(provider, f"{place}/{check.__name__.removeprefix('check_').replace('_', '-')}", clock)


def check_put_then_get_is_identity(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    for number, data in enumerate((b"", b"\x00", EVERY_BYTE, b"\r\n" * 40_000)):
        key = f"{place}/{number}"
        version = provider.put(key, data)
        promise(provider.get(key) == data, "what was put is what every later get sees")
        found = provider.stat(key)
        promise((found.key, found.size) == (key, len(data)), "stat tells key and size")
        promise(found.version == version, "stat tells the version that put returned")
        promise(found.modified.tzinfo is not None, "times have a zone")
    _clear(provider, place)


def check_put_is_create_only(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    key = f"{place}/object"
    provider.put(key, b"first")
    with refused(Conflict, "a put without a version never replaces"):
        provider.put(key, b"second")
    promise(provider.get(key) == b"first", "a refused put changes nothing")
    _clear(provider, place)


def check_put_replaces_only_the_version_named(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    key = f"{place}/object"
    with refused(Conflict, "a put that names a version of what does not exist is a conflict"):
        provider.put(key, b"x", Version("never-was"))
    first = provider.put(key, b"first")
    second = provider.put(key, b"other", first)
    promise(second != first, "a replaced object has another version")
    promise(provider.get(key) == b"other", "the version named is replaced")
    with refused(Conflict, "a version that has passed is a conflict"):
        provider.put(key, b"third", first)
    _clear(provider, place)


def check_a_version_never_comes_back(provider: Provider, place: str, clock: Clock) -> None:
    """Where a version follows from the bytes this is broken; nothing but compare-and-swap of equal bytes needs it."""
    del clock
    key = f"{place}/object"
    first = provider.put(key, b"first")
    second = provider.put(key, b"other", first)
    third = provider.put(key, b"first", second)
    promise(third not in (first, second), "a version never comes back, even when the bytes do")
    _clear(provider, place)


def check_one_of_many_creators_wins(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    key = f"{place}/object"
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(provider.put, key, b"%d" % number) for number in range(16)]
    won = [number for number, attempt in enumerate(tries) if attempt.exception() is None]
    promise(len(won) == 1, "of creators at the same time exactly one succeeds")
    promise(provider.get(key) == b"%d" % won[0], "what is stored is what the winner put")
    promise(
        all(isinstance(attempt.exception(), Conflict | None) for attempt in tries),
        "the others get a Conflict",
    )
    _clear(provider, place)


def check_no_update_is_lost(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    key, workers, rounds = f"{place}/counter", 4, 8
    provider.put(key, b"0")

    def count() -> None:
        for _ in range(rounds):
            while True:
                version = provider.stat(key).version
                value = int(provider.get(key))
                try:
                    provider.put(key, b"%d" % (value + 1), version)
                except Conflict:
                    continue
                break

    with ThreadPoolExecutor(workers) as pool:
        for worker in [pool.submit(count) for _ in range(workers)]:
            worker.result()
    promise(int(provider.get(key)) == workers * rounds, "compare and swap loses no update")
    _clear(provider, place)


def check_ranges_are_exact(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    key, data = f"{place}/object", EVERY_BYTE
    provider.put(key, data)
    for start, length in ((0, 0), (0, 1), (255, 2), (1000, 280), (len(data) - 1, 1), (len(data), 0)):
        promise(
            provider.get(key, Span(start, length)) == data[start : start + length],
            "a range is exactly what it says",
        )
    promise(provider.get(key, Span(1000)) == data[1000:], "a range without a length goes to the end")
    promise(provider.get(key, Span(len(data))) == b"", "a range from the end on is empty")
    for start, length in ((0, len(data) + 1), (len(data) - 1, 2), (len(data) + 1, 0), (1 << 40, 1)):
        with refused(Corrupt, "a range that reaches past the end is an error, never short"):
            provider.get(key, Span(start, length))
    with refused(Corrupt, "a range that starts past the end is an error"):
        provider.get(key, Span(len(data) + 1))
    for span in (Span(-1), Span(0, -1)):
        with refused(BadInput, "a negative range is refused"):
            provider.get(key, span)
    _clear(provider, place)


def check_what_is_absent_is_not_found(provider: Provider, place: str, clock: Clock) -> None:
    provider.put(f"{place}/a/object", b"x")
    for key in (f"{place}/nothing", f"{place}/a", f"{place}/a/object2", f"{place}/b/object"):
        with refused(NotFound, "get of what is absent is NotFound"):
            provider.get(key)
        with refused(NotFound, "stat of what is absent is NotFound"):
            provider.stat(key)
        with refused(NotFound, "hold of what is absent is NotFound"):
            provider.hold(key, clock.now() + HELD)
        provider.delete(key)
    promise(provider.get(f"{place}/a/object") == b"x", "deleting what is absent deletes nothing else")
    _clear(provider, place)


def check_list_is_ascending_and_complete(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    names = ["b", "a.b", "a/b", "a/b.c", "a/c/d", "a-b", "a0", "a=", "B", "Z/z", "0", "a_", "aa"]
    keys = sorted(f"{place}/{name}" for name in names)
    for number, key in enumerate(reversed(keys)):
        provider.put(key, b"x" * number)
    listed = list(provider.list(f"{place}/"))
    promise([found.key for found in listed] == keys, "a list is ascending by bytes, and complete")
    promise(
        [found.size for found in listed] == list(reversed(range(len(keys)))), "a list tells what stat tells"
    )
    promise(all(provider.stat(found.key) == found for found in listed[:3]), "a list tells what stat tells")
    for prefix in (f"{place}/a", f"{place}/a/", f"{place}/a/b", f"{place}/Z", f"{place}/nothing"):
        expected = [key for key in keys if key.startswith(prefix)]
        promise(
            [found.key for found in provider.list(prefix)] == expected,
            "a list has exactly the prefix asked for",
        )
    for after in (*keys, f"{place}/a", f"{place}/a/", f"{place}/zzz", "~"):
        expected = [key for key in keys if key > after]
        found_keys = [found.key for found in provider.list(f"{place}/", after)]
        promise(found_keys == expected, "a list resumes after any key")
    promise(next(provider.list(f"{place}/")).key == keys[0], "a list may be left at any point")
    _clear(provider, place)


def check_list_sees_every_put_and_delete(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    keys = [f"{place}/{number:03}" for number in range(60)]
    for key in keys:
        provider.put(key, b"x")
    provider.delete(keys[7])
    provider.delete(keys[7])
    del keys[7]
    promise([found.key for found in provider.list(f"{place}/")] == keys, "a list sees every put and delete")
    started = provider.list(f"{place}/")
    seen = [found.key for found in islice(started, 5)]
    provider.delete(keys[30])
    seen += [found.key for found in started]
    del keys[30]
    promise(set(keys) <= set(seen), "what is there all the time is listed, whatever else happens")
    _clear(provider, place)


def check_delete_then_create_again(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    key = f"{place}/object"
    first = provider.put(key, b"first")
    provider.delete(key)
    with refused(NotFound, "what was deleted is gone"):
        provider.get(key)
    with refused(Conflict, "a version of what was deleted is a conflict"):
        provider.put(key, b"second", first)
    provider.put(key, b"second")
    promise(provider.get(key) == b"second", "a deleted name can be used again")
    _clear(provider, place)


def check_hold_only_lengthens(provider: Provider, place: str, clock: Clock) -> None:
    """A store without retention says so, and changes nothing."""
    key = f"{place}/object"
    version = provider.put(key, b"kept")
    until = (clock.now() + HELD).replace(microsecond=0) + timedelta(seconds=1)
    try:
        provider.hold(key, until)
    except Unsupported:
        promise(provider.stat(key).held_until is None, "a hold that is refused changes nothing")
        _clear(provider, place)
        return
    promise(provider.stat(key).held_until == until, "stat tells until when an object is held")
    provider.hold(key, until - timedelta(days=1))
    promise(provider.stat(key).held_until == until, "a hold is never shortened")
    with refused(Denied, "a held object is not deleted"):
        provider.delete(key)
    with refused(Denied, "a held object is not replaced"):
        provider.put(key, b"gone", version)
    promise(provider.get(key) == b"kept", "a held object stays as it is")
    with refused(BadInput, "a hold's time has a zone"):
        provider.hold(key, until.astimezone(UTC).replace(tzinfo=None))
    while clock.now() <= until:
        clock.sleep(0.5)
    _clear(provider, place)
    with refused(NotFound, "a hold ends"):
        provider.stat(key)


def check_a_list_tells_holds(provider: Provider, place: str, clock: Clock) -> None:
    """Where a store's listings lack them this is broken; deleting asks for itself."""
    key = f"{place}/object"
    provider.put(key, b"kept")
    until = (clock.now() + HELD).replace(microsecond=0)
    try:
        provider.hold(key, until)
    except Unsupported:
        _clear(provider, place)
        return
    listed = next(provider.list(f"{place}/")).held_until
    while clock.now() <= until:
        clock.sleep(0.5)
    _clear(provider, place)
    promise(listed == until, "a list tells holds as stat does")


def check_keys_are_checked(provider: Provider, place: str, clock: Clock) -> None:
    del clock
    bad = (
        "",
        "/",
        "..",
        "../x",
        "a/../b",
        "a//b",
        "/a",
        "a/",
        ".hidden",
        "a/.b",
        "a b",
        "a\\b",
        "a\0b",
        "ä",
        "x" * 600,
    )
    for key in bad:
        for action in (provider.get, provider.stat, provider.delete):
            with refused(BadInput, f"key {key[:20]!r} is refused"):
                action(key)
        with refused(BadInput, f"key {key[:20]!r} is refused"):
            provider.put(key, b"x")
    for prefix in ("/", "..", "../", "a//", ".", "a b"):
        with refused(BadInput, f"prefix {prefix!r} is refused"):
            list(provider.list(prefix))
    promise(list(provider.list(f"{place}/")) == [], "a refused key leaves nothing")


def check_threads_do_not_mix(provider: Provider, place: str, clock: Clock) -> None:
    del clock

    def work(number: int) -> bool:
        key, data = f"{place}/{number}", bytes([number]) * (number * 1000 + 1)
        provider.put(key, data)
        return provider.get(key) == data and provider.stat(key).size == len(data)

    with ThreadPoolExecutor(8) as pool:
        promise(all(pool.map(work, range(40))), "many threads may use a provider at once")
    promise(len(list(provider.list(f"{place}/"))) == 40, "no thread's put is lost")
    _clear(provider, place)


def _clear(provider: Provider, place: str) -> None:
    for found in list(provider.list(f"{place}/")):
        provider.delete(found.key)


CHECKS: Final[tuple[Callable[[Provider, str, Clock], None], ...]] = (
    check_put_then_get_is_identity,
    check_put_is_create_only,
    check_put_replaces_only_the_version_named,
    check_a_version_never_comes_back,
    check_one_of_many_creators_wins,
    check_no_update_is_lost,
    check_ranges_are_exact,
    check_what_is_absent_is_not_found,
    check_list_is_ascending_and_complete,
    check_list_sees_every_put_and_delete,
    check_delete_then_create_again,
    check_hold_only_lengthens,
    check_a_list_tells_holds,
    check_keys_are_checked,
    check_threads_do_not_mix,
)
