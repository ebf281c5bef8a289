"""Opening Google's buckets: by google-cloud-storage for any of them, by firebase-admin for the app's own.

Neither asks the service anything yet. With an emulator nobody has to sign in.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, Final

from shared.errors import BadInput

CONNECTIONS: Final = 32
"""Kept open to a bucket: as many as there are transfers at once, and some for small requests between them."""

_APP: Final = "firekeep-storage"
_LOCK = Lock()


def cloud_bucket(name: str, project: str = "", emulator: str = "") -> Any:
    """Any bucket. `emulator` is HOST:PORT or a URL; without one the machine's own Google credentials are used."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if emulator:
        client = storage.Client(
            project=project or "emulated",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": _url(emulator)},
        )
    else:
        # Only making a bucket needs a project; looking for one would fail where there is none.
        client = storage.Client(project=project or "unknown")
    return _widened(client).bucket(name)


def firebase_bucket(name: str, project: str = "", emulator: str = "") -> Any:
    """The app's bucket, or the one named. BadInput when none is named and FIREBASE_CONFIG names none either."""
    from firebase_admin import storage

    try:
        bucket = storage.bucket(name or None, app=_app(name, project, bool(emulator)))
    except ValueError:
        raise BadInput(
            "the repository is in the app's bucket, but nothing tells which that is",
            hint="write firebase://BUCKET/PREFIX with the bucket's name from the Firebase console",
        ) from None
    if emulator:
        bucket.client._connection.API_BASE_URL = _url(emulator)
    _widened(bucket.client)
    return bucket


def _app(name: str, project: str, emulated: bool) -> Any:
    """An app of our own. Without a bucket's name its options are what FIREBASE_CONFIG says."""
    import firebase_admin

    app = f"{_APP}-{project}-{emulated}-{bool(name)}"
    with _LOCK:
        try:
            return firebase_admin.get_app(app)
        except ValueError:
            options = {"projectId": project} if name and project else None
            return firebase_admin.initialize_app(_nobody() if emulated else None, options, app)


def _url(emulator: str) -> str:
    return emulator if "://" in emulator else f"http://{emulator}"


def _nobody() -> Any:
    from firebase_admin import credentials
    from google.auth.credentials import AnonymousCredentials

    class Nobody(credentials.Base):  # type: ignore[misc]
        """Credentials for an emulator, which asks for none."""

        def get_credential(self) -> Any:
            return AnonymousCredentials()

    return Nobody()


def _widened(client: Any) -> Any:
    """The client with room for as many connections as there are transfers, and without its own curiosity: it would
    look up the bucket in the background, to label traces, with a permission that a backup need not have."""
    from requests.adapters import HTTPAdapter

    for scheme in ("https://", "http://"):
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS)
        client._http.mount(scheme, adapter)
    client._bucket_metadata_cache = None
    return client
