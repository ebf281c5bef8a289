"""Requests and responses as the handlers see them, and refusals in JSON and in XML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from emulators.storage.refusal import Refused, invalid

if TYPE_CHECKING:
    from emulators.storage.content import Content
    from emulators.storage.inlet import Body

JSON_MOST = 1 << 20
_TRUE = frozenset({"true", "1", "True"})
_CODES = {
    "conditionNotMet": "PreconditionFailed",
    "conflict": "BucketAlreadyExists",
    "forbidden": "AccessDenied",
    "invalid": "InvalidArgument",
    "notImplemented": "NotImplemented",
    "requestedRangeNotSatisfiable": "InvalidRange",
    "retentionPolicyNotMet": "RetentionPolicyNotMet",
    "objectUnderActiveHold": "ObjectUnderActiveHold",
}


@dataclass(slots=True)
class Request:
    """`path` is as it was sent, still percent-encoded; header names are lower-case."""

    method: str
    path: str
    pairs: list[tuple[str, str]]
    headers: dict[str, str]
    body: Body
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.query = dict(self.pairs)

    @property
    def base(self) -> str:
        """The server's address as this client knows it."""
        return f"http://{self.headers.get('host', 'localhost')}"

    def flag(self, name: str) -> bool:
        return self.query.get(name) in _TRUE

    def number(self, name: str) -> int | None:
        """A query parameter that counts. Refused when it is not a whole number that fits 64 bits."""
        text = self.query.get(name)
        if text is None:
            return None
        try:
            value = int(text)
        except ValueError:
            raise invalid(f"Invalid value for {name}: {text[:100]}") from None
        if not -(2**63) <= value < 2**63:
            raise invalid(f"Invalid value for {name}: {text[:100]}")
        return value

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; none is an empty one. Refused when it is something else."""
        data = self.body.read(JSON_MOST)
        return parse_object(data) if data.strip() else {}


def parse_object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused(400, "parseError", "Parse Error") from None
    if not isinstance(value, dict) or (b"\\u" in data and not _encodable(value)):
        raise Refused(400, "parseError", "Parse Error")
    return value


def _encodable(value: dict[str, Any]) -> bool:
    """Whether no text in it has half of a surrogate pair, which escapes can write."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def split_target(target: str) -> tuple[str, list[tuple[str, str]]]:
    """A request target as its raw path and its query, decoded."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        target = "/" + rest.partition("/")[2]
    path, _, query = target.partition("?")
    try:
        return path, parse_qsl(query, keep_blank_values=True, errors="strict") if query else []
    except ValueError:
        raise invalid("The query is not valid UTF-8.") from None


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of stored content to be sent, from `start` up to before `end`."""

    content: Content
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Torn:
    """A body whose connection breaks after its first bytes, which `sent` is told: the head announces all of it."""

    body: bytes | Span
    first: int
    sent: Callable[[], None]


@dataclass(slots=True)
class Response:
    """`body` is bytes, a span of stored content, an iterator whose length is not known, or one that breaks."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | Span | Torn | Iterator[bytes] = b""


_JSON = ("Content-Type", "application/json; charset=UTF-8")
_XML = ("Content-Type", "application/xml; charset=UTF-8")


def as_json(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, [_JSON, *headers], json.dumps(value, ensure_ascii=False).encode())


def as_xml(text: str, status: int = 200) -> Response:
    return Response(status, [_XML], f"<?xml version='1.0' encoding='UTF-8'?>{text}".encode())


def refused_json(refusal: Refused) -> Response:
    """The JSON API's error document."""
    if refusal.status == 304:
        return Response(304, list(refusal.headers))
    error = {"message": refusal.message, "domain": "global", "reason": refusal.reason}
    document = {"error": {"code": refusal.status, "message": refusal.message, "errors": [error]}}
    return as_json(document, refusal.status, refusal.headers)


def refused_xml(refusal: Refused, *, bucket_only: bool = False) -> Response:
    """The XML API's error document."""
    if refusal.status == 304:
        return Response(304, list(refusal.headers))
    code = _CODES.get(refusal.reason, refusal.reason)
    if refusal.status == 404 and refusal.reason == "notFound":
        missing_bucket = bucket_only or "bucket" in refusal.message.split(":")[0]
        code = "NoSuchBucket" if missing_bucket else "NoSuchKey"
    answer = as_xml(
        f"<Error><Code>{code}</Code><Message>{escape(refusal.message)}</Message></Error>", refusal.status
    )
    answer.headers.extend(refusal.headers)
    return answer
