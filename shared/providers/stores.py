"""Opening what obstore reaches: an S3 bucket, or one of a store that speaks its protocol, and an Azure container.

Neither asks the service anything yet. Credentials and region come from where the library looks for them: the variables
and roles that each service documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from shared.providers.objects import ObjectStoreProvider
from shared.providers.retention import NoRetention, Retention, Wire
from shared.providers.retention_azure import BlobImmutability, account_key
from shared.providers.retention_s3 import ObjectLock

CONNECTIONS: Final = 32

_S3_PERMISSIONS: Final = {
    "put": "s3:PutObject",
    "get": "s3:GetObject",
    "stat": "s3:GetObject",
    "list": "s3:ListBucket",
    "delete": "s3:DeleteObject",
    "hold": "s3:PutObjectRetention and s3:GetObjectRetention",
}
_AZURE: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_AZURE_PERMISSIONS: Final = {
    "put": f"{_AZURE}/write",
    "get": f"{_AZURE}/read",
    "stat": f"{_AZURE}/read",
    "list": f"{_AZURE}/read",
    "delete": f"{_AZURE}/delete",
    "hold": "the account's key",
}


def s3_provider(
    bucket: str,
    prefix: str = "",
    *,
    endpoint: str = "",
    timeout_s: float = 60.0,
    lock_holds: bool = False,
    config: Mapping[str, Any] | None = None,
) -> ObjectStoreProvider:
    """`endpoint` is the URL of a compatible store, empty for AWS; `config` goes to obstore's S3Store as it is.

    With `lock_holds` nobody can undo a hold.
    """
    from obstore.store import S3Store

    chosen: dict[str, Any] = {"conditional_put": "etag", "disable_bulk_delete": True, **(config or {})}
    # A bucket whose Object Lock has a default retention takes no upload without a checksum.
    chosen.setdefault("checksum_algorithm", "sha256")
    if endpoint:
        chosen |= {"endpoint": endpoint}
        chosen.setdefault("region", "us-east-1")
    store = S3Store(bucket, **chosen, **_manner(endpoint, timeout_s))
    retention = ObjectLock(Wire(store, timeout_s, CONNECTIONS), chosen, lock=lock_holds)
    return ObjectStoreProvider(store, f"s3://{bucket}", _S3_PERMISSIONS, retention, prefix)


def azure_provider(
    container: str,
    prefix: str = "",
    *,
    endpoint: str = "",
    timeout_s: float = 60.0,
    lock_holds: bool = False,
    config: Mapping[str, Any] | None = None,
) -> ObjectStoreProvider:
    """`endpoint` is the account's URL where it is not Azure's own; `config` goes to obstore's AzureStore as it is.

    With an `account_key` there single objects can be held; with `lock_holds` nobody can undo that.
    """
    from obstore.store import AzureStore

    chosen: dict[str, Any] = dict(config or {})
    if endpoint:
        chosen |= {"endpoint": endpoint}
    key = account_key(chosen.get("account_key", ""))
    store = AzureStore(container, **chosen, **_manner(endpoint, timeout_s))
    retention: Retention = NoRetention("set AZURE_STORAGE_ACCOUNT_KEY: holding needs the account's key")
    if key:
        wire = Wire(store, timeout_s, CONNECTIONS)
        retention = BlobImmutability(wire, container, key, lock=lock_holds)
    return ObjectStoreProvider(store, f"az://{container}", _AZURE_PERMISSIONS, retention, prefix)


def _manner(endpoint: str, timeout_s: float) -> dict[str, Any]:
    """One attempt each: trying again is the decorator's part."""
    client: dict[str, Any] = {
        "timeout": timedelta(seconds=timeout_s),
        "connect_timeout": timedelta(seconds=min(timeout_s, 10.0)),
        "pool_max_idle_per_host": str(CONNECTIONS),
    }
    if endpoint.startswith("http://"):
        client["allow_http"] = True
    return {"client_options": client, "retry_config": {"max_retries": 0}}
