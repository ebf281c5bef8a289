"""The lock: it satisfies pyproject.toml, is complete, and says nothing of where it was made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M)


def locked(name: str) -> dict[str, str]:
    """The version of each package, by its canonical name."""
    return {canonicalize_name(pin[1]): pin[2] for pin in PIN.finditer(text(name))}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text("pyproject.toml"))["project"]
    return found


def unmet(requirements: list[str], pins: dict[str, str]) -> list[str]:
    return [
        str(requirement)
        for requirement in map(Requirement, requirements)
        if canonicalize_name(requirement.name) not in pins
        or not requirement.specifier.contains(pins[canonicalize_name(requirement.name)])
    ]


def test_the_lock_satisfies_every_dependency() -> None:
    assert unmet(project()["dependencies"], locked("requirements.lock")) == []


@pytest.mark.parametrize("extra", ["local", "demo", "dev"])
def test_the_development_lock_satisfies_every_extra_too(extra: str) -> None:
    wanted = project()["dependencies"] + project()["optional-dependencies"][extra]
    assert unmet(wanted, locked("requirements-dev.lock")) == []


def test_both_locks_agree() -> None:
    development = locked("requirements-dev.lock")
    assert {name: development.get(name) for name in locked("requirements.lock")} == locked(
        "requirements.lock"
    )


def test_the_build_backend_is_locked() -> None:
    backend = tomllib.loads(text("pyproject.toml"))["build-system"]["requires"]
    assert unmet(backend, locked("requirements-dev.lock")) == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_is_pins_with_hashes_and_comments_and_nothing_else(name: str) -> None:
    rest = re.sub(r"^\s*#.*\n|^\s*\n", "", PIN.sub("", text(name)), flags=re.M)
    assert rest == ""
    assert len(locked(name)) > 20


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_address_and_no_folder(name: str) -> None:
    assert re.findall(r"\S*(?:://|@|index|find-links|trusted-host|\B/\w)\S*", text(name)) == []


def test_the_functions_runtime_installs_the_lock() -> None:
    assert "-r requirements.lock" in text("requirements.txt").splitlines()
