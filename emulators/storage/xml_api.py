"""The XML API, as signed URLs and obstore use it: objects and listings under `/BUCKET/OBJECT`.

https://cloud.google.com/storage/docs/xml-api/reference-methods. Buckets are made by the JSON API.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from emulators.storage import checksums, uploads
from emulators.storage.copying import copied
from emulators.storage.downloads import media, version_headers
from emulators.storage.inlet import TOKEN
from emulators.storage.listing import MOST, Page, Query, decode_token, encode_token, list_page
from emulators.storage.messages import Request, Response, as_xml
from emulators.storage.model import Version
from emulators.storage.names import check_object, decode
from emulators.storage.preconditions import Conditions
from emulators.storage.refusal import condition_not_met, invalid, not_modified, unsupported
from emulators.storage.service import Service
from emulators.storage.sessions import Plan
from emulators.storage.store import parse_generation
from emulators.storage.times import SECOND, rfc3339
from emulators.storage.xml_multipart import parted

_RESOURCES = frozenset(
    {
        "acl",
        "cors",
        "lifecycle",
        "logging",
        "versioning",
        "website",
        "tagging",
        "compose",
        "retention",
        "policy",
    }
)
_META = "x-goog-meta-"
_FIELDS = {
    "content-type": "contentType",
    "cache-control": "cacheControl",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "x-goog-custom-time": "customTime",
}


def xml(service: Service, request: Request) -> Response:
    """Any call whose path is `/BUCKET` or `/BUCKET/OBJECT`."""
    bucket, _, rest = request.path[1:].partition("/")
    if not bucket:
        raise unsupported("Listing buckets by the XML API")
    bucket, name = decode(bucket), decode(rest)
    found = next((word for word in request.query if word in _RESOURCES), None)
    if found is not None:
        raise unsupported(f"The XML API's {found}")
    if not name:
        return _bucket(service, request, bucket)
    uploads.refuse_keys(request)
    if "uploads" in request.query or "uploadId" in request.query:
        return parted(service, request, bucket, name)
    if "upload_id" in request.query:
        return _resume(service, request)
    handler = _OBJECT.get(request.method)
    if handler is None:
        raise unsupported(f"The XML API's {request.method}")
    return handler(service, request, bucket, check_object(name))


def etag(version: Version) -> str:
    """The MD5 in quotes; for composed content, which has none, something else that changes with it."""
    md5 = version.content.md5
    return f'"{md5.hex()}"' if md5 is not None else f'"-{version.etag}"'


def header_conditions(request: Request, prefix: str = "x-goog-if-") -> Conditions:
    names = ("generation-match", "metageneration-match")
    generation, metageneration = (parse_generation(request.headers.get(prefix + name)) for name in names)
    return Conditions(generation=generation, metageneration=metageneration)


def _bucket(service: Service, request: Request, bucket: str) -> Response:
    if request.method == "HEAD":
        service.store.bucket(bucket)
        return Response(200, [("Content-Type", "application/xml; charset=UTF-8")])
    if request.method != "GET" or "uploads" in request.query:
        raise unsupported(f"The XML API's {request.method} of a bucket")
    return _list(service, request, bucket)


def _list(service: Service, request: Request, bucket: str) -> Response:
    query = request.query
    token = query.get("continuation-token")
    marker = query.get("start-after") or query.get("marker") or ""
    most = request.number("max-keys")
    wanted = Query(
        query.get("prefix", ""),
        query.get("delimiter", ""),
        most=MOST if most is None else max(0, min(most, MOST)),
        after=decode_token(token) if token else (marker, 2**63) if marker else None,
    )
    with service.store.lock:
        page = list_page(service.store.bucket(bucket), wanted)
    return as_xml(_listing(bucket, wanted, page, encoded=query.get("encoding-type") == "url"))


def _listing(bucket: str, query: Query, page: Page, *, encoded: bool) -> str:
    text: Callable[[str], str] = quote if encoded else escape
    parts = [
        "<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>",
        f"<Name>{bucket}</Name><Prefix>{text(query.prefix)}</Prefix>",
        f"<MaxKeys>{query.most}</MaxKeys><KeyCount>{len(page.items) + len(page.prefixes)}</KeyCount>",
        f"<IsTruncated>{'true' if page.next else 'false'}</IsTruncated>",
    ]
    if page.next:
        parts.append(f"<NextContinuationToken>{encode_token(page.next)}</NextContinuationToken>")
        parts.append(f"<NextMarker>{text(page.next[0])}</NextMarker>")
    parts += [f"<CommonPrefixes><Prefix>{text(each)}</Prefix></CommonPrefixes>" for each in page.prefixes]
    parts += [_row(each, text(each.name)) for each in page.items]
    return "".join([*parts, "</ListBucketResult>"])


def _row(version: Version, key: str) -> str:
    return (
        f"<Contents><Key>{key}</Key><Generation>{version.generation}</Generation>"
        f"<MetaGeneration>{version.metageneration}</MetaGeneration>"
        f"<LastModified>{rfc3339(version.updated)}</LastModified><ETag>{escape(etag(version))}</ETag>"
        f"<Size>{version.content.size}</Size><StorageClass>{version.storage_class}</StorageClass></Contents>"
    )


def _get(service: Service, request: Request, bucket: str, name: str) -> Response:
    generation = parse_generation(request.query.get("generation"))
    version = service.store.find(bucket, name, generation, header_conditions(request))
    _check_headers(request, version)
    answer = media(request, version, etag(version))
    for key, text in version.attributes.get("metadata", {}).items():
        # Keys that cannot be part of a header's name are only seen by the JSON API.
        if TOKEN.fullmatch(key):
            answer.headers.append((_META + key, " ".join(text.splitlines())))
    return answer


def _check_headers(request: Request, version: Version) -> None:
    """The conditions of HTTP itself."""
    own = etag(version)
    match, none = request.headers.get("if-match"), request.headers.get("if-none-match")
    if match is not None and match.strip() != "*" and own not in match:
        raise condition_not_met()
    if none is not None and (none.strip() == "*" or own in none):
        raise not_modified()
    since, until = request.headers.get("if-modified-since"), request.headers.get("if-unmodified-since")
    second = version.updated // SECOND
    if until is not None and match is None and second > _seconds(until):
        raise condition_not_met()
    if since is not None and none is None and second <= _seconds(since):
        raise not_modified()


def _seconds(text: str) -> int:
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except ValueError:
        raise invalid("A date in the headers is not valid.") from None


def header_resource(request: Request) -> dict[str, Any]:
    """The fields that the headers give the object; custom metadata may be UTF-8."""
    resource: dict[str, Any] = {}
    metadata = {}
    for name, value in request.headers.items():
        if name in _FIELDS:
            resource[_FIELDS[name]] = value
        elif name.startswith(_META):
            metadata[name.removeprefix(_META)] = decode(value.replace("%", "%25"))
    if metadata:
        resource["metadata"] = metadata
    if "x-goog-storage-class" in request.headers:
        resource["storageClass"] = request.headers["x-goog-storage-class"]
    return resource


def _put(service: Service, request: Request, bucket: str, name: str) -> Response:
    wanted = header_conditions(request)
    source = request.headers.get("x-goog-copy-source")
    if source is not None:
        return _copy(service, request, bucket, name, source)
    plan = Plan(bucket, name, header_resource(request), wanted, checksums.from_headers(request.headers))
    return made(uploads.store(service, plan, request.body.blocks()))


def made(version: Version) -> Response:
    """The answer to a write: what was made, in headers."""
    return Response(200, [("ETag", etag(version)), *version_headers(version)])


def _copy(service: Service, request: Request, bucket: str, name: str, source: str) -> Response:
    from_bucket, _, from_name = source.removeprefix("/").partition("/")
    generation = parse_generation(request.headers.get("x-goog-copy-source-generation"))
    conditions = header_conditions(request, "x-goog-copy-source-if-")
    old = service.store.find(decode(from_bucket), decode(from_name), generation, conditions)
    replacing = request.headers.get("x-goog-metadata-directive", "COPY").upper() == "REPLACE"
    resource = header_resource(request)
    kept = resource if replacing else {key: resource[key] for key in ("storageClass",) if key in resource}
    version = service.store.insert(bucket, copied(old, kept, name), header_conditions(request))
    answer = as_xml(
        f"<CopyObjectResult><LastModified>{rfc3339(version.updated)}</LastModified>"
        f"<ETag>{escape(etag(version))}</ETag></CopyObjectResult>"
    )
    answer.headers += [("ETag", etag(version)), *version_headers(version)]
    return answer


def _delete(service: Service, request: Request, bucket: str, name: str) -> Response:
    generation = parse_generation(request.query.get("generation"))
    service.store.delete(bucket, name, generation, header_conditions(request))
    return Response(204)


def _post(service: Service, request: Request, bucket: str, name: str) -> Response:
    """Begins a resumable upload: the only POST of an object here."""
    if request.headers.get("x-goog-resumable") != "start":
        raise unsupported("An upload by an HTML form")
    plan = Plan(bucket, name, header_resource(request), header_conditions(request), {})
    session = uploads.open_session(service, plan, None)
    location = f"{request.base}{request.path}?upload_id={session.identity}"
    return Response(201, [("Location", location), ("X-GUploader-UploadID", session.identity)])


def _resume(service: Service, request: Request) -> Response:
    answer = uploads.resume(service, request)
    if answer.status != 200:
        return answer
    done = service.sessions.find(request.query["upload_id"]).done
    return made(done) if done is not None else answer


_OBJECT: dict[str, Callable[[Service, Request, str, str], Response]] = {
    "GET": _get,
    "HEAD": _get,
    "PUT": _put,
    "DELETE": _delete,
    "POST": _post,
}
