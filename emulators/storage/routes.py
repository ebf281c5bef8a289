"""Which handler answers which method and path, and how refusals are worded there."""

from __future__ import annotations

import re
from collections.abc import Callable

from emulators.storage import buckets, copying, firebase, notifications, objects, policies
from emulators.storage.batch import batch
from emulators.storage.messages import Request, Response, refused_json, refused_xml
from emulators.storage.names import decode
from emulators.storage.refusal import Refused, not_found, unsupported
from emulators.storage.service import Service
from emulators.storage.signed import check_signed
from emulators.storage.uploads import upload
from emulators.storage.xml_api import xml

Handler = Callable[..., Response]
# By method and number of segments: the segments, of which `*` stands for any, and what handles them.
Table = dict[tuple[str, int], list[tuple[list[str], Handler]]]
_HOME = re.compile(r"/(?:storage/v1/)?(?=(?:b|projects)(?:/|$))")
_UPLOAD = re.compile(r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o")
_DOWNLOAD = re.compile(r"/download/storage/v1/b/([^/]+)/o/([^/]+)")
_SAYS_JSON = re.compile(r"/(?:upload|download|resumable|batch|v0|storage)/")
_ACL = ("predefinedAcl", "predefinedDefaultObjectAcl", "destinationPredefinedAcl")
_OWN_ACL = frozenset({"private", "projectPrivate", "bucketOwnerFullControl"})
_CORS = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ("Access-Control-Max-Age", "3600"),
)


def _table(*rows: tuple[str, str, Handler]) -> Table:
    table: Table = {}
    for method, path, handler in rows:
        words = path.split("/")
        table.setdefault((method, len(words)), []).append((words, handler))
    return table


_JSON = _table(
    ("GET", "b", buckets.list_buckets),
    ("POST", "b", buckets.insert_bucket),
    ("GET", "b/*", buckets.get_bucket),
    ("PATCH", "b/*", buckets.patch_bucket),
    ("PUT", "b/*", buckets.update_bucket),
    ("DELETE", "b/*", buckets.delete_bucket),
    ("POST", "b/*/lockRetentionPolicy", buckets.lock_policy),
    ("GET", "b/*/storageLayout", buckets.storage_layout),
    ("GET", "b/*/iam", policies.get_policy),
    ("PUT", "b/*/iam", policies.set_policy),
    ("GET", "b/*/iam/testPermissions", policies.test_permissions),
    ("GET", "b/*/notificationConfigs", notifications.list_notifications),
    ("POST", "b/*/notificationConfigs", notifications.insert_notification),
    ("GET", "b/*/notificationConfigs/*", notifications.get_notification),
    ("DELETE", "b/*/notificationConfigs/*", notifications.delete_notification),
    ("GET", "b/*/o", objects.list_objects),
    ("POST", "b/*/o", upload),
    ("GET", "b/*/o/*", objects.get_object),
    ("PATCH", "b/*/o/*", objects.patch_object),
    ("PUT", "b/*/o/*", objects.update_object),
    ("DELETE", "b/*/o/*", objects.delete_object),
    ("POST", "b/*/o/*/restore", objects.restore_object),
    ("POST", "b/*/o/*/compose", copying.compose_object),
    ("POST", "b/*/o/*/moveTo/o/*", copying.move_object),
    ("POST", "b/*/o/*/copyTo/b/*/o/*", copying.copy_object),
    ("POST", "b/*/o/*/rewriteTo/b/*/o/*", copying.rewrite_object),
    ("GET", "projects/*/serviceAccount", buckets.service_account),
)
_FIREBASE = _table(
    ("GET", "b/*/o", firebase.list_objects),
    ("POST", "b/*/o", firebase.post),
    ("PUT", "b/*/o", firebase.post),
    ("GET", "b/*/o/*", firebase.get),
    ("POST", "b/*/o/*", firebase.post),
    ("PATCH", "b/*/o/*", firebase.patch),
    ("PUT", "b/*/o/*", firebase.patch),
    ("DELETE", "b/*/o/*", firebase.delete),
)


class Router:
    """Answers every request; only what is a fault of ours leaves as an exception."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle(self, request: Request) -> Response:
        answer = self._preflight(request) if request.method == "OPTIONS" else self._answer(request)
        if "origin" in request.headers:
            answer.headers.append(("Access-Control-Allow-Origin", "*"))
            answer.headers.append(("Access-Control-Expose-Headers", "*"))
        return answer

    def _preflight(self, request: Request) -> Response:
        asked = request.headers.get("access-control-request-headers", "*")
        return Response(204, [*_CORS, ("Access-Control-Allow-Headers", asked)])

    def _answer(self, request: Request) -> Response:
        home = _HOME.match(request.path)
        try:
            if request.query:
                check_signed(request, self._service.store.clock())
                _check_acl(request)
            if home is not None:
                return self._json(request, request.path[home.end() :], _JSON)
            if request.path.startswith("/v0/"):
                return self._json(request, request.path[4:], _FIREBASE)
            return self._other(request)
        except Refused as refusal:
            return (
                refused_json(refusal)
                if home is not None or _SAYS_JSON.match(request.path)
                else refused_xml(refusal)
            )

    def _json(self, request: Request, path: str, table: Table) -> Response:
        words = path.split("/")
        for pattern, handler in table.get((request.method, len(words)), ()):
            pairs = list(zip(pattern, words, strict=True))
            if all(wanted in {"*", word} for wanted, word in pairs):
                return handler(
                    self._service, request, *[decode(word) for wanted, word in pairs if wanted == "*"]
                )
        raise _unknown(request.method, words)

    def _other(self, request: Request) -> Response:
        path = request.path
        if found := _UPLOAD.fullmatch(path):
            return upload(self._service, request, decode(found[1]))
        if found := _DOWNLOAD.fullmatch(path):
            return objects.download_object(self._service, request, decode(found[1]), decode(found[2]))
        if path.startswith("/batch") and request.method == "POST":
            return batch(request, self._answer)
        return xml(self._service, request)


_KNOWN = re.compile(
    r"(?:acl|defaultObjectAcl|folders|managedFolders|anywhereCaches|hmacKeys|restore|relocate|operations|bulkRestore"
    r"|watch|channels)"
)


def _check_acl(request: Request) -> None:
    """Refused when others are to be let in: access control lists are not kept."""
    if any(request.query.get(name, "private") not in _OWN_ACL for name in _ACL):
        raise unsupported("A predefined access control list that lets others in")


def _unknown(method: str, words: list[str]) -> Refused:
    """What the service has and this does not is said to be so; anything else is not found."""
    feature = next((word for word in words[2:] if _KNOWN.fullmatch(word)), None)
    if feature is not None:
        return unsupported(f"{method} of {feature}")
    return not_found()
