"""Which document a Firestore CloudEvent is about. What it says of the content is never read.

The path arrives in HTTP headers, in one of three forms: percent-encoded as CloudEvents asks; as raw UTF-8 bytes
that the web server took for Latin-1, which is what Firestore sends (firebase/firebase-functions#1459); or right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from shared.errors import BadInput
from shared.format.key import checked_path, is_document, key_of_path

_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_SOURCE = re.compile(r"//firestore\.googleapis\.com/projects/([^/]+)/databases/([^/]+)")


def key_of_event(event: object, project: str, database: str) -> bytes:
    """The document's key. BadInput when the event is not about a document of this database, or contradicts itself."""
    attributes = _attributes(event)
    _check_place(attributes, project, database)
    subject, document = _text(attributes, "subject"), _text(attributes, "document")
    if subject and not subject.startswith("documents/"):
        raise BadInput("reading an event: its subject names no document")
    told = {_decoded(path) for path in (subject.removeprefix("documents/"), document) if path}
    if len(told) != 1:
        raise BadInput("reading an event: it names no document, or two different ones")
    key = key_of_path(checked_path(told.pop()))
    if not is_document(key):
        raise BadInput("reading an event: it names a collection")
    return key


def _attributes(event: object) -> Mapping[str, Any]:
    """Of a CloudEvent of the SDK, or of a mapping."""
    if isinstance(event, Mapping):
        return event
    read = getattr(event, "get_attributes", None)
    found = read() if callable(read) else None
    if not isinstance(found, Mapping):
        raise BadInput("reading an event: this is no CloudEvent")
    return found


def _check_place(attributes: Mapping[str, Any], project: str, database: str) -> None:
    """The event must be about this database wherever it says which."""
    source = _SOURCE.fullmatch(_text(attributes, "source"))
    projects = {_text(attributes, "project"), source[1] if source else ""} - {""}
    databases = {_text(attributes, "database"), source[2] if source else ""} - {""}
    if projects - {project} or databases - {database} or not (projects and databases):
        raise BadInput("reading an event: it is about another project or database, or does not say which")


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name, "")
    if not isinstance(value, str):
        raise BadInput(f"reading an event: its attribute {name} is not a text")
    return value


def _decoded(text: str) -> str:
    """Raw UTF-8 seen as Latin-1 is put right. Percent signs are an encoding only when each of them hides what the
    binding says must be hidden (so `%2F`, which ids do hold, stays), and nothing that should be hidden is in sight.
    """
    if not text.isascii():
        try:
            return text.encode("latin-1").decode()
        except UnicodeError:
            return text
    hidden = [int(digits, 16) for digits in _ESCAPE.findall(text)]
    encoded = len(hidden) == text.count("%") and all(
        byte <= 0x20 or byte >= 0x7F or byte in b'"%' for byte in hidden
    )
    if not hidden or not encoded or any(char in text for char in ' "'):
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadInput("reading an event: the name in it is not UTF-8") from None
