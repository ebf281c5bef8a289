"""Second factors of an account: checked, named, and kept in its record. Only phone numbers can be enrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators.auth.identifiers import canonical_phone, random_name
from emulators.auth.refusal import require

if TYPE_CHECKING:
    from emulators.auth.call import Call


def enrolments(call: Call, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The enrolments of a new or changed account as its record keeps them. A number given twice counts once."""
    kept: dict[str, dict[str, Any]] = {}
    ids: set[str] = set()
    for factor in given:
        number = canonical_phone(factor.get("phoneInfo", ""), "INVALID_MFA_PHONE_NUMBER : Invalid format.")
        if number in kept:
            continue
        kept[number] = _kept(call, factor, number)
        require(kept[number]["mfaEnrollmentId"] not in ids, "DUPLICATE_MFA_ENROLLMENT_ID")
        ids.add(kept[number]["mfaEnrollmentId"])
    return list(kept.values())


def imported_enrolments(call: Call, user: dict[str, Any]) -> list[dict[str, Any]]:
    """The same for an imported account, with the refusals an import gives."""
    given = user.get("mfaInfo", [])
    if given:
        require(user.get("email"), "Second factor account requires email to be presented.")
        require(user.get("emailVerified"), "Second factor account requires email to be verified.")
    kept = []
    ids: set[str] = set()
    for factor in given:
        require(factor.get("phoneInfo"), "Second factor not supported.")
        number = canonical_phone(factor["phoneInfo"], "Phone number format is invalid")
        kept.append(_kept(call, factor, number))
        require(kept[-1]["mfaEnrollmentId"] not in ids, "Enrollment id already exists.")
        ids.add(kept[-1]["mfaEnrollmentId"])
    return kept


def obfuscated(factor: dict[str, Any]) -> dict[str, Any]:
    """What somebody halfway through signing in may see of a factor: the last four digits of its number."""
    number = factor["phoneInfo"]
    shown: dict[str, Any] = {
        name: factor[name] for name in ("mfaEnrollmentId", "enrolledAt", "displayName") if name in factor
    }
    return {**shown, "phoneInfo": "+" + "*" * (len(number) - 5) + number[-4:]}


def _kept(call: Call, factor: dict[str, Any], number: str) -> dict[str, Any]:
    defaults = {"mfaEnrollmentId": random_name(call.world.entropy), "enrolledAt": call.iso}
    given = {name: value for name, value in factor.items() if value != ""}
    return {**defaults, **given, "phoneInfo": number, "unobfuscatedPhoneInfo": number}
