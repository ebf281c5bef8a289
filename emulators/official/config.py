"""What the suite needs to know of a `firebase.json`: which emulators, where, and where the functions are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import BadInput, NotFound

_PORTS = {"functions": 5001, "pubsub": 8085, "storage": 9199}
# Ours takes the place of Storage. The others are no services: firebase-tools starts them as it needs them.
_NOT_STARTED = frozenset({"storage", "ui", "hub", "logging"})


@dataclass(frozen=True)
class SuiteConfig:
    """`emulators` are the names that firebase-tools is to start; `storage` is None when it is not asked for."""

    emulators: tuple[str, ...]
    storage: tuple[str, int] | None
    functions: str | None
    pubsub: str | None
    sources: tuple[Path, ...]
    """The folders of the functions."""


def read_config(folder: Path) -> SuiteConfig:
    """The configuration of a project's folder. Raises NotFound without one, BadInput for one that makes no sense."""
    path = folder / "firebase.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(
            f"reading {path}: there is no such file", hint="run it in your project's folder"
        ) from None
    except ValueError as problem:
        raise BadInput(f"reading {path}: it is not JSON ({problem})") from None
    emulators = found.get("emulators") if isinstance(found, dict) else None
    if not isinstance(emulators, dict):
        raise BadInput(f"reading {path}: it has no `emulators`", hint="run `firebase init emulators`")
    services = {name: value for name, value in emulators.items() if isinstance(value, dict)}
    return SuiteConfig(
        emulators=tuple(name for name in services if name not in _NOT_STARTED),
        storage=_place(services, "storage"),
        functions=_address(services, "functions"),
        pubsub=_address(services, "pubsub"),
        sources=tuple(folder / one["source"] for one in _functions(found) if "source" in one),
    )


def _functions(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    value = found.get("functions", [])
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _place(services: Mapping[str, dict[str, Any]], name: str) -> tuple[str, int] | None:
    if name not in services:
        return None
    port = services[name].get("port", _PORTS[name])
    if not isinstance(port, int):
        raise BadInput(f"reading firebase.json: the port of {name} is no number")
    return str(services[name].get("host", "127.0.0.1")), port


def _address(services: Mapping[str, dict[str, Any]], name: str) -> str | None:
    place = _place(services, name)
    return place and f"{place[0]}:{place[1]}"
