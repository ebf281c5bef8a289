"""The steps of a deployment, in order, from the function table and the place to deploy to.

Each is idempotent: what is there stays, what differs is set. Steps name gcloud, npx (for Security Rules and indexes,
which gcloud cannot deploy) and firekeep itself (which makes the repository).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cli.deployment.command import Arguments, Command, Step, Value
from cli.deployment.functions import ack_deadline, deploy_arguments, event_driven
from cli.deployment.roles import ROLES, Grant, account
from functions.table import FUNCTIONS, FunctionSpec, TopicTrigger
from shared.contents import CONTENTS, MEDIA
from shared.errors import Unsupported

STATE_DATABASE: Final = "firekeep"
"""A database of our own: identities that keep state there need not be able to write the app's. firebase.json names
it too."""
SECRET: Final = "firekeep-key"  # noqa: S105  # its name
FIREBASE: Final = "firebase-tools@15.34.2"
SERVICES: Final = (
    "artifactregistry", "cloudbuild", "cloudfunctions", "cloudscheduler", "eventarc", "firebaserules",
    "firestore", "iam", "pubsub", "run", "secretmanager", "storage",
)  # fmt: skip
_AGENT: Final = "@gcp-sa-pubsub.iam.gserviceaccount.com"
BY_CONTENT: Final = {"users": ("identitytoolkit",), "settings": ("firebaseremoteconfig", "identitytoolkit")}


@dataclass(frozen=True)
class Target:
    """Where to deploy. Texts may be substitutions of Cloud Build, such as `$PROJECT_ID`."""

    project: str
    number: str | Value
    region: str
    database: str
    state_location: str
    bucket: str
    media: tuple[str, ...]
    contents: tuple[str, ...] = CONTENTS
    media_location: str = ""
    """Where the buckets are whose events are listened to."""
    retention: str = "7d"
    """How long no object of the repository can be deleted or replaced, by anybody."""

    @property
    def scope(self) -> str:
        return f"--project={self.project}"

    @property
    def location(self) -> str:
        return f"--location={self.region}"

    def email(self, name: str) -> str:
        return f"{name}@{self.project}.iam.gserviceaccount.com"


def steps(target: Target, table: tuple[FunctionSpec, ...] = FUNCTIONS) -> list[Step]:
    """Everything that a deployment does, in this order."""
    accounts = sorted({spec.service_account for spec in table})
    return [
        Step("services", "Enable the APIs that are used.", (_services(target),)),
        Step("database", "A Firestore database for jobs and the catalog, apart from the app's.", _database(target)),
        Step("bucket", "A bucket for the repository: not public, and nothing in it can be deleted too soon.",
             _bucket(target)),
        Step("key", "A secret of Secret Manager for the key of the repository.", (_secret(target),)),
        *_topics(target, table),
        Step("roles", "Roles of our own, where predefined ones allow too much.", tuple(_roles(target))),
        Step("accounts", "A service account for each kind of work.",
             tuple(_account(target, name) for name in accounts)),
        *(_access(target, name, table) for name in accounts),
        Step("repository", "Make the repository, unless there is one.", (_repository(target),), image="python"),
        Step("rules", "Security Rules and indexes of firekeep's own database.", (_rules(target),), image="node"),
        *_functions(target, table),
        *_schedules(target, table),
    ]  # fmt: skip


def topics_of(table: tuple[FunctionSpec, ...]) -> dict[str, str]:
    """Each topic with its dead letter topic; empty for one whose messages are tried until they expire."""
    triggers = [spec.trigger for spec in table if isinstance(spec.trigger, TopicTrigger)]
    return {
        trigger.topic: trigger.dead_letter_topic for trigger in sorted(triggers, key=lambda one: one.topic)
    }


def dead_letter_topics(table: tuple[FunctionSpec, ...]) -> list[str]:
    """Where messages go that were tried for the last time."""
    return sorted({dead for dead in topics_of(table).values() if dead})


def enabled(contents: tuple[str, ...]) -> list[str]:
    """The APIs that are used, as `NAME.googleapis.com`."""
    wanted = {*SERVICES, *(name for content in contents for name in BY_CONTENT.get(content, ()))}
    return [f"{name}.googleapis.com" for name in sorted(wanted)]


def _services(target: Target) -> Command:
    return Command(("gcloud", "services", "enable", *enabled(target.contents), target.scope))


def _database(target: Target) -> tuple[Command, ...]:
    named = (f"--database={STATE_DATABASE}", target.scope)
    firestore = ("gcloud", "firestore", "databases")
    made = ("--type=firestore-native", f"--location={target.state_location}", "--delete-protection")
    return (Command((*firestore, "create", *named, *made), exists=(*firestore, "describe", *named)),)


def _bucket(target: Target) -> tuple[Command, ...]:
    url, buckets = f"gs://{target.bucket}", ("gcloud", "storage", "buckets")
    safe = (
        "--uniform-bucket-level-access",
        "--public-access-prevention",
        f"--retention-period={target.retention}",
    )
    place = (target.scope, target.location)
    return (
        Command(
            (*buckets, "create", url, *place, *safe),
            exists=(*buckets, "describe", url),
            update=(*buckets, "update", url, *safe),
        ),
    )


def _secret(target: Target) -> Command:
    secrets = ("gcloud", "secrets")
    return Command(
        (*secrets, "create", SECRET, target.scope, "--replication-policy=automatic"),
        exists=(*secrets, "describe", SECRET, target.scope),
    )


def _repository(target: Target) -> Command:
    place = (f"--repository=gs://{target.bucket}", f"--secret=projects/{target.project}/secrets/{SECRET}")
    return Command(("firekeep", "init", *place), settled=(0, 4))


def _rules(target: Target) -> Command:
    deploy = ("deploy", "--only", "firestore", target.scope, "--non-interactive", "--force")
    return Command(("npx", "--yes", FIREBASE, *deploy))


def _topics(target: Target, table: tuple[FunctionSpec, ...]) -> Iterator[Step]:
    topics = ("gcloud", "pubsub", "topics")
    for dead in dead_letter_topics(table):
        kept = (f"--topic={dead}", "--expiration-period=never", "--message-retention-duration=7d")
        publish = (*topics, "add-iam-policy-binding", dead, target.scope)
        commands = (
            _made(topics, dead, target.scope),
            _made(("gcloud", "pubsub", "subscriptions"), dead, target.scope, *kept),
            # Pub/Sub itself moves what it gives up.
            Command((*publish, _agent(target), "--role=roles/pubsub.publisher")),
        )
        yield Step(
            f"dead-letters-{dead}",
            "A topic for what fails for the last time, and a subscription that keeps it.",
            commands,
        )
    plain = [topic for topic in topics_of(table) if topic not in dead_letter_topics(table)]
    yield Step(
        "topics",
        "Topics, to which work is published.",
        tuple(_made(topics, topic, target.scope) for topic in plain),
    )


def _made(group: tuple[str, ...], name: str, scope: str, *how: str) -> Command:
    return Command((*group, "create", name, scope, *how), exists=(*group, "describe", name, scope))


def _roles(target: Target) -> Iterator[Command]:
    iam = ("gcloud", "iam", "roles")
    for role in ROLES:
        what = (
            f"--title={role.title}",
            f"--permissions={','.join(role.permissions)}",
            "--stage=GA",
            "--quiet",
        )
        yield Command(
            (*iam, "create", role.id, target.scope, *what),
            exists=(*iam, "describe", role.id, target.scope),
            update=(*iam, "update", role.id, target.scope, *what),
        )


def _account(target: Target, name: str) -> Command:
    accounts = ("gcloud", "iam", "service-accounts")
    return Command(
        (*accounts, "create", name, target.scope, f"--display-name=firekeep: {account(name).title}"),
        exists=(*accounts, "describe", target.email(name), target.scope),
    )


def _access(target: Target, name: str, table: tuple[FunctionSpec, ...]) -> Step:
    bindings = tuple(
        command
        for grant in grants(name, target.contents, table)
        for command in _bindings(target, name, grant)
    )
    return Step(f"access-{name}", f"What {name} may do: it {account(name).title}.", bindings)


def grants(name: str, contents: tuple[str, ...], table: tuple[FunctionSpec, ...]) -> list[Grant]:
    """All that a service account of the table is granted."""
    who, topics = account(name), topics_of(table)
    found = [grant for grant in who.grants if not grant.contents or {*grant.contents} & {*contents}]
    published = topics if who.topics is None else [topic for topic in who.topics if topic in topics]
    found += [Grant("roles/pubsub.publisher", "topic", "ask for work", topic=topic) for topic in published]
    if any(event_driven(spec) for spec in table if spec.service_account == name):
        found.append(Grant("roles/eventarc.eventReceiver", "project", "be handed events"))
    return found


def _bindings(target: Target, name: str, grant: Grant) -> Iterator[Command]:
    role = grant.role if "/" in grant.role else f"projects/{target.project}/roles/{grant.role}"
    what = (f"--member=serviceAccount:{target.email(name)}", f"--role={role}")
    add = "add-iam-policy-binding"
    match grant.place:
        case "project":
            yield _project(target, what, "--condition=None")
        case "app" | "state":
            yield _project(
                target,
                what,
                f"--condition=expression={condition(target, grant.place)},title=firekeep-{grant.place}",
            )
        case "media":
            for bucket in target.media:
                yield Command(("gcloud", "storage", "buckets", add, f"gs://{bucket}", *what))
        case "repository":
            yield Command(("gcloud", "storage", "buckets", add, f"gs://{target.bucket}", *what))
        case "secret":
            yield Command(("gcloud", "secrets", add, SECRET, target.scope, *what))
        case "topic":
            yield Command(("gcloud", "pubsub", "topics", add, grant.topic, target.scope, *what))


def _project(target: Target, what: tuple[str, ...], condition: str) -> Command:
    add = ("gcloud", "projects", "add-iam-policy-binding", target.project)
    return Command((*add, *what, condition, "--format=none"))


def condition(target: Target, place: str, state_database: str = STATE_DATABASE) -> str:
    """That binds a grant to one database, as an expression of IAM."""
    database = state_database if place == "state" else target.database
    return f'resource.name=="projects/{target.project}/databases/{database}"'


def environment(target: Target) -> str:
    """The variables of every function, as one argument; what people added is left as it is."""
    variables = {
        "FIREKEEP_PROJECT": target.project,
        "FIREKEEP_DATABASE": target.database,
        "FIREKEEP_STATE_DATABASE": STATE_DATABASE,
        "FIREKEEP_CONTENTS": " ".join(target.contents),
        **({"FIREKEEP_BUCKETS": " ".join(target.media)} if MEDIA in target.contents else {}),
        "FIREKEEP_REPOSITORY": f"gs://{target.bucket}",
        "FIREKEEP_SECRET": f"projects/{target.project}/secrets/{SECRET}",
    }
    return "--update-env-vars=" + ",".join(f"{name}={value}" for name, value in variables.items())


def _functions(target: Target, table: tuple[FunctionSpec, ...]) -> Iterator[Step]:
    for spec in table:
        command = Command((*deploy_arguments(spec, target, STATE_DATABASE), environment(target)))
        yield Step(f"deploy-{spec.name}", f"The function firekeep-{spec.name}.", (command,), alone=True)
    for spec in table:
        if event_driven(spec):
            yield Step(
                f"events-{spec.name}", f"Who may call firekeep-{spec.name}, and what happens when it fails.",
                (_invoker(target, spec), _retries(target, spec), *_dead_letters(target, spec)),
            )  # fmt: skip


def _invoker(target: Target, spec: FunctionSpec) -> Command:
    add = ("gcloud", "functions", "add-invoker-policy-binding", f"firekeep-{spec.name}")
    member = f"--member=serviceAccount:{target.email(spec.service_account)}"
    return Command((*add, target.scope, f"--region={target.region}", member))


def _subscription(target: Target, spec: FunctionSpec) -> Value:
    """The one that Eventarc made for the function's trigger."""
    described: Arguments = (
        "gcloud", "functions", "describe", f"firekeep-{spec.name}", "--gen2", target.scope,
        f"--region={target.region}", "--format=value(eventTrigger.trigger)",
    )  # fmt: skip
    printed = "--format=value(transport.pubsub.subscription)"
    return Value(("gcloud", "eventarc", "triggers", "describe", Value(described), target.scope, printed))


