"""One request on its way: whose realm it is about, who asks, what is asked, and the means to answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulators.auth.hashing import FirebaseScrypt, Secret
from emulators.auth.realms import Project, Realm, Realms, Tenant
from emulators.auth.refusal import Refused, require
from emulators.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from emulators.auth.identifiers import Entropy

PASSWORD_LEAST = 6
_SALT_BYTES = 10


@dataclass(frozen=True, slots=True)
class Caller:
    """`admin`: with a service account; `hashes`: which may also see password hashes; `key`: with an API key."""

    admin: bool = False
    hashes: bool = False
    key: bool = False


@dataclass(slots=True)
class World:
    """What every call shares. `clock` answers seconds since 1970; hashing happens on the `executor`."""

    default_project: str
    clock: Callable[[], float]
    entropy: Entropy
    executor: Executor
    address: str = ""
    realms: Realms = field(default_factory=Realms)
    journal: Journal = field(default_factory=Journal)


@dataclass(frozen=True, slots=True)
class Call:
    """State is touched between awaits only, so whatever was read before one must be read again after it."""

    world: World
    realm: Realm
    caller: Caller
    body: dict[str, Any]
    query: dict[str, str]
    now: float
    # The collection or the one entry of it that the path ends with, where it does.
    resource: str = ""

    @property
    def millis(self) -> str:
        return str(int(self.now * 1000))

    @property
    def seconds(self) -> str:
        return str(int(self.now))

    @property
    def iso(self) -> str:
        moment = datetime.fromtimestamp(self.now, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def native(self) -> FirebaseScrypt | None:
        """The realm's scheme if the caller may see hashes."""
        return self.realm.scheme if self.caller.hashes else None

    @property
    def whole_project(self) -> Project:
        """The realm of a call that tenants do not have."""
        if not isinstance(self.realm, Project):
            raise Refused("UNSUPPORTED_TENANT_OPERATION")
        return self.realm

    @property
    def one_tenant(self) -> Tenant:
        if not isinstance(self.realm, Tenant):
            raise Refused("TENANT_NOT_FOUND", 404)
        return self.realm

    async def secret(self, name: str = "password") -> Secret | None:
        """The named password of the body, hashed; None when there is none. Raises Refused when it is weak."""
        password = self.body.get(name)
        return await self.hashed(password) if password else None

    async def hashed(self, password: str) -> Secret:
        weak = f"WEAK_PASSWORD : Password should be at least {PASSWORD_LEAST} characters"
        require(len(password) >= PASSWORD_LEAST, weak)
        scheme, salt = self.realm.scheme, self.world.entropy(_SALT_BYTES)
        digest = await self._elsewhere(scheme.digest, password.encode(), salt, 0)
        return Secret(scheme, digest, salt)

    async def opens(self, secret: Secret, password: str) -> bool:
        return bool(await self._elsewhere(secret.opens, password))

    async def _elsewhere(self, work: Callable[..., Any], *arguments: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.world.executor, work, *arguments)
