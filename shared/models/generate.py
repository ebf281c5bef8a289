"""Writes what client apps need to know of the models: `python -m shared.models.generate [FOLDER]`.

JSON Schema for each model under docs/schema/, TypeScript declarations in web/types/firekeep.d.ts. A test
fails while these differ from what the models say.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from pydantic.alias_generators import to_camel

from shared.errors import Unsupported
from shared.models import Backup, BackupConfig, Recovery, StorageConfig
from shared.models.answers import RequestAnswer
from shared.models.base import Model
from shared.models.callables import CALLABLES, CallableSpec
from shared.models.health import BackupStatistics, Health, RecoveryStatistics
from shared.models.jobs import (
    BackupRequest,
    PartRequest,
    RestoreRequest,
    RotateRequest,
    SnapshotRequest,
    VerifyRequest,
)
from shared.models.progress import ProgressDocument
from shared.models.retention import RetentionPolicy, RotationState
from shared.models.schedules import BackupSchedule
from shared.models.sets import BackupSet, BackupTemplate

Schema = Mapping[str, Any]

MODELS: Final[tuple[type[Model], ...]] = (
    BackupConfig,
    Backup,
    Recovery,
    StorageConfig,
    BackupSet,
    BackupTemplate,
    BackupSchedule,
    BackupRequest,
    RequestAnswer,
    SnapshotRequest,
    PartRequest,
    VerifyRequest,
    RestoreRequest,
    RotateRequest,
    RetentionPolicy,
    RotationState,
    Health,
    BackupStatistics,
    RecoveryStatistics,
    ProgressDocument,
    *sorted(
        {model for spec in CALLABLES for model in (spec.input, spec.output)} - {BackupSet, BackupTemplate},
        key=lambda model: model.__name__,
    ),
)

_HEADER: Final = """\
// Generated from the models by `python -m shared.models.generate`; edit those instead.
//
// Dates are declared as `Date`, as the specification does, and that is what Firestore's clients take when
// writing. When reading they hand back a Timestamp: use `Stored<Backup>` and `.toDate()` there.
// Requests that travel as JSON carry dates as ISO 8601 texts: use `Sent<SnapshotRequest>`.

/** The part of a Firestore `Timestamp` that is used here. */
export interface TimestampLike {
  readonly seconds: number;
  readonly nanoseconds: number;
  toDate(): Date;
}

/** `T` with another type in place of each date. */
export type WithDatesAs<D, T> = T extends Date
  ? D
  : T extends object
    ? { [K in keyof T]: WithDatesAs<D, T[K]> }
    : T;

/** A document as read from Firestore. */
export type Stored<T> = WithDatesAs<TimestampLike, T>;

/** A request as it travels in JSON. */
export type Sent<T> = WithDatesAs<string, T>;
"""

_CLIENT: Final = """\
// Generated from the models by `python -m shared.models.generate`; edit those instead.
//
// The callables of firekeep, typed. What it throws are FirebaseFunctionsError, whose `code` is such as
// 'functions/permission-denied'; docs/callables.md tells which there are.

import {{ httpsCallable, type Functions }} from 'firebase/functions';
import type {{
  {names},
  Sent,
}} from '../types/firekeep';

/** `functions` of the region that firekeep is deployed to; `name` of its function there. */
export function firekeep(functions: Functions, name = 'firekeep-api') {{
  const call = async <Input, Output>(callable: string, input: Input): Promise<Output> =>
    (await httpsCallable<Input, Output>(functions, `${{name}}/${{callable}}`)(input)).data;
  return {{
{methods}
  }};
}}

export type Firekeep = ReturnType<typeof firekeep>;
"""

_SIMPLE: Final = {"boolean": "boolean", "integer": "number", "number": "number", "string": "string"}


def schema(model: type[Model]) -> dict[str, Any]:
    """The model's JSON Schema: optional fields are absent, never null; names in descriptions as outside."""
    raw = model.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_tidied(raw)}


def generated() -> dict[str, str]:
    """The content of every generated file, by its path in the project."""
    schemas = {model.__name__: schema(model) for model in MODELS}
    files = {f"docs/schema/{name}.json": json.dumps(body, indent=2) + "\n" for name, body in schemas.items()}
    interfaces = [_interface(name, body) for name, body in schemas.items()]
    return {
        **files,
        "web/types/firekeep.d.ts": "\n".join([_HEADER, *interfaces]),
        "web/client/firekeep.ts": _client(CALLABLES),
    }


def _client(specs: tuple[CallableSpec, ...]) -> str:
    """A function for each callable, typed by what goes in and out."""
    models = sorted({model.__name__ for spec in specs for model in (spec.input, spec.output)})
    methods = [line for spec in specs for line in _method(spec)]
    return _CLIENT.format(names=",\n  ".join(models), methods="\n".join(methods))


def _method(spec: CallableSpec) -> Iterator[str]:
    given = spec.input.__name__
    yield f"    /** {spec.summary} Takes the role {spec.role}. */"
    optional = not any(field.is_required() for field in spec.input.model_fields.values())
    default = " = {}" if optional else ""
    yield f"    {spec.name}: (input: Sent<{given}>{default}): Promise<Sent<{spec.output.__name__}>> =>"
    yield f"      call('{spec.name}', input),"


def _tidied(node: Schema) -> dict[str, Any]:
    rest = {key: value for key, value in node.items() if key != "title" and (key, value) != ("default", None)}
    if "anyOf" in rest:
        (only,) = [choice for choice in rest.pop("anyOf") if choice != {"type": "null"}]
        rest = {**only, **rest}
    if "description" in rest:
        rest["description"] = _in_camel_case(" ".join(rest["description"].split()))
    if "items" in rest:
        rest["items"] = _tidied(rest["items"])
    for key in rest.keys() & {"properties", "$defs"}:
        rest[key] = {name: _tidied(inner) for name, inner in rest[key].items()}
    return rest


def _in_camel_case(text: str) -> str:
    return re.sub("`([a-z_]+)`", lambda found: f"`{to_camel(found[1])}`", text)


def _interface(name: str, body: Schema) -> str:
    lines = wrap(body["description"], 100, initial_indent=" * ", subsequent_indent=" * ")
    return "\n".join(["/**", *lines, " */", f"export interface {name} {_object(body, body, '')}", ""])


def _object(node: Schema, root: Schema, indent: str) -> str:
    return "\n".join(["{", *_fields(node, root, indent + "  "), indent + "}"])


def _fields(node: Schema, root: Schema, indent: str) -> Iterator[str]:
    for name, field in node["properties"].items():
        optional = "" if name in node.get("required", ()) else "?"
        yield f"{indent}{name}{optional}: {_type(field, root, indent)};"


def _type(node: Schema, root: Schema, indent: str) -> str:
    if "$ref" in node:
        return _object(root["$defs"][node["$ref"].rpartition("/")[2]], root, indent)
    if "enum" in node:
        return " | ".join(f"'{value}'" for value in node["enum"])
    if node.get("format") == "date-time":
        return "Date"
    if "const" in node:
        return f"'{node['const']}'"
    if node.get("type") == "array":
        return f"{_type(node['items'], root, indent)}[]"
    if node.get("type") not in _SIMPLE:
        raise Unsupported(f"the type {node.get('type')!r} of a field has no TypeScript form here")
    return _SIMPLE[node["type"]]


def main(folder: Path) -> None:
    """Write the generated files below `folder`."""
    for path, content in generated().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
