"""A discovery document: which requests it allows, and what it says of the fields of bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

FOLDER = Path(__file__).parent / "discovery"
GLOBAL = {"alt", "fields", "key", "prettyPrint"}


@dataclass(frozen=True)
class Found:
    """A method, and what its path names."""

    id: str
    name: str
    method: Mapping[str, Any]


class Discovery:
    def __init__(self, api: str) -> None:
        self.document: dict[str, Any] = json.loads((FOLDER / f"{api}.json").read_text())

    def find(self, verb: str, path: str) -> Found | None:
        """The method of a request; of several (a list and a resource of another kind) the most particular one."""
        found = [
            Found(name, unquote(match[1]), method)
            for name, method in self.document["methods"].items()
            if method["httpMethod"] == verb and (match := self._match(method, path))
        ]
        return max(found, key=lambda one: len(one.method["path"]), default=None)

    def wrong_query(self, found: Found, query: Mapping[str, str]) -> list[str]:
        return sorted(set(query) - set(found.method["parameters"]) - GLOBAL)

    def wrong(self, schema: str | None, value: Any) -> list[str]:
        """The places in a body that its schema does not allow."""
        return [] if schema is None else list(self._wrong({"$ref": schema}, value, schema))

    def read_only(self, schema: str, above: str = "", seen: frozenset[str] = frozenset()) -> Iterator[str]:
        """Paths of what only the service sets, `*` for any place in a list or map."""
        if schema in seen:
            return
        for name, field in self.document["schemas"][schema]["properties"].items():
            if field.get("readOnly"):
                yield above + name
                continue
            inner = field.get("items") or field.get("additionalProperties")
            below = f"{above}{name}.*." if inner else f"{above}{name}."
            reference = (inner or field).get("$ref")
            if reference:
                yield from self.read_only(reference, below, seen | {schema})

    @staticmethod
    def _match(method: Mapping[str, Any], path: str) -> re.Match[str] | None:
        variable = re.search(r"\{\+(\w+)\}", method["path"])
        assert variable
        pattern = method["parameters"][variable[1]]["pattern"].strip("^$")
        before, after = (re.escape(part) for part in method["path"].split(variable[0]))
        return re.fullmatch(f"/{before}({pattern}){after}", path)

    def _wrong(self, schema: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
        if "$ref" in schema:
            schema = self.document["schemas"][schema["$ref"]]
        kind = schema.get("type", "object")
        if not _is(kind, schema.get("format", ""), value):
            yield f"{where}: no {kind}"
        elif kind == "array":
            for item in value:
                yield from self._wrong(schema["items"], item, f"{where}[]")
        elif kind == "object":
            for name, field in value.items():
                inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
                if inner is None:
                    yield f"{where}.{name}: unknown"
                elif inner.get("type") != "any":
                    yield from self._wrong(inner, field, f"{where}.{name}")
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where}: not among its values"


def _is(kind: str, form: str, value: Any) -> bool:
    types = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
        "array": list,
        "object": dict,
    }
    return isinstance(value, types.get(kind, object)) and not (form == "int64" and not str(value).isdecimal())
