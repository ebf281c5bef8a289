"""E-mail addresses, phone numbers, claims and random names: what is accepted, and in which form it is kept."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from emulators.auth.refusal import Refused, require

if TYPE_CHECKING:
    from collections.abc import Callable

    Entropy = Callable[[int], bytes]

UID_MOST = 128
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PHONE = re.compile(r"\+[1-9][0-9]{4,14}")
_PHONE_DECORATION = re.compile(r"[\s().-]")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_CLAIMS_MOST = 1000
_RESERVED_CLAIMS = (
    "iss",
    "aud",
    "sub",
    "iat",
    "exp",
    "nbf",
    "jti",
    "nonce",
    "azp",
    "acr",
    "amr",
    "cnf",
    "auth_time",
    "firebase",
    "at_hash",
    "c_hash",
)


def canonical_email(text: str, refusal: str = "INVALID_EMAIL") -> str:
    """The address in lower case, as it is kept and looked for."""
    require(_EMAIL.fullmatch(text), refusal)
    return text.lower()


def canonical_phone(text: str, refusal: str = "INVALID_PHONE_NUMBER : Invalid format.") -> str:
    """The number in E.164 form: `+` and digits."""
    number = _PHONE_DECORATION.sub("", text)
    require(_PHONE.fullmatch(number), refusal)
    return number


def check_uid(uid: str) -> str:
    require(len(uid) <= UID_MOST, f"INVALID_LOCAL_ID : At most {UID_MOST} characters.")
    return uid


def check_claims(text: str) -> None:
    """Custom claims as JSON text: an object of at most 1000 characters without reserved names."""
    require(len(text) <= _CLAIMS_MOST, "CLAIMS_TOO_LARGE")
    try:
        claims = json.loads(text)
    except ValueError:
        raise Refused("INVALID_CLAIMS") from None
    check_claim_names(claims)


def check_claim_names(claims: Any) -> None:
    require(isinstance(claims, dict), "INVALID_CLAIMS")
    for name in _RESERVED_CLAIMS:
        require(name not in claims, f"FORBIDDEN_CLAIM : {name}")


def random_name(entropy: Entropy, length: int = 28) -> str:
    """Letters and digits, as the service names accounts; 28 of them carry 140 bits and more."""
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in entropy(length))
