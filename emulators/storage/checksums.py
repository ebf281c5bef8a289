"""Checksums that a client sends with content, compared with what arrived."""

from __future__ import annotations

import re

from emulators.storage.content import Content
from emulators.storage.refusal import invalid
from emulators.storage.resources import crc32c_text, md5_text

_PAIR = re.compile(r"(crc32c|md5)=([A-Za-z0-9+/_=-]+)")


def from_headers(headers: dict[str, str]) -> dict[str, str]:
    """The sums of `x-goog-hash` and `Content-MD5`, by algorithm."""
    sums = dict(_PAIR.findall(headers.get("x-goog-hash", "")))
    if "content-md5" in headers:
        sums["md5"] = headers["content-md5"]
    return sums


def from_resource(resource: dict[str, object]) -> dict[str, str]:
    """The sums that an object's resource gives."""
    fields = {"crc32c": "crc32c", "md5Hash": "md5"}
    return {name: str(resource[field]) for field, name in fields.items() if resource.get(field)}


def check(content: Content, sums: dict[str, str]) -> None:
    """Refused when one of them is not that of the content."""
    actual = {"crc32c": crc32c_text(content.crc32c)}
    if content.md5 is not None:
        actual["md5"] = md5_text(content.md5)
    for name, sent in sums.items():
        wanted = sent.replace("-", "+").replace("_", "/")
        if name in actual and wanted.rstrip("=") != actual[name].rstrip("="):
            words = "CRC32C" if name == "crc32c" else "MD5 hash"
            raise invalid(
                f'Provided {words} "{sent[:50]}" doesn\'t match calculated {words} "{actual[name]}".'
            )
