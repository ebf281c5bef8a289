"""A small app around the world's data: a guide whose documents point to its pictures and its travellers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from emulators.datasets.oddities import Entry
from emulators.datasets.people import People
from emulators.datasets.pictures import COUNTRIES, Files
from emulators.datasets.values import Link

PHOTOS = "photos"
"""The collection of documents with a picture's name in `file` and its download URL in `url`."""
_BEGAN = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)


def guide(files: Files, url: Callable[[str, str], str], people: People) -> Iterator[Entry]:
    """A document for each file that can be downloaded, with its URL; one for each account; what configures the app."""
    shown = [name for name, file in files.items() if file.token]
    for number, name in enumerate(shown):
        yield f"{PHOTOS}/{number:04}", _photo(number, name, files, url)
    for uid, person in people.items():
        if "/" not in uid:
            yield (
                f"travellers/{uid}",
                {"name": person.fields.get("displayName"), "photo": Link(f"{PHOTOS}/0000")},
            )
    yield "config/app", {"theme": "dark", "languages": ["de", "en", "fr"], "since": _BEGAN}
    yield "config/flags", {"signUp": True, "rollout": {"maps": 0.25, "search": 1.0}}


def _photo(number: int, name: str, files: Files, url: Callable[[str, str], str]) -> Mapping[str, object]:
    return {
        "file": name,
        "url": url(name, files[name].token),
        "bytes": len(files[name].data),
        "country": Link(f"countries/{COUNTRIES[number % len(COUNTRIES)]}"),
        "uploadedAt": _BEGAN + timedelta(hours=number),
    }
