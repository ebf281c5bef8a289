"""The small app of the demonstration: what it holds, and how all of it is compared with what should be there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from cli.demo.comparison import Comparison
from cli.demo.files import compare_files, follow_urls
from cli.demo.reader import compare
from cli.output import count
from emulators.datasets.bucket import Bucket, put_files
from emulators.datasets.guide import guide
from emulators.datasets.load import Database, Loaded, put_documents
from emulators.datasets.pictures import Files, pictures
from emulators.datasets.values import encoded
from emulators.datasets.world import world


@dataclass(frozen=True)
class Services:
    """Where the app's data is."""

    database: Database
    bucket: Bucket


@dataclass(frozen=True)
class App:
    """Documents by path and files by name, as they should be."""

    documents: Loaded
    files: Files

    @property
    def bytes(self) -> int:
        """Of documents' fields and files' contents."""
        return sum(map(len, self.documents.values())) + sum(len(file.data) for file in self.files.values())

    @property
    def urls(self) -> int:
        """How many files can be downloaded by URL."""
        return sum(bool(file.token) for file in self.files.values())

    def changes(self, before: App) -> int:
        """How many documents and files are others than before."""
        return _changes(self.documents, before.documents) + _changes(self.files, before.files)

    def __str__(self) -> str:
        return f"{count(len(self.documents), 'document')}, {count(len(self.files), 'file')}"


@dataclass(frozen=True)
class Look:
    """One comparison for each kind of thing that the app has."""

    documents: Comparison
    files: Comparison
    urls: Comparison

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

    def __str__(self) -> str:
        return f"{count(self.documents.wrong, 'document')}, {count(self.files.wrong, 'file')}"


def _changes(now: Mapping[str, object], before: Mapping[str, object]) -> int:
    return sum(now.get(name) != before.get(name) for name in now.keys() | before.keys())


def load_app(services: Services, every: int) -> App:
    """Fill the services with the app, or with every so many-th of the world's documents, and all of the rest."""
    files = pictures()
    put_files(services.bucket, files)
    entries = chain(world(every), guide(files, services.bucket.url))
    documents = {path: encoded(fields, services.database.root) for path, fields in entries}
    put_documents(services.database, documents)
    return App(documents, files)


def look(app: App, services: Services) -> Look:
    """Read everything, without any code that backs up or restores, and compare it."""
    return Look(
        compare(app.documents, services.database),
        compare_files(app.files, services.bucket),
        follow_urls(app.files, services.database.project),
    )
