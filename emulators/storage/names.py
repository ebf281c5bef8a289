"""Names of buckets and objects, checked on the way in (https://cloud.google.com/storage/docs/objects#naming)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote

from emulators.storage.refusal import Refused, invalid

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_NAME_MOST = 1024
_LABEL_MOST = 63


def check_bucket(name: object) -> str:
    """`name` itself when it may name a bucket, else refused."""
    if not isinstance(name, str) or not _BUCKET.fullmatch(name) or not _well_formed(name):
        raise invalid(f"Invalid bucket name: '{str(name)[:100]}'")
    return name


def _well_formed(name: str) -> bool:
    if (
        name.startswith("goog")
        or "google" in name
        or any(len(label) > _LABEL_MOST for label in name.split("."))
    ):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return all(name.split("."))
    return False


def check_object(name: object) -> str:
    """`name` itself when it may name an object, else refused."""
    if not isinstance(name, str) or not name:
        raise Refused(400, "required", "Required")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise invalid("Object names must be valid UTF-8.") from None
    if size > _NAME_MOST:
        raise invalid(
            f"The maximum object length is {_NAME_MOST} characters, but got a name with {size} bytes."
        )
    if "\r" in name or "\n" in name or name in {".", ".."} or name.startswith(".well-known/acme-challenge/"):
        raise invalid(f"Disallowed unicode characters present in object name '{name[:100]}'")
    return name


def decode(segment: str) -> str:
    """A percent-encoded path segment. Refused when it is not UTF-8."""
    try:
        return unquote(segment, errors="strict") if "%" in segment else segment.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise invalid("The path is not valid UTF-8.") from None
