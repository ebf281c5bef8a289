"""The plan of a deployment: from any function table to steps, with the least that each identity needs."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.deployment.command import Command, Value
from cli.deployment.page import page
from cli.deployment.plan import STATE_DATABASE, Target, grants, steps, topics_of
from cli.deployment.roles import ACCOUNTS, ROLES, permissions_of
from functions.table import FUNCTIONS, FunctionSpec, HttpTrigger, TopicTrigger
from shared.contents import CONTENTS
from shared.errors import Unsupported
from tools.cloudbuild import generated

ROOT = Path(__file__).parents[2]
TARGET = Target(
    project="my-app",
    number="123",
    region="europe-west1",
    database="(default)",
    state_location="europe-west1",
    bucket="my-app-firekeep",
    media=("my-app.firebasestorage.app",),
)
NEW = FunctionSpec("dream", TopicTrigger("backup-dream"), "firekeep-dream", schedule="*/5 * * * *")


def commands(table: tuple[FunctionSpec, ...] = FUNCTIONS) -> list[Command]:
    return [command for step in steps(TARGET, table) for command in step.commands]


def held(name: str) -> set[tuple[str, str]]:
    """(permission, place) of a service account; predefined roles stand for themselves."""
    own = {role.id for role in ROLES}
    return {
        (permission, grant.place)
        for grant in grants(name, CONTENTS, FUNCTIONS)
        for permission in (permissions_of(grant.role) if grant.role in own else [grant.role])
    }


def accounts() -> set[str]:
    return {*ACCOUNTS, *(spec.service_account for spec in FUNCTIONS), "firekeep-unheard-of"}


def test_only_restore_writes_what_belongs_to_the_app() -> None:
    changes = re.compile(r"\.(create|update|delete)$")
    for name in accounts() - {"firekeep-restore"}:
        written = {
            found
            for found in held(name)
            if found[1] in ("app", "media", "project") and changes.search(found[0])
        }
        assert written == set(), name
    assert ("datastore.entities.update", "app") in held("firekeep-restore")


def test_only_rotate_deletes_backups() -> None:
    deleting = {name for name in accounts() if ("storage.objects.delete", "repository") in held(name)}
    assert deleting == {"firekeep-rotate"}


def test_what_is_granted_at_project_level_reaches_no_database_and_no_bucket() -> None:
    for name in accounts():
        wide = {permission for permission, place in held(name) if place == "project"}
        assert not {one for one in wide if one.startswith(("datastore.", "storage.", "roles/datastore"))}
        assert not wide & {"roles/editor", "roles/owner"}


def test_grants_on_a_database_are_bound_to_it() -> None:
    for command in commands():
        words = command.shell()
        if "roles/firekeepDocument" in words and "add-iam-policy-binding" in words:
            assert 'databases/(default)",title=firekeep-app' in words
        if "roles/firekeepState" in words and "add-iam-policy-binding" in words:
            assert f'databases/{STATE_DATABASE}",title=firekeep-state' in words


def test_every_permission_has_a_reason() -> None:
    assert all(reason for role in ROLES for reason in role.permissions.values())
    assert len({role.id for role in ROLES}) == len(ROLES)


def test_every_topic_has_dead_letters_and_every_listener_uses_them() -> None:
    table = (*FUNCTIONS, NEW)
    words = [command.shell() for command in commands(table)]
    for topic, dead in topics_of(table).items():
        for name in filter(None, (topic, dead)):
            assert sum(f"gcloud pubsub topics create {name} " in line for line in words) == 1
        assert not dead or any(f"gcloud pubsub subscriptions create {dead} " in line for line in words)
    updates = [line for line in words if line.startswith("gcloud pubsub subscriptions update")]
    for spec in table:
        if isinstance(spec.trigger, TopicTrigger):
            line = next(line for line in updates if f"describe firekeep-{spec.name} " in line)
            dead = spec.trigger.dead_letter_topic
            assert (f"/topics/{dead} --max-delivery-attempts={spec.max_attempts}" in line) == bool(dead)


def test_a_new_entry_of_the_table_just_works() -> None:
    words = "\n".join(command.shell() for command in commands((*FUNCTIONS, NEW)))
    assert "gcloud iam service-accounts create firekeep-dream " in words
    assert "gcloud scheduler jobs create pubsub firekeep-dream " in words
    assert "'--schedule=*/5 * * * *'" in words
    build = yaml.safe_load(generated((*FUNCTIONS, NEW)))
    assert {"deploy-dream", "events-dream", "access-firekeep-dream", "topics", "schedules"} <= {
        step["id"] for step in build["steps"]
    }
    assert "firekeep-dream" in page((*FUNCTIONS, NEW))


def test_only_what_listens_to_a_topic_is_scheduled() -> None:
    with pytest.raises(Unsupported, match="dream"):
        steps(TARGET, (replace(NEW, trigger=HttpTrigger()),))


def test_who_may_call_over_https_is_said() -> None:
    for public, wanted in ((True, "--allow-unauthenticated"), (False, "--no-allow-unauthenticated")):
        spec = FunctionSpec("api", HttpTrigger(public), "firekeep-api")
        deploy = next(line for line in map(Command.shell, commands((spec,))) if "functions deploy" in line)
        assert wanted in deploy.split()


def test_what_makes_things_asks_first_so_that_it_may_run_again() -> None:
    for command in commands():
        flat = [word for word in command.argv if isinstance(word, str)]
        if "create" in flat:
            assert command.exists, flat
    assert {word for command in commands() for word in command.argv[:1]} == {"gcloud", "npx", "firekeep"}


def test_a_command_in_a_shell_has_exactly_its_arguments() -> None:
    odd = (
        "printf",
        "%s|",
        "$HOME",
        "a b",
        "'",
        '"',
        "`id`",
        "$(id)",
        "*",
        "",
        Value(("echo", "x y"), "--a=", "z"),
    )
    shown = Command(odd).shell()
    assert shlex.split(shown)[:10] == list(odd[:10])
    import subprocess

    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, timeout=10, check=True)
    assert done.stdout == "$HOME|a b|'|\"|`id`|$(id)|*||--a=x yz|"


def test_the_build_fits_the_limits_of_cloud_build() -> None:
    build: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))
    assert len(build["steps"]) <= 300
    assert len({step["id"] for step in build["steps"]}) == len(build["steps"])
    for step in build["steps"]:
        assert len(step["args"]) <= 100
        assert all(isinstance(word, str) and len(word) <= 10_000 for word in step["args"])
        if step["args"][0] == "-euc":
            # Every single dollar is a substitution's; a shell's own is doubled.
            singles = set(re.findall(r"(?<!\$)\$(\w+)", step["args"][1]))
            assert singles <= {"PROJECT_ID", "PROJECT_NUMBER", *build["substitutions"]}


def test_the_build_uses_every_substitution() -> None:
    text = (ROOT / "cloudbuild.yaml").read_text(encoding="utf-8")
    assert all(f"${name}" in text for name in yaml.safe_load(text)["substitutions"])


def test_rules_go_to_the_database_that_state_is_kept_in() -> None:
    config = json.loads((ROOT / "firebase.json").read_text(encoding="utf-8"))
    assert [entry["database"] for entry in config["firestore"]] == [STATE_DATABASE]


def test_the_page_of_functions_is_what_the_table_says_now() -> None:
    assert (ROOT / "docs/functions.md").read_text(encoding="utf-8") == page(), (
        "run `python -m tools.functions_page`"
    )
