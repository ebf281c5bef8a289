"""The four models against the specification's own text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shared.models.generate import generated

HERE = Path(__file__).parent
FIELD = re.compile(r"\s*(?:(?P<name>\w+)(?P<optional>\??): (?P<type>\{|[^;{]+;)|(?P<end>\}(?:\[\])?;?))")


def interfaces(text: str) -> dict[str, dict[str, Any]]:
    """Each interface as nested dicts, `?` kept in the name."""
    found = {}
    for match in re.finditer(r"^(?:export )?interface (\w+) \{", text, re.M):
        found[match[1]], _ = fields(text, match.end())
    return found


def fields(text: str, at: int) -> tuple[dict[str, Any], int]:
    """The fields of the object that starts at `at`, and where it ends."""
    found: dict[str, Any] = {}
    while True:
        match = FIELD.match(text, at)
        assert match, f"cannot be read: {text[at : at + 60]!r}"
        at = match.end()
        if match["end"]:
            return found, at
        name = match["name"] + match["optional"]
        if match["type"] == "{":
            found[name], at = fields(text, at)
        else:
            found[name] = match["type"].rstrip(";").strip()


SPECIFICATION = interfaces((HERE / "specification.ts").read_text(encoding="utf-8"))
_, _, MODELS = generated()["web/types/firekeep.d.ts"].partition("export type Sent")
DECLARED = interfaces(MODELS)


def test_the_specification_has_four_models() -> None:
    assert set(SPECIFICATION) == {"BackupConfig", "Backup", "Recovery", "StorageConfig"}


@pytest.mark.parametrize("name", SPECIFICATION)
def test_a_model_has_exactly_the_specification_s_fields_types_and_options_in_its_order(name: str) -> None:
    assert repr(DECLARED[name]) == repr(SPECIFICATION[name])


def test_generated_files_are_what_the_models_say_now() -> None:
    project = HERE.parents[1]
    stale = [
        path
        for path, content in generated().items()
        if not (project / path).is_file() or (project / path).read_text(encoding="utf-8") != content
    ]
    assert stale == [], "run `python -m shared.models.generate`"


def test_no_generated_file_is_left_over() -> None:
    project = HERE.parents[1]
    present = {f"docs/schema/{file.name}" for file in (project / "docs/schema").iterdir()}
    assert present == {path for path in generated() if path.startswith("docs/schema/")}
