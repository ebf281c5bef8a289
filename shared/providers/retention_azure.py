"""Azure's version-level immutability: one blob held until a time, in an unlocked or a locked policy.

Every request carries a signature by the account's key (Shared Key), made here: obstore's signed URLs allow no policies.
Azure refuses to shorten a locked policy alone: of two holders at once without locks the last one's time counts.
Source: Microsoft, "Set Blob Immutability Policy" and "Authorize with Shared Key", REST API version 2023-11-03.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urlsplit

from shared.errors import BadInput
from shared.providers.retention import ENDLESS, Held, Wire, store_time, whole_seconds

_VERSION: Final = "2023-11-03"
_POLICY: Final = "x-ms-immutability-policy"
_OTHER_LINES: Final = 12
"""The lines of what is signed between the method and the x-ms- headers: nothing that stands there is sent."""


class BlobImmutability:
    """`key` is the account's."""

    hint = "turn on version-level immutability for the container; docs/stores.md tells how"

    def __init__(self, wire: Wire, container: str, key: bytes, *, lock: bool) -> None:
        self._wire = wire
        self._container = container
        self._key = key
        self._mode = "locked" if lock else "unlocked"

    def look(self, path: str) -> Held:
        answer = self._wire.send("HEAD", self._wire.signed("GET", path))
        told = answer.headers
        until = told.get(f"{_POLICY}-until-date")
        legal = told.get("x-ms-legal-hold", "").lower() == "true"
        return Held(
            ENDLESS if legal else parsedate_to_datetime(until) if until else None,
            told.get(f"{_POLICY}-mode", "").lower(),
            told.get("x-ms-version-id", ""),
            store_time(answer),
        )

    def lengthen(self, path: str, until: datetime, present: Held) -> None:
        headers = {
            "x-ms-date": format_datetime(present.now, usegmt=True),
            f"{_POLICY}-mode": "locked" if present.mode == "locked" and present.active else self._mode,
            f"{_POLICY}-until-date": format_datetime(whole_seconds(until), usegmt=True),
            "x-ms-version": _VERSION,
        }
        parts = urlsplit(self._wire.signed("GET", path))
        asked = {"comp": "immutabilityPolicies", "versionid": present.version}
        account = parts.path.removesuffix(f"/{self._container}/{path}").strip("/")
        signature = self._signature(account or parts.netloc.partition(".")[0], parts.path, asked, headers)
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        url = f"{parts.scheme}://{parts.netloc}{parts.path}?{query}"
        self._wire.send("PUT", url, headers | {"Authorization": signature})

    def _signature(self, account: str, path: str, asked: dict[str, str], headers: dict[str, str]) -> str:
        lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
        lines += [f"/{account}{path}", *(f"{name}:{asked[name]}" for name in sorted(asked))]
        text = "PUT" + "\n" * _OTHER_LINES + "\n".join(lines)
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return f"SharedKey {account}:{base64.b64encode(digest).decode()}"


def account_key(text: str) -> bytes:
    """The key that Azure shows as `text`, in base64. BadInput does not repeat it."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadInput("the key of the Azure storage account is not base64") from None
