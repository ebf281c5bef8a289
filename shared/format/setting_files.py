"""Settings as files: what Firebase's own tools read, and for what no tool takes, how people bring it back.

The files hold what the settings hold, the providers' secrets and the key of the password hashes among it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.format import setting
from shared.format.setting import (
    AUTH_CONFIG,
    AUTH_IDP,
    AUTH_TENANT,
    FIELD,
    INDEX,
    RULES,
    TEMPLATE,
    JsonObject,
)

INSTRUCTIONS: Final = "RESTORE.md"

_TEMPLATE: Final = "remoteconfig.template.json"
_INDEX_NAME = re.compile(
    r"projects/[^/]+/databases/[^/]+/collectionGroups/([^/]+)/(?:indexes|fields)/(.+)", re.DOTALL
)
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SINGLE: Final = ("apiScope", "density", "multikey", "unique")
_FLAGS: Final = {
    "signerKey": "hash-key",
    "saltSeparator": "salt-separator",
    "rounds": "rounds",
    "memoryCost": "mem-cost",
}


@dataclass(frozen=True)
class File:
    """`name` is a plain file name; `how` says what brings it back, and repeats no content."""

    name: str
    data: bytes
    how: str


def files_of(records: Iterable[tuple[bytes, bytes]], database: str = "(default)") -> list[File]:
    """The files of settings, given as keys and values, and one that says what to do with them.

    They make a folder that `firebase deploy` takes as it is. Documents are not among them. Nothing for no settings.
    """
    found = [
        (name, setting.decode(value)) for name, value in sorted(records) if not setting.is_document(value)
    ]
    released = {name: one for name, one in found if one.kind == RULES}
    names = _rules_names(released)
    rules = [file for name, one in released.items() for file in _rules(names[name], one)]
    deployed = [*rules, *_indexes(found), *_template(found)]
    if deployed:
        content = _json(_project(names, {file.name for file in deployed}, database))
        deployed.append(
            File("firebase.json", content, "names the files above; change the bucket where it is another")
        )
    files = [*deployed, *_authentication(found), *_hashes(found)]
    return [*files, _instructions(files)] if files else []


def _rules_names(released: Iterable[bytes]) -> dict[bytes, str]:
    """The file of each key: `firestore.rules`, `storage.rules`, or one for each bucket when there are several."""
    names = {key: setting.segments_of(key) for key in released}
    several = sum(len(segments) > 2 for segments in names.values()) > 1
    files: dict[bytes, str] = {}
    for number, (key, (service, _, *bucket)) in enumerate(names.items()):
        # Names that no bucket can have could leave the folder, or be two times the same.
        shown = [name if _SAFE.fullmatch(name) else f"_{number}" for name in bucket if several]
        files[key] = ".".join((service, *shown, "rules"))
    return files


def _rules(name: str, one: setting.Setting) -> Iterator[File]:
    """A ruleset has one file; the further ones that its format allows are kept beside it."""
    sources = setting.inner(one.resource, "ruleset", "source", "files")
    only = "firestore:rules" if name == "firestore.rules" else "storage"
    for number, source in enumerate(sources if isinstance(sources, list) else [], 1):
        content = str(setting.inner(source, "content") or "").encode()
        yield File(name if number == 1 else f"{number}.{name}", content, f"firebase deploy --only {only}")


def _indexes(found: list[tuple[bytes, setting.Setting]]) -> Iterator[File]:
    indexes = [_index(one.resource) for _, one in found if one.kind == INDEX]
    # The database's own defaults are no override, and the tool takes them for one.
    fields = [
        _field(one)
        for name, one in found
        if one.kind == FIELD and "__default__" not in setting.segments_of(name)
    ]
    if indexes or fields:
        content = _json({"indexes": indexes, "fieldOverrides": fields})
        yield File("firestore.indexes.json", content, "firebase deploy --only firestore:indexes")


def _index(index: JsonObject) -> JsonObject:
    told: JsonObject = {name: index[name] for name in ("queryScope", "fields", *_SINGLE) if name in index}
    return {"collectionGroup": _place(index)[0], **told}


def _field(one: setting.Setting) -> JsonObject:
    group, field = _place(one.resource)
    listed = setting.inner(one.resource, "indexConfig", "indexes")
    indexes = [_single(index) for index in (listed if isinstance(listed, list) else [])]
    return {
        "collectionGroup": group,
        "fieldPath": field,
        "ttl": "ttlConfig" in one.resource,
        "indexes": indexes,
    }


def _single(index: object) -> JsonObject:
    """An index over one field, which the tool names beside the list of them."""
    fields = setting.inner(index, "fields")
    first = fields[0] if isinstance(fields, list) and fields else None
    told = {name: setting.inner(index, name) for name in ("queryScope", *_SINGLE)}
    told |= {name: setting.inner(first, name) for name in ("order", "arrayConfig")}
    return {name: value for name, value in told.items() if value is not None}


def _place(resource: JsonObject) -> tuple[str, str]:
    place = _INDEX_NAME.fullmatch(str(resource.get("name", "")))
    return (place[1], place[2]) if place else ("", "")


def _template(found: list[tuple[bytes, setting.Setting]]) -> Iterator[File]:
    for _, one in found:
        if one.kind == TEMPLATE:
            yield File(_TEMPLATE, _json(one.counted), "firebase deploy --only remoteconfig")


def _project(rules: Mapping[bytes, str], names: set[str], database: str) -> JsonObject:
    """A `firebase.json` that names the files there are."""
    parts = (("rules", "firestore.rules"), ("indexes", "firestore.indexes.json"))
    firestore = {what: name for what, name in parts if name in names}
    project: JsonObject = {}
    if firestore:
        project["firestore"] = firestore if database == "(default)" else [{"database": database, **firestore}]
    segments = {file: setting.segments_of(name) for name, file in rules.items()}
    buckets = [{"bucket": names[2], "rules": file} for file, names in segments.items() if len(names) > 2]
    if buckets:
        project["storage"] = buckets
    if _TEMPLATE in names:
        project["remoteconfig"] = {"template": _TEMPLATE}
    return project


def _authentication(found: list[tuple[bytes, setting.Setting]]) -> Iterator[File]:
    kinds = (AUTH_CONFIG, AUTH_TENANT, AUTH_IDP)
    told = {"/".join(setting.segments_of(name)): one.resource for name, one in found if one.kind in kinds}
    if told:
        how = "by hand, in the console under Authentication; it holds the providers' secrets"
        yield File("authentication.json", _json(told), how)


def _hashes(found: list[tuple[bytes, setting.Setting]]) -> Iterator[File]:
    """The parameters without which exported accounts cannot be imported elsewhere with their passwords."""
    told: JsonObject = {}
    for name, one in found:
        config = setting.hash_config(setting.encode(one)) if one.kind in (AUTH_CONFIG, AUTH_TENANT) else None
        if config is not None:
            told["/".join(setting.segments_of(name))] = {"parameters": config, "command": _command(config)}
    if told:
        how = "firekeep uses them by itself; for accounts.json, run the command that stands in the file"
        yield File("auth-hash-parameters.json", _json(told), how)


def _command(config: JsonObject) -> str:
    flags = [f"--{flag}={config[name]}" for name, flag in _FLAGS.items() if name in config]
    return " ".join(["firebase auth:import accounts.json", f"--hash-algo={config['hashAlgorithm']}", *flags])


def _instructions(files: Iterable[File]) -> File:
    lines = [
        "# Settings of a backup",
        "",
        "Restore what a restore could not, in this folder, with `firebase` of the package `firebase-tools`.",
        "Add `--project PROJECT` to each command. Keep this folder secret.",
        "",
        *("| File | How |", "|---|---|"),
        *(f"| `{file.name}` | {file.how} |" for file in files),
        "",
    ]
    return File(INSTRUCTIONS, "\n".join(lines).encode(), "says what to do with the others")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()
