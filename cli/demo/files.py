"""A reader of files that shares no code with what it checks: Google's client for them, plain HTTP for their URLs."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore, storage

from cli.demo.comparison import Comparison, compared
from emulators.datasets.bucket import Bucket
from emulators.datasets.guide import PHOTOS
from emulators.datasets.pictures import File, Files
from emulators.loopback import check_loopback

_TIMEOUT_S = 60
_READ = {
    "cacheControl": "cache_control",
    "contentDisposition": "content_disposition",
    "contentEncoding": "content_encoding",
    "contentLanguage": "content_language",
    "contentType": "content_type",
    "metadata": "metadata",
    "storageClass": "storage_class",
}
"""Fields of the JSON API, and what the client calls them."""


def compare_files(expected: Files, bucket: Bucket) -> Comparison:
    """Download every file of the bucket, and compare bytes and attributes."""
    return compared(expected, _files(bucket))


def follow_urls(expected: Files, project: str) -> Comparison:
    """Get what the app's documents have the URL of, as a browser does, and compare it with the files that have one."""
    wanted = {name: file.data for name, file in expected.items() if file.token}
    with closing(firestore.Client(project=project)) as client:
        photos = [snapshot.to_dict() or {} for snapshot in client.collection(PHOTOS).stream()]
    return compared(wanted, ((photo["file"], _got(photo["url"])) for photo in photos))


def _files(bucket: Bucket) -> Iterator[tuple[str, File]]:
    options: dict[str, Any] = {"api_endpoint": f"http://{bucket.address}"}
    with closing(
        storage.Client(project="none", credentials=AnonymousCredentials(), client_options=options)
    ) as client:
        for blob in client.bucket(bucket.name).list_blobs():
            fields = {name: getattr(blob, attribute) for name, attribute in _READ.items()}
            told = {name: value for name, value in fields.items() if value is not None}
            yield blob.name, File(blob.download_as_bytes(raw_download=True), told)


def _got(url: str) -> bytes | None:
    """The bytes as they are stored; None when the URL does not work."""
    check_loopback(urllib.parse.urlsplit(url).hostname or "")
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})  # noqa: S310  # http, to loopback
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # as above
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError:
        return None