def _retries(target: Target, spec: FunctionSpec) -> Command:
    how = [
        f"--ack-deadline={ack_deadline(spec)}",
        f"--min-retry-delay={math.ceil(spec.min_backoff_s)}s",
        f"--max-retry-delay={math.ceil(spec.max_backoff_s)}s",
        "--expiration-period=never",
    ]
    if isinstance(spec.trigger, TopicTrigger) and spec.trigger.dead_letter_topic:
        dead = f"projects/{target.project}/topics/{spec.trigger.dead_letter_topic}"
        how += [f"--dead-letter-topic={dead}", f"--max-delivery-attempts={spec.max_attempts}"]
    update = ("gcloud", "pubsub", "subscriptions", "update", _subscription(target, spec), target.scope)
    return Command((*update, *how))


def _dead_letters(target: Target, spec: FunctionSpec) -> Iterator[Command]:
    """What Pub/Sub moves to the dead letters it takes off the subscription, for which it needs leave."""
    if not isinstance(spec.trigger, TopicTrigger) or not spec.trigger.dead_letter_topic:
        return
    add = ("gcloud", "pubsub", "subscriptions", "add-iam-policy-binding", _subscription(target, spec))
    yield Command((*add, target.scope, _agent(target), "--role=roles/pubsub.subscriber"))


