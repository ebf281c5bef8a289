"""`firekeep doctor` against the local stack: well, and with each thing broken that the stack has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from google.cloud import pubsub_v1

from cli.app import app
from cli.commands.dev import MAIN
from cli.doctor.examination import CHECKS
from emulators.stack import Stack, StackOptions
from functions.table import FUNCTIONS

PROJECT = "demo-firekeep"
QUICK = [word for check in CHECKS if check.name != "store" for word in ("--check", check.name)]
Environment = dict[str, str]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    folder: Path = tmp_path_factory.mktemp("doctor")
    options = StackOptions(source=MAIN, storage_port=0, auth_port=0, log=lambda _name, _line: None)
    with Stack(options) as stack:
        env = {
            **{name: value for name, value in stack.env.items() if name.isupper()},
            "FIREKEEP_PROJECT": PROJECT,
            "FIREKEEP_STATE_DATABASE": "firekeep",
            "FIREKEEP_REPOSITORY": str(folder / "repository"),
            "FIREKEEP_KEY_FILE": str(folder / "key"),
        }
        assert run(env, "init")[0] == 0
        yield env


def run(env: Environment, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words), env=env)
    return result.exit_code, result.output


def examined(env: Environment, *words: str) -> tuple[int, dict[str, list[tuple[str, str, str | None]]]]:
    """The exit status, and (name, what, fix) by state."""
    import json

    status, output = run(env, "doctor", "--json", *words)
    facts = json.loads(output)
    assert facts["healthy"] == (status == 0)
    told: dict[str, list[tuple[str, str, str | None]]] = {}
    for one in facts["findings"]:
        told.setdefault(one["state"], []).append((one["name"], one["what"], one["fix"]))
    return status, told


def test_a_local_stack_is_well_and_what_it_lacks_is_not_checked(env: Environment) -> None:
    status, told = examined(env)
    assert "failed" not in told, told["failed"]
    assert status == 0
    assert {name for name, _, _ in told["unchecked"]} == {
        *(check.name for check in CHECKS if check.cloud),
        "bucket",
    }
    assert {name for name, _, _ in told["warning"]} == {"second-key"}


def test_people_are_told_what_to_do(env: Environment) -> None:
    status, output = run(env, "doctor", "--check", "key", "--check", "window")
    assert status == 0
    assert "fix: firekeep key kit" in output
    assert "unchecked" in output.splitlines()[-1]


def test_a_repository_in_a_bucket_is_tried_and_left_as_it_was(env: Environment) -> None:
    import requests

    storage = env["STORAGE_EMULATOR_HOST"]
    front = storage if "://" in storage else f"http://{storage}"
    requests.post(
        f"{front}/storage/v1/b?project={PROJECT}", json={"name": "backups"}, timeout=5
    ).raise_for_status()
    place = {**env, "FIREKEEP_REPOSITORY": "gs://backups"}
    assert run(place, "init")[0] == 0
    before = requests.get(f"{front}/storage/v1/b/backups/o", timeout=5).json()["items"]
    _, told = examined(place)
    assert {name for name, _, _ in told["failed"]} == {"uniform-access", "public-access"}
    assert {name for name, _, _ in told["warning"]} >= {"retention"}
    assert "store" in {name for name, _, _ in told["ok"]}
    after = requests.get(f"{front}/storage/v1/b/backups/o", timeout=5).json()["items"]
    assert [one["name"] for one in after if "hold" not in one["name"]] == [one["name"] for one in before]


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"FIREKEEP_REPOSITORY": ""}, "key"),
        ({"FIREKEEP_REPOSITORY": "/nowhere/at/all"}, "key"),
        ({"FIREKEEP_KEY_FILE": ""}, "key"),
        ({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}, "database"),
        ({"FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:1"}, "accounts"),
        ({"STORAGE_EMULATOR_HOST": "127.0.0.1:1"}, "media"),
        ({"PUBSUB_EMULATOR_HOST": "127.0.0.1:1"}, "topics"),
    ],
)
def test_what_cannot_be_reached_is_named_and_the_rest_is_still_looked_at(
    env: Environment, variables: Environment, name: str
) -> None:
    status, told = examined({**env, **variables}, *QUICK)
    assert status == 12
    assert name in {found for found, _, _ in told["failed"]}
    assert all(fix for _, _, fix in told["failed"])
    assert "ok" in told


def test_a_key_that_does_not_open_is_named(env: Environment, tmp_path: Path) -> None:
    other = {
        **env,
        "FIREKEEP_REPOSITORY": str(tmp_path / "other"),
        "FIREKEEP_KEY_FILE": str(tmp_path / "key"),
    }
    assert run(other, "init")[0] == 0
    status, told = examined({**env, "FIREKEEP_KEY_FILE": str(tmp_path / "key")}, *QUICK)
    assert (status, [name for name, _, _ in told["failed"]]) == (12, ["key"])


def test_a_topic_and_a_subscription_that_are_gone_are_named(env: Environment) -> None:
    os.environ["PUBSUB_EMULATOR_HOST"] = env["PUBSUB_EMULATOR_HOST"]
    try:
        publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    finally:
        del os.environ["PUBSUB_EMULATOR_HOST"]
    subscriber.delete_subscription(subscription=f"projects/{PROJECT}/subscriptions/function-verify")
    publisher.delete_topic(topic=f"projects/{PROJECT}/topics/backup-verify")
    status, told = examined(env, *QUICK)
    assert status == 12
    assert {name for name, _, _ in told["failed"]} == {"topics", "subscriptions"}
    assert any("backup-verify to verify" in what for _, what, _ in told["failed"])


def test_every_function_of_the_table_is_looked_for(env: Environment) -> None:
    _, told = examined(env, "--check", "topics")
    spoken = " ".join(what for found in told.values() for _, what, _ in found)
    listening = [spec.name for spec in FUNCTIONS if hasattr(spec.trigger, "topic")]
    assert all(name in spoken for name in listening)


def test_a_check_that_there_is_not_is_refused_with_those_there_are(env: Environment) -> None:
    status, output = run(env, "doctor", "--check", "everything")
    assert status == 2
    assert "databases" in output
