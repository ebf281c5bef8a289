"""What is deployed follows the function table and the models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from functions.table import FUNCTIONS, DocumentTrigger, TopicTrigger
from shared.models import Backup, Recovery
from shared.models.answers import RequestAnswer
from shared.models.collections import (
    BACKUP_REQUESTS,
    BACKUP_SETS,
    BACKUP_TEMPLATES,
    BACKUPS,
    PROGRESS,
    RECOVERIES,
    SYSTEM_COLLECTIONS,
)
from shared.models.fields import ID_PATTERN
from shared.models.generate import schema
from shared.models.jobs import BackupRequest, Selection
from shared.models.sets import BackupOptions
from tools import functions_manifest
from tools.cloudbuild import generated

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rules() -> str:
    """The rules without comments."""
    return re.sub(r"//.*", "", text("firestore.rules"))


def matches() -> dict[str, str]:
    """The body of each match on a collection, by the collection."""
    return {
        found[1]: found[2] for found in re.finditer(r"match /(\w+)/\{\w+\} \{(.*?)\n    \}", rules(), re.S)
    }


def test_cloudbuild_is_what_the_function_table_says_now() -> None:
    assert text("cloudbuild.yaml") == generated(), "run `python -m tools.cloudbuild`"


def test_cloudbuild_deploys_every_function_with_its_trigger_and_identity() -> None:
    steps = dict(re.findall(r"  - id: deploy-(\w+)\n(.*?)(?=\n  - id|\Z)", text("cloudbuild.yaml"), re.S))
    assert list(steps) == [spec.name for spec in FUNCTIONS]
    for spec in FUNCTIONS:
        arguments = re.findall(r"^      - (.*)$", steps[spec.name], re.M)
        assert f"--entry-point={spec.name}" in arguments
        assert f"--service-account={spec.service_account}@$PROJECT_ID.iam.gserviceaccount.com" in arguments
        assert f"--memory={spec.memory_mib}Mi" in arguments
        assert f"--timeout={spec.timeout_s}s" in arguments
        assert (f"--trigger-topic={_topic(spec.trigger)}" in arguments) == isinstance(
            spec.trigger, TopicTrigger
        )
        assert ("--retry" in arguments) == spec.retry
        assert all("key=" not in argument or argument.startswith("--set-secrets=") for argument in arguments)


def _topic(trigger: TopicTrigger | DocumentTrigger) -> str:
    return trigger.topic if isinstance(trigger, TopicTrigger) else ""


def test_nothing_is_deployed_before_it_is_tested() -> None:
    first, *others = text("cloudbuild.yaml").split("  - id: ")[1:]
    assert ".ci/run" in first
    done = {"test"}
    for step in others:
        waits = re.search(r"waitFor: \[(.+)\]", step)
        assert waits
        assert {*waits[1].split(", ")} <= done, "each waits for what comes before it, and so for the test"
        done.add(step.split("\n")[0])


def test_continuous_integration_calls_what_the_readme_names() -> None:
    called = re.findall(r"^make ([\w-]+)$", text(".ci/run"), re.M)
    targets = re.findall(r"^([\w-]+):.*##", text("Makefile"), re.M)
    assert called == ["check", "test", "demo"]
    named = re.findall(r"^    make ([a-z-]+)", text("README.md"), re.M)
    assert named == ["demo", "test"]
    assert {*called, *named} <= set(targets)


def test_the_readme_names_only_what_there_is() -> None:
    named = re.findall(r"`([\w./-]+(?:/|\.py|\.rules|\.ts))`", text("README.md"))
    absent = {
        name for name in named if not (ROOT / name).exists() and not (ROOT / "functions" / name).exists()
    }
    assert named
    assert absent == set()


def test_firebase_knows_the_rules_and_indexes_and_loopback_only() -> None:
    config: dict[str, Any] = json.loads(text("firebase.json"))
    for place in config["firestore"] + config["storage"]:
        assert all((ROOT / place[kind]).is_file() for kind in ("rules", "indexes") if kind in place)
    emulators = [
        value for value in config["emulators"].values() if isinstance(value, dict) and "port" in value
    ]
    assert {emulator["host"] for emulator in emulators} == {"127.0.0.1"}
    assert len({emulator["port"] for emulator in emulators}) == len(emulators) == 9


def test_deploying_rules_never_replaces_those_of_the_app() -> None:
    config = json.loads(text("firebase.json"))
    assert all(place["database"] != "(default)" for place in config["firestore"])
    assert all("target" in place for place in config["storage"])
    assert json.loads(text(".firebaserc"))["projects"] == {"default": "demo-firekeep"}


def test_rules_open_six_collections_and_never_a_write_but_the_creation_of_a_request() -> None:
    allowed = {name: re.findall(r"allow ([\w, ]+):", body) for name, body in matches().items()}
    read = (BACKUPS, RECOVERIES, PROGRESS, BACKUP_SETS, BACKUP_TEMPLATES)
    assert allowed == {**{name: ["read"] for name in read}, BACKUP_REQUESTS: ["create", "get"]}
    assert rules().count("allow ") == 7
    assert "=**" not in rules()


def test_every_rule_asks_for_the_role() -> None:
    assert all(re.search(r"allow \w+: if is(Viewer|Operator)\(\)", body) for body in matches().values())
    assert "isOperator()" in matches()[BACKUP_REQUESTS]
    roles = dict(re.findall(r"function (\w+)\(\) \{\s+return hasRole\(\[(.*?)\]\);", rules()))
    assert roles == {"isViewer": "'viewer', 'operator', 'admin'", "isOperator": "'operator', 'admin'"}


def test_a_request_is_made_in_one_s_own_name_and_now() -> None:
    conditions = [" ".join(part.split()) for part in re.split(r"&&|;|return", rules())]
    assert "data.requestedBy == request.auth.uid" in conditions
    assert "data.requestedAt == request.time" in conditions


def test_a_request_and_its_answer_are_read_by_whoever_asked() -> None:
    assert "resource.data.requestedBy == request.auth.uid" in matches()[BACKUP_REQUESTS].split("allow get")[1]
    answers = set(schema(RequestAnswer)["properties"])
    assert not answers & set(
        re.findall(r"\w+", matches()[BACKUP_REQUESTS] + rules().split("function isRequest")[1])
    )


def test_rules_take_exactly_the_requests_that_the_model_takes() -> None:
    model = schema(BackupRequest)
    contents = re.search(r"'selection'.*hasOnly\(\[(.*?)\]\)", rules())
    assert contents
    assert re.findall(r"\w+", contents[1]) == list(Selection.model_fields)
    options = re.search(r"'options'.*hasOnly\(\[(.*?)\]\)", rules())
    assert options
    assert re.findall(r"\w+", options[1]) == list(schema(BackupOptions)["properties"])
    every = re.search(r"hasOnly\(\[(.*?)\]\)", rules())
    required = re.search(r"hasAll\(\[(.*?)\]\)", rules())
    assert every
    assert required
    assert re.findall(r"\w+", every[1]) == list(model["properties"])
    assert re.findall(r"\w+", required[1]) == model["required"]
    assert rules().count(f"matches('{ID_PATTERN}')") == 3


def test_no_rule_lets_a_client_at_stored_backups() -> None:
    storage = re.sub(r"//.*", "", text("storage.rules"))
    assert re.findall(r"allow .*;", storage) == ["allow read, write: if false;"]


def test_long_lists_are_not_indexed() -> None:
    overrides = json.loads(text("firestore.indexes.json"))["fieldOverrides"]
    exempt = {(entry["collectionGroup"], entry["fieldPath"]) for entry in overrides if entry["indexes"] == []}
    assert {name for name, _ in exempt} <= set(SYSTEM_COLLECTIONS)
    for collection, model in ((BACKUPS, Backup), (RECOVERIES, Recovery)):
        assert {(collection, "content"), (collection, "validation.errors")} <= exempt
        assert {"content", "validation"} <= set(schema(model)["properties"])


def test_the_functions_manifest_is_what_the_function_table_says_now() -> None:
    assert text("functions.yaml") == functions_manifest.generated(), (
        "run `python -m tools.functions_manifest`"
    )
