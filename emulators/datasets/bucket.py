"""Puts files into a bucket of a Storage emulator, changes and removes them, by the JSON API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from emulators.datasets.pictures import File
from emulators.datasets.services import Http

_BOUNDARY = "end-of-part-7d1f0c"


@dataclass(frozen=True)
class Bucket:
    """A bucket of an emulator at `address`, HOST:PORT."""

    address: str
    name: str

    def url(self, name: str, token: str) -> str:
        """The file's download URL, as Firebase's clients make it."""
        return f"http://{self.address}/v0/b/{self.name}/o/{quote(name, safe='')}?alt=media&token={token}"

    def path(self, name: str) -> str:
        """Of a file, in the JSON API."""
        return f"/storage/v1/b/{quote(self.name, safe='')}/o/{quote(name, safe='')}"


def put_files(bucket: Bucket, files: Mapping[str, File]) -> None:
    """Upload them whole, whatever was there. BadInput when the emulator refuses one."""
    path = f"/upload/storage/v1/b/{quote(bucket.name, safe='')}/o?uploadType=multipart"
    with _http(bucket) as http:
        for name, file in files.items():
            http.call("POST", path, _multipart({**file.fields, "name": name}, file.data), _MULTIPART)


def patch_file(bucket: Bucket, name: str, fields: Mapping[str, Any]) -> None:
    """Change what is said of a file, and not its bytes."""
    with _http(bucket) as http:
        http.call("PATCH", bucket.path(name), json.dumps(fields), {"Content-Type": "application/json"})


def delete_files(bucket: Bucket, names: Iterable[str]) -> None:
    """Remove files that are there."""
    with _http(bucket) as http:
        for name in names:
            http.call("DELETE", bucket.path(name))


def list_files(bucket: Bucket) -> list[str]:
    """The names of all files that are there."""
    path = f"/storage/v1/b/{quote(bucket.name, safe='')}/o?fields=items(name),nextPageToken&pageToken="
    names: list[str] = []
    page: str | None = ""
    with _http(bucket) as http:
        while page is not None:
            answer = http.call("GET", path + quote(page))
            names += [item["name"] for item in answer.get("items", ())]
            page = answer.get("nextPageToken")
    return names


_MULTIPART = {"Content-Type": f"multipart/related; boundary={_BOUNDARY}"}


def _http(bucket: Bucket) -> Http:
    return Http(bucket.address, "Cloud Storage")


def _multipart(resource: Mapping[str, Any], data: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{json.dumps(resource)}\r\n"
    kind = resource.get("contentType", "application/octet-stream")
    between = f"--{_BOUNDARY}\r\nContent-Type: {kind}\r\n\r\n"
    return (head + between).encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
