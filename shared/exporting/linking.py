"""Addresses under which one object of a store can be fetched, by anybody who has them and for a time.

Not a verb of the store: some can, some cannot, and those that cannot say why.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from shared.errors import Unsupported

MOST: Final = timedelta(days=7)
"""What signatures of Google Cloud Storage and S3 last at most."""


class Linking(Protocol):
    """A store's way of making links."""

    def link(self, key: str, lasts: timedelta) -> str:
        """The address. Unsupported when there can be none, saying why and what to do."""


class PathLinks:
    """A folder's: where the object is. It does not end by itself."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def link(self, key: str, lasts: timedelta) -> str:  # noqa: ARG002  # the port's signature
        return str(self._root.absolute() / key)


class CloudLinks:
    """Google's: a V4 signature. `bucket` is a google.cloud.storage Bucket, `lead` the beginning of every key."""

    def __init__(self, bucket: Any, lead: str) -> None:
        self._bucket = bucket
        self._lead = lead

    def link(self, key: str, lasts: timedelta) -> str:
        from google.auth.exceptions import GoogleAuthError

        blob = self._bucket.blob(self._lead + key)
        try:
            return str(blob.generate_signed_url(version="v4", expiration=_checked(lasts), method="GET"))
        except (AttributeError, TypeError, GoogleAuthError):
            raise Unsupported(
                "no link could be made: these credentials cannot sign",
                hint="use a service account's key, or send the object by other means",
            ) from None


class StoreLinks:
    """Those of S3, what speaks its protocol, and Azure, through obstore. `store` is of one bucket."""

    def __init__(self, store: Any, lead: str) -> None:
        self._store = store
        self._lead = lead

    def link(self, key: str, lasts: timedelta) -> str:
        import obstore
        from obstore.exceptions import BaseError

        try:
            return str(obstore.sign(self._store, "GET", self._lead + key, _checked(lasts)))
        except (BaseError, ValueError):
            raise Unsupported(
                "no link could be made: these credentials cannot sign",
                hint="check the store's credentials, or send the object by other means",
            ) from None


def store_links(scheme: str, bucket: str, lead: str, endpoint: str) -> StoreLinks:
    """For `s3` or `az`; `endpoint` as the providers take it."""
    from obstore.store import AzureStore, S3Store

    chosen: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    if endpoint.startswith("http://"):
        chosen["client_options"] = {"allow_http": True}
    if scheme == "az":
        return StoreLinks(AzureStore(bucket, **chosen), lead)
    if endpoint:
        chosen["region"] = "us-east-1"
    return StoreLinks(S3Store(bucket, **chosen), lead)


def _checked(lasts: timedelta) -> timedelta:
    if lasts > MOST:
        raise Unsupported(
            f"no link could be made: it cannot last longer than {MOST.days} days", hint="choose --expires 7d"
        )
    return lasts
