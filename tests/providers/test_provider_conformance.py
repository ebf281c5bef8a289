"""Every provider, and every decorator around one, keeps every promise of the port."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from provider_samples import Flaky, HandClock, local
from provider_servers import LOCKED, azure, azurite, cloud, firebase, s3, s3_server, storage_emulator

from shared.clock import Clock, SystemClock
from shared.conformance.promise import Broken
from shared.conformance.provider import CHECKS, check_provider, check_put_is_create_only
from shared.errors import Unsupported
from shared.providers.contract import ABSENT, Provider, Version
from shared.providers.local import LocalProvider
from shared.providers.metered import MeteredProvider
from shared.providers.replicated import Member, ReplicatedProvider
from shared.providers.retry import Backoff, RetryingProvider

PROVIDERS = Path(__file__).parents[2] / "shared" / "providers"
UNPROMISED = {
    "s3": {"check_a_version_never_comes_back"},
    "s3 with locks": {"check_a_version_never_comes_back", "check_a_list_tells_holds"},
}
"""What a kind of store is known not to show: an ETag of S3 follows from the bytes alone, a listing tells no holds."""
UNHELD = {"s3", "azure"}
"""Stores in which one object cannot be held: they say so, and nothing else."""


@dataclass(frozen=True)
class World:
    """The clock of a store, and the store."""

    clock: Clock
    provider: Provider


def retrying(inner: Provider, clock: HandClock) -> RetryingProvider:
    return RetryingProvider(inner, Backoff(first=0.01), sleep=clock.sleep, jitter=Random(1).random)


def with_folder(wrap: Callable[[Path, HandClock], Provider]) -> Callable[[ExitStack, Path], World]:
    def make(stack: ExitStack, root: Path) -> World:
        clock = HandClock()
        return World(clock, wrap(root / "store", clock))

    return make


def in_three_places(root: Path, clock: HandClock) -> Provider:
    members = [Member(name, local(root / name, clock)) for name in ("one", "two", "three")]
    return ReplicatedProvider(members, 3, told=lambda lag: pytest.fail(f"{lag.name} lags: {lag.why}"))


def in_an_emulator(open_: Callable[..., Provider]) -> Callable[[ExitStack, Path], World]:
    def make(stack: ExitStack, root: Path) -> World:
        clock = HandClock()
        return World(clock, open_(stack.enter_context(storage_emulator(clock)), "some/where"))

    return make


def in_s3(stack: ExitStack, root: Path) -> World:
    return World(HandClock(), s3(stack.enter_context(s3_server()), "some/where"))


def in_locked_s3(stack: ExitStack, root: Path) -> World:
    """Its time is the machine's."""
    return World(SystemClock(), s3(stack.enter_context(s3_server()), "some/where", bucket=LOCKED))


def in_azure(stack: ExitStack, root: Path) -> World:
    return World(HandClock(), azure(stack.enter_context(azurite()), "some/where"))


STORES = {
    "local": with_folder(local),
    "cloud": in_an_emulator(cloud),
    "firebase": in_an_emulator(firebase),
    "s3": in_s3,
    "s3 with locks": in_locked_s3,
    "azure": in_azure,
    "retrying": with_folder(lambda root, clock: retrying(local(root, clock), clock)),
    "retrying over failures": with_folder(lambda root, clock: retrying(Flaky(local(root, clock), 2), clock)),
    "metered": with_folder(lambda root, clock: MeteredProvider(local(root, clock))),
    "replicated": with_folder(in_three_places),
}
COVERED = {
    "LocalProvider": {"local"},
    "CloudProvider": {"cloud", "firebase"},
    "ObjectStoreProvider": {"s3", "s3 with locks", "azure"},
    "RetryingProvider": {"retrying", "retrying over failures"},
    "MeteredProvider": {"metered"},
    "ReplicatedProvider": {"replicated"},
}
"""Which runs cover which class. ReadOnlyProvider cannot put: it has tests of its own."""


def marked(name: str) -> object:
    return pytest.param(name, marks=[pytest.mark.node] if name == "azure" else [], id=name)


@pytest.fixture(scope="module", params=[marked(name) for name in STORES])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, World]]:
    with ExitStack() as stack:
        yield request.param, STORES[request.param](stack, tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_provider_keeps_its_promises(
    check: Callable[[Provider, str, Clock], None], store: tuple[str, World]
) -> None:
    name, world = store
    place = f"conformance/{check.__name__.replace('_', '-')}"
    if check.__name__ not in UNPROMISED.get(name, ()):
        check(world.provider, place, world.clock)
        return
    with pytest.raises(Broken):
        check(world.provider, place, world.clock)


def test_holds_are_kept_or_refused_in_so_many_words(store: tuple[str, World]) -> None:
    name, world = store
    world.provider.put("held/object", b"x")
    until = world.clock.now()
    if name in UNHELD:
        with pytest.raises(Unsupported, match="held one by one"):
            world.provider.hold("held/object", until)
    world.provider.delete("held/object")


def test_every_implementation_of_the_port_runs_the_checks() -> None:
    verbs = {"put", "get", "stat", "list", "delete", "hold"}
    found = set()
    for path in PROVIDERS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name != "Provider":
                methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                if methods & verbs >= {"put", "get"} or any("Provider" in ast.unparse(b) for b in node.bases):
                    found.add(node.name)
    assert found - {"ReadOnlyProvider"} == set(COVERED)
    assert set().union(*COVERED.values()) == set(STORES)


def test_all_checks_run_in_one_place_and_leave_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    provider = local(tmp_path, clock)
    check_provider(provider, "doctor", clock)
    assert list(provider.list("")) == []


def test_a_provider_that_overwrites_is_found_out(tmp_path: Path) -> None:
    class Overwriting(LocalProvider):
        def put(self, key: str, data: bytes, expect: Version = ABSENT) -> Version:
            self.delete(key)
            return super().put(key, data, expect)

    clock = HandClock()
    with pytest.raises(Broken, match="never replaces"):
        check_put_is_create_only(Overwriting(tmp_path, clock, local(tmp_path)._random), "x", clock)
