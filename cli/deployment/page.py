"""The page docs/functions.md: functions, service accounts and roles as they are deployed.

`tools/functions_page.py` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cli.deployment.plan import dead_letter_topics, grants
from cli.deployment.roles import ROLES, Grant, account
from functions.table import (
    FUNCTIONS,
    DocumentTrigger,
    FunctionSpec,
    HttpTrigger,
    ObjectTrigger,
    TopicTrigger,
    Trigger,
)
from shared.contents import CONTENTS

_HEAD = """\
# Functions, identities and roles

Generated from `functions/table.py` and `cli/deployment/roles.py` by `python -m tools.functions_page`. It is what
`cloudbuild.yaml` and `firekeep setup` deploy, and what `firekeep doctor` compares a project with.
"""
_PLACES = {
    "app": "the app's database",
    "state": "the database `firekeep`",
    "media": "the app's buckets",
    "project": "the project",
    "repository": "the backups' bucket",
    "secret": "the secret `firekeep-key`",
}


def page(table: tuple[FunctionSpec, ...] = FUNCTIONS) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_functions(table), *_accounts(table), *_roles()])


def _functions(table: tuple[FunctionSpec, ...]) -> Iterator[str]:
    yield "## Functions\n"
    yield from _table(
        (
            "Function",
            "Runs on",
            "Service account",
            "Memory",
            "Time limit",
            "Instances",
            "Tries",
            "Schedule (UTC)",
        ),
        (
            (
                f"`{spec.name}`",
                _runs_on(spec.trigger),
                f"`{spec.service_account}`",
                f"{spec.memory_mib} MiB",
                f"{spec.timeout_s} s",
                str(spec.workers),
                _tries(spec),
                f"`{spec.schedule}`" if spec.schedule else "",
            )
            for spec in table
        ),
    )
    dead = " and ".join(f"`{topic}`" for topic in dead_letter_topics(table))
    yield "Each instance handles one event at a time. What comes from a topic and fails for the last time goes to"
    yield f"the topic {dead}, and is kept there for 7 days in a subscription of the same name.\n"


def _runs_on(trigger: Trigger) -> str:
    match trigger:
        case TopicTrigger(topic):
            return f"topic `{topic}`"
        case DocumentTrigger():
            return f"document `{trigger.document}` {trigger.event}"
        case ObjectTrigger():
            return f"object {trigger.event} in `{trigger.bucket}`"
        case HttpTrigger(public):
            return "HTTPS, checks ID tokens itself" if public else "HTTPS, callers with the role Invoker"


def _tries(spec: FunctionSpec) -> str:
    if isinstance(spec.trigger, HttpTrigger) or not spec.retry:
        return "1"
    waits = f"{spec.min_backoff_s:g} to {spec.max_backoff_s:g} s apart"
    counted = isinstance(spec.trigger, TopicTrigger) and spec.trigger.dead_letter_topic
    return f"{spec.max_attempts}, {waits}" if counted else f"until it expires, {waits}"


def _accounts(table: tuple[FunctionSpec, ...]) -> Iterator[str]:
    yield "## Service accounts\n"
    rows = [
        (f"`{name}`", f"`{grant.role}`", _place(grant), grant.reason)
        for name in sorted({spec.service_account for spec in table})
        for grant in grants(name, CONTENTS, table)
    ]
    yield from _table(("Account", "Role", "On", "To"), rows)
    names = sorted({spec.service_account for spec in table})
    yield "\n".join(f"- `{name}` {account(name).title}." for name in names) + "\n"


def _place(grant: Grant) -> str:
    return f"topic `{grant.topic}`" if grant.place == "topic" else _PLACES[grant.place]


def _roles() -> Iterator[str]:
    yield "## Roles of our own\n"
    yield "Predefined roles allow more than is needed nearly everywhere. These are all permissions:\n"
    for role in ROLES:
        yield f"### `{role.id}`\n"
        yield from _table(
            ("Permission", "To"), ((f"`{name}`", reason) for name, reason in role.permissions.items())
        )


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
