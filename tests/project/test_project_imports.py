"""What is imported is declared: the shipped code by the dependencies, the local stack by its extra."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = {"bench", "cli", "emulators", "functions", "main", "shared", "tools"}
DISTRIBUTIONS = {
    "google.api": "google-api-core",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.firestore": "google-cloud-firestore",
    "google.cloud.firestore_v1": "google-cloud-firestore",
    "google.cloud.kms_v1": "google-cloud-kms",
    "google.cloud.pubsub_v1": "google-cloud-pubsub",
    "google.cloud.secretmanager_v1": "google-cloud-secret-manager",
    "google.cloud.storage": "google-cloud-storage",
    "google.events": "google-events",
    "google.iam": "grpc-google-iam-v1",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
    "google.pubsub_v1": "google-cloud-pubsub",
    "google.rpc": "google-api-core",
    "google.type": "google-api-core",
    "firebase_admin": "firebase-admin",
    "functions_framework": "functions-framework",
    "google_crc32c": "google-crc32c",
    "grpc": "grpcio",
    "jwt": "pyjwt",
    "opentelemetry.metrics": "opentelemetry-api",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "pydantic_core": "pydantic",
}


def imported(folder: str) -> Iterator[str]:
    """The modules that the files of a folder, or one file, import from outside the standard library and us."""
    place = ROOT / folder
    for file in [place] if place.suffix else place.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            yield from (name for name in names if outside(name.split(".")[0]))


def outside(top: str) -> bool:
    return top not in sys.stdlib_module_names and top not in OURS


def distribution(module: str) -> str:
    """The name that a module is installed under."""
    prefixes = [prefix for prefix in DISTRIBUTIONS if f"{module}.".startswith(f"{prefix}.")]
    return DISTRIBUTIONS[max(prefixes, key=len)] if prefixes else module.split(".", maxsplit=1)[0]


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [
        line for extra in extras for line in project["optional-dependencies"][extra]
    ]
    return {Requirement(line).name for line in wanted}


@pytest.mark.parametrize("folder", ["main.py", "functions", "shared", "tools"])
def test_what_is_deployed_imports_only_declared_dependencies(folder: str) -> None:
    assert {distribution(module) for module in imported(folder)} <= declared()


@pytest.mark.parametrize("folder", ["cli", "emulators"])
def test_the_local_stack_and_the_commands_import_only_declared_dependencies(folder: str) -> None:
    assert {distribution(module) for module in imported(folder)} <= declared("local", "demo")


def test_the_entry_points_import_the_function_table_and_nothing_else_of_ours() -> None:
    tree = ast.parse((ROOT / "main.py").read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module for module in modules if module and module.split(".")[0] in OURS} == {"functions.table"}
