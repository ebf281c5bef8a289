"""The `if…Match` conditions of a request, and what they say about what is there.

An object that is not there has generation 0. On reads a condition "not match" that fails answers 304, else 412.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulators.storage.refusal import Refused, condition_not_met, invalid, not_modified

if TYPE_CHECKING:
    from emulators.storage.messages import Request
    from emulators.storage.model import Version


@dataclass(frozen=True, slots=True)
class Conditions:
    """None where nothing is asked. `reading` chooses 304 for what is unchanged."""

    generation: int | None = None
    generation_not: int | None = None
    metageneration: int | None = None
    metageneration_not: int | None = None
    reading: bool = False
    etags: str | None = None
    etags_not: str | None = None

    def check(self, version: Version | None) -> None:
        """Raises Refused with 412 or 304."""
        generation = version.generation if version else 0
        metageneration = version.metageneration if version else 0
        self._must(self.generation, generation)
        self._must(self.metageneration, metageneration)
        self._must_not(self.generation_not, generation)
        self._must_not(self.metageneration_not, metageneration)
        self._check_etags(version.etag if version else "")

    def check_metageneration(self, metageneration: int, etag: str) -> None:
        """The conditions on a bucket, which has no generations."""
        self._must(self.metageneration, metageneration)
        self._must_not(self.metageneration_not, metageneration)
        self._check_etags(etag)

    def _must(self, wanted: int | None, actual: int) -> None:
        if wanted is not None and wanted != actual:
            raise condition_not_met()

    def _must_not(self, unwanted: int | None, actual: int) -> None:
        if unwanted is not None and unwanted == actual:
            raise self._unchanged()

    def _unchanged(self) -> Refused:
        return not_modified() if self.reading else condition_not_met()

    def _check_etags(self, etag: str) -> None:
        if self.etags is not None and not _listed(etag, self.etags):
            raise condition_not_met()
        if self.etags_not is not None and _listed(etag, self.etags_not):
            raise self._unchanged()


NONE = Conditions()


def _listed(etag: str, header: str) -> bool:
    listed = {each.strip().removeprefix("W/").strip('"') for each in header.split(",")}
    return bool(etag) and (etag in listed or "*" in listed)


def conditions(request: Request, prefix: str = "if", *, reading: bool = False) -> Conditions:
    """Those of the query, and for the requested object itself those of the headers. Refused when not numbers."""
    query = request.query
    own = prefix == "if"
    etags = request.headers.get("if-match") if own else None
    etags_not = request.headers.get("if-none-match") if own else None
    if etags is None and etags_not is None and not any(name.startswith(prefix) for name in query):
        return NONE
    return Conditions(
        _number(request, f"{prefix}GenerationMatch"),
        _number(request, f"{prefix}GenerationNotMatch"),
        _number(request, f"{prefix}MetagenerationMatch"),
        _number(request, f"{prefix}MetagenerationNotMatch"),
        reading,
        etags,
        etags_not,
    )


def _number(request: Request, name: str) -> int | None:
    value = request.number(name)
    if value is not None and value < 0:
        raise invalid(f"Invalid value for {name}: {value}")
    return value
