"""Accounts of a project and its tenants as an ordered map from tenant and id to record.

The service has no past to read: parts carry their instant, and say nothing else about it. It lists accounts from the
beginning only, so there is one part for each realm, and going on behind a key costs one request for each thousand
accounts before it. What a record keeps is in `docs/format.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from shared.clock import Clock
from shared.errors import BadInput, NotFound
from shared.format import flat
from shared.sources.contract import Batch, Method, Outcome, Part, Plan, Scope, Write
from shared.sources.users.events import key_of_event
from shared.sources.users.finding import Finder
from shared.sources.users.listing import Lister
from shared.sources.users.pace import Pace
from shared.sources.users.realms import Realms
from shared.sources.users.scopes import spans
from shared.sources.users.service import ENDPOINT, Patience, Service
from shared.sources.users.status import error_of
from shared.sources.users.uploading import MOST, HashConfig, Uploader
from shared.sources.users.writing import Writer


@dataclass(frozen=True)
class Options:
    """How accounts are read and written. Rates are accounts a second, 0 for no limit."""

    threads: int = 4
    """Requests at once, of those that may be."""
    drops_per_s: float = 10.0
    """The service deletes ten accounts a second, and takes one batch a second."""
    imports_per_s: float = 1000.0
    updates_per_s: float = 100.0
    run_bytes: int = 32 << 20
    """Of accounts held in memory while they are sorted."""
    patience: Patience = field(default_factory=Patience)


UNPACED: Final = Options(drops_per_s=0, imports_per_s=0, updates_per_s=0)
"""For emulators."""


class UsersSource:
    """The accounts of one project, through what `open_http` gives. Safe from many threads.

    `tenants` names them where they are not to be listed. `elsewhere` tells under which name a tenant is found, when it
    is not the one that the records know it by: the service chooses the names of new ones. `hash_config` tells the hash
    parameters of the project that the records come from, by tenant. `bearer` is an emulator's token.
    """

    def __init__(
        self,
        http: Any,
        project: str,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        endpoint: str = ENDPOINT,
        bearer: str = "",
        tenants: Sequence[str] | None = None,
        elsewhere: Mapping[str, str] | None = None,
        hash_config: Callable[[str], HashConfig | None] = lambda _tenant: None,
        without_hashes: bool = False,
        options: Options | None = None,
    ) -> None:
        chosen = options or Options()
        service = Service(
            http,
            project,
            endpoint=endpoint,
            bearer=bearer,
            clock=clock,
            jitter=jitter,
            patience=chosen.patience,
        )
        self._service = service
        self._realms = Realms(service, tenants, elsewhere)
        self._lister = Lister(
            service, self._realms, without_hashes=without_hashes, run_bytes=chosen.run_bytes
        )
        self._finder = Finder(service, self._realms, self._lister, chosen.threads)
        imports = Pace(clock, chosen.imports_per_s)
        self._writer = Writer(
            service,
            self._realms,
            self._finder,
            Uploader(service, self._realms, hash_config, imports),
            drops=Pace(clock, chosen.drops_per_s),
            drops_at_once=max(1, min(MOST, int(chosen.drops_per_s))) if chosen.drops_per_s else MOST,
            updates=Pace(clock, chosen.updates_per_s),
            threads=chosen.threads,
        )

    def check_hashes(self) -> None:
        """Denied, naming the role to grant, when the hashes of passwords are not told to this identity. A source that
        goes on without them lets it pass.
        """
        self._lister.check_hashes()

    def instant(self) -> datetime:
        """The service's present: there is no past that it could be asked for."""
        return self.now()

    def now(self) -> datetime:
        """The service's present, to the second, as the header of an answer has it."""
        doing = "looking at the accounts"
        answer = self._service.call("v1/accounts:batchGet", doing, None, {"maxResults": 1})
        if answer.status != 200:
            raise error_of(answer.status, answer.data, doing)
        try:
            return parsedate_to_datetime(answer.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return self._service.clock.now()

    def plan(self, scope: Scope, at: datetime, cuts: Sequence[bytes] = ()) -> Plan:  # noqa: ARG002
        """The parts of a scope, each within one realm. `cuts` would make every part list all before it, and nothing is
        counted: the service can only list.
        """
        ranges = spans(scope, self._realms.known())
        parts = (
            Part(number, start, end, Method.LIST, None, at) for number, (start, end) in enumerate(ranges)
        )
        return Plan(at, tuple(parts), None)

    def read(self, part: Part, after: bytes = b"") -> Iterator[Batch]:
        """The records of a part behind a key. Denied at the first password whose hash is not told."""
        realm = part.start.partition(b"\x00")[0].decode()
        if part.method is Method.LIST:
            return self._lister.listed(realm, part.start, part.end, after)
        if part.method is Method.SORT:
            return self._lister.gathered(realm, part.start, part.end, after)
        raise BadInput(f"reading part {part.number}: accounts are listed, not read by {part.method}")

    def lookup(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The records under these keys as they are now, in the order asked for; None for one that is not there. The
        service tells hashes in lists only: unless an emulator answers, looking up one account with a password may list
        its whole realm.
        """
        places = [flat.decode(key) for key in keys]
        found: dict[tuple[str, str], bytes] = {}
        for realm in sorted({realm for realm, _ in places}):
            found |= self._looked_up(realm, [uid for where, uid in places if where == realm])
        return [found.get(place) for place in places]

    def decode(self, event: object) -> bytes:
        """The key of the account that an Authentication event is about."""
        return key_of_event(event, self._realms)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Guarded puts and drops; one outcome per write, in order."""
        return self._writer.apply(writes)

    def _looked_up(self, realm: str, uids: Sequence[str]) -> dict[tuple[str, str], bytes]:
        try:
            resources = self._finder.with_hashes(realm, uids)
        except NotFound:
            # A tenant that is not there has no accounts.
            if not realm:
                raise
            return {}
        return {(realm, uid): self._lister.value(realm, one) for uid, one in resources.items()}
