"""S3 Object Lock: one object held until a time, in GOVERNANCE or COMPLIANCE mode.

Looking needs nothing but a HEAD that obstore signs. Setting a retention needs a query in the signature, which obstore
cannot make: botocore does, an extra that is imported only then, by the credentials given or else those it finds itself.
The service refuses to shorten: two holders at once leave the longer hold.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from shared.errors import Unsupported
from shared.providers.retention import ENDLESS, Held, Refused, Wire, store_time, whole_seconds

_LOCK: Final = "x-amz-object-lock"
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


class ObjectLock:
    """`keys` are obstore's `access_key_id`, `secret_access_key` and `token`; without them botocore looks for some."""

    hint = "turn on Object Lock for the bucket; docs/stores.md tells how"

    def __init__(self, wire: Wire, keys: Mapping[str, Any], *, lock: bool) -> None:
        self._wire = wire
        self._keys = keys
        self._mode = "COMPLIANCE" if lock else "GOVERNANCE"

    def look(self, path: str) -> Held:
        answer = self._wire.send("HEAD", self._wire.signed("HEAD", path))
        told = answer.headers
        until = told.get(f"{_LOCK}-retain-until-date")
        return Held(
            ENDLESS if told.get(f"{_LOCK}-legal-hold") == "ON" else _time(until) if until else None,
            told.get(f"{_LOCK}-mode", ""),
            told.get("x-amz-version-id", ""),
            store_time(answer),
        )

    def lengthen(self, path: str, until: datetime, present: Held) -> None:
        parts = urlsplit(self._wire.signed("PUT", path))
        region = parse_qs(parts.query)["X-Amz-Credential"][0].split("/")[-3]
        url = f"{parts.scheme}://{parts.netloc}{parts.path}?retention=&versionId={quote(present.version)}"
        mode = "COMPLIANCE" if present.mode == "COMPLIANCE" and present.active else self._mode
        body = (
            f'<Retention xmlns="{_NAMESPACE}"><Mode>{mode}</Mode>'
            f"<RetainUntilDate>{whole_seconds(until):%Y-%m-%dT%H:%M:%SZ}</RetainUntilDate></Retention>"
        ).encode()
        self._wire.send("PUT", url, self._headers(url, body, region), body)

    def _headers(self, url: str, body: bytes, region: str) -> dict[str, str]:
        request = _module("botocore.awsrequest").AWSRequest("PUT", url, data=body)
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        request.headers["Content-MD5"] = base64.b64encode(digest).decode()
        try:
            _module("botocore.auth").S3SigV4Auth(self._credentials, "s3", region).add_auth(request)
        except _module("botocore.exceptions").BotoCoreError:
            raise Refused(0) from None
        return dict(request.headers.items())

    @cached_property
    def _credentials(self) -> Any:
        """They renew themselves. Refused when there are none."""
        if "access_key_id" in self._keys:
            names = ("access_key_id", "secret_access_key", "token")
            return _module("botocore.credentials").Credentials(*(self._keys.get(name) for name in names))
        found = _module("botocore.session").Session().get_credentials()
        if found is None:
            raise Refused(401, "NoCredentials")
        return found


def _time(text: str) -> datetime:
    """As S3 writes it, 2026-03-29T01:00:00.000Z. ValueError for anything else."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise Unsupported(
            "holding objects in S3 needs botocore, which is not installed",
            hint="pip install 'firekeep[hold]'",
        ) from None