def _agent(target: Target) -> str | Value:
    before = "--member=serviceAccount:service-"
    if isinstance(target.number, Value):
        return Value(target.number.argv, before, _AGENT)
    return f"{before}{target.number}{_AGENT}"


def _schedules(target: Target, table: tuple[FunctionSpec, ...]) -> Iterator[Step]:
    scheduled = [spec for spec in table if spec.schedule]
    if scheduled:
        commands = tuple(_schedule(target, spec) for spec in scheduled)
        yield Step("schedules", "Cloud Scheduler jobs that publish to topics.", commands)


def _schedule(target: Target, spec: FunctionSpec) -> Command:
    if not isinstance(spec.trigger, TopicTrigger):
        raise Unsupported(f"scheduling {spec.name}, which listens to no topic", hint="give it a TopicTrigger")
    jobs = ("gcloud", "scheduler", "jobs")
    named = (f"firekeep-{spec.name}", target.scope, target.location)
    what = (
        f"--schedule={spec.schedule}",
        "--time-zone=Etc/UTC",
        f"--topic={spec.trigger.topic}",
        "--message-body={}",
    )
    return Command(
        (*jobs, "create", "pubsub", *named, *what),
        exists=(*jobs, "describe", *named),
        update=(*jobs, "update", "pubsub", *named, *what),
    )
