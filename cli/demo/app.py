"""The small app of the demonstration: what it holds, and how all of it is compared with what should be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from cli.demo.accounts import Told, accounts, compare_accounts, compare_settings, settings, sign_in
from cli.demo.comparison import Comparison
from cli.demo.files import compare_files, follow_urls
from cli.demo.reader import compare
from cli.output import count
from emulators.datasets.auth import Auth, configure, put_people, put_provider
from emulators.datasets.bucket import Bucket, put_files
from emulators.datasets.guide import guide
from emulators.datasets.load import Database, Loaded, put_documents
from emulators.datasets.people import People, people
from emulators.datasets.pictures import Files, pictures
from emulators.datasets.values import encoded
from emulators.datasets.world import world

_CONFIG = {
    "authorizedDomains": ["localhost", "guide.example.org"],
    "mfa": {"state": "ENABLED", "enabledProviders": ["PHONE_SMS"]},
}
_PARTNER = {
    "displayName": "Partner",
    "issuer": "https://partner.example.org",
    "clientId": "guide",
    "enabled": True,
}


@dataclass(frozen=True)
class Services:
    """Where the app's data is."""

    database: Database
    bucket: Bucket
    auth: Auth


@dataclass(frozen=True)
class App:
    """Documents by path, files by name, accounts and settings as the service tells them, and everybody's password."""

    documents: Loaded
    files: Files
    accounts: Told
    settings: Told
    people: People

    @property
    def bytes(self) -> int:
        """Of documents' fields and files' contents."""
        return sum(map(len, self.documents.values())) + sum(len(file.data) for file in self.files.values())

    @property
    def urls(self) -> int:
        """How many files can be downloaded by URL."""
        return sum(bool(file.token) for file in self.files.values())

    def changes(self, before: App) -> int:
        """How many documents, files and accounts are others than before."""
        return (
            _changes(self.documents, before.documents)
            + _changes(self.files, before.files)
            + _changes(self.accounts, before.accounts)
        )

    @property
    def passwords(self) -> int:
        """How many accounts have one."""
        return sum(bool(person.password) for person in self.people.values())

    def __str__(self) -> str:
        numbers = (("document", self.documents), ("file", self.files), ("account", self.accounts))
        return ", ".join(count(len(things), kind) for kind, things in numbers)


@dataclass(frozen=True)
class Look:
    """One comparison for each kind of thing that the app has."""

    documents: Comparison
    files: Comparison
    urls: Comparison
    accounts: Comparison
    sign_ins: Comparison
    settings: Comparison

    @property
    def wrong(self) -> int:
        return sum(one.wrong for _, one in self)

    @property
    def identical(self) -> bool:
        return all(one.identical for _, one in self)

    def example(self) -> str:
        """One thing that is wrong, and how."""
        wrong = (f"{kind} {one.example()}" for kind, one in self if not one.identical)
        return next(wrong, "")

    def __iter__(self) -> Iterator[tuple[str, Comparison]]:
        """Each comparison with the name of what it compares."""
        yield from (("document", self.documents), ("file", self.files), ("URL", self.urls))
        yield from (("account", self.accounts), ("sign-in", self.sign_ins), ("setting", self.settings))

    def __str__(self) -> str:
        kinds = ("document", "file", "account", "setting")
        return ", ".join(count(one.wrong, kind) for kind, one in self if kind in kinds)


def _changes(now: Mapping[str, object], before: Mapping[str, object]) -> int:
    return sum(now.get(name) != before.get(name) for name in now.keys() | before.keys())


def load_app(services: Services, every: int) -> App:
    """Fill the services with the app, or with every so many-th of the world's documents, and all of the rest."""
    files = pictures()
    put_files(services.bucket, files)
    shown = [services.bucket.url(name, file.token) for name, file in files.items() if file.token]
    everybody = people(lambda number: shown[number % len(shown)])
    put_people(services.auth, everybody)
    configure(services.auth, _CONFIG)
    put_provider(services.auth, "oidc.partner", _PARTNER)
    entries = chain(world(every), guide(files, services.bucket.url, everybody))
    documents = {path: encoded(fields, services.database.root) for path, fields in entries}
    put_documents(services.database, documents)
    return App(documents, files, accounts(services.auth), settings(services.auth), everybody)


def look(app: App, services: Services) -> Look:
    """Read everything, without any code that backs up or restores, and compare it."""
    return Look(
        compare(app.documents, services.database),
        compare_files(app.files, services.bucket),
        follow_urls(app.files, services.database.project),
        compare_accounts(app.accounts, services.auth),
        sign_in(app.people, app.accounts, services.auth),
        compare_settings(app.settings, services.auth),
    )
