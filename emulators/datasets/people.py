"""The accounts of a small app, with every way in that an app has. The same every time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ORDINARY: Final = 14
"""How many people have nothing but an e-mail address, a password, a name and a picture."""
_CLAIMS = {"role": "editor", "level": 3, "regions": ["EU", "\u65e5\u672c"]}


@dataclass(frozen=True)
class Person:
    """`fields` as Identity Toolkit's REST API imports them; without a password where there is none."""

    fields: Mapping[str, Any]
    password: str = ""


People = dict[str, Person]
"""By uid."""


def people(picture: Callable[[int], str]) -> People:
    """About 20. `picture` gives the address of a picture for a number."""
    return dict(_ordinary(picture)) | dict(_special())


def _ordinary(picture: Callable[[int], str]) -> Iterator[tuple[str, Person]]:
    for number in range(ORDINARY):
        fields = {
            "email": f"traveller.{number}@example.org",
            "emailVerified": number % 2 == 0,
            "displayName": f"Zo\u00eb {number}" if number % 3 else f"Zoe\u0308 {number}",
            "photoUrl": picture(number),
            "createdAt": str(1_700_000_000_123 + number),
        }
        yield f"traveller-{number:02}", Person(fields, f"p\u00e4ss w\u00f6rd {number} \U0001f511")


def _special() -> Iterator[tuple[str, Person]]:
    """With claims, a second factor and a phone, other providers, disabled, nothing at all, an awkward id."""
    yield "editor", Person(_verified("editor") | {"customAttributes": json.dumps(_CLAIMS)}, "edit-or-not")
    yield "disabled", Person(_verified("disabled") | {"disabled": True}, "once-there-was")
    factors = [
        {"mfaEnrollmentId": f"factor-{end}", "phoneInfo": f"+1650555010{end}", "displayName": f"phone {end}"}
        for end in (1, 2)
    ]
    factors = [{**factor, "enrolledAt": "2024-02-29T12:00:00Z"} for factor in factors]
    careful = _verified("careful") | {"phoneNumber": "+16505550100", "mfaInfo": factors}
    yield "careful", Person(careful, "two-steps-please")
    google = {"providerId": "google.com", "rawId": "110169484474386276334", "email": "both@example.org"}
    github = {"providerId": "github.com", "rawId": "583231", "displayName": "octo"}
    yield "both", Person(_verified("both") | {"providerUserInfo": [google]}, "either-way-in")
    yield "octo", Person({"displayName": "octo", "providerUserInfo": [github]})
    yield "caller", Person({"phoneNumber": "+493012345678"})
    yield "nobody", Person({})
    yield "a/b c%2F\u00fc", Person(_verified("awkward"), "an-awkward-id")


def _verified(name: str) -> dict[str, Any]:
    return {"email": f"{name}@example.org", "emailVerified": True}
