"""Checks that make one tiny real call to each service that is backed up, and look at topics and subscriptions."""

from __future__ import annotations

from typing import Any

from google.api_core import exceptions as google_errors

from cli.deployment.functions import ack_deadline
from cli.deployment.plan import dead_letter_topics, topics_of
from cli.doctor.finding import Findings, Patient, better, fine, unknown, wrong
from functions.table import FunctionSpec, TopicTrigger
from shared.contents import MEDIA, USERS
from shared.models.collections import BACKUPS

_REDACTED = ("", "UkVEQUNURUQ=")
_TIMEOUT_S = 20.0


def check_databases(patient: Patient) -> Findings:
    """One document is asked for in each database."""
    chosen = patient.chosen
    for name, database in {"database": chosen.database, "state-database": chosen.state_database}.items():
        try:
            _firestore(patient, database)
        except google_errors.GoogleAPICallError as error:
            fix = f"gcloud firestore databases list --project={patient.project}; docs/functions.md lists the roles"
            yield wrong(name, f"reading from the database {database} failed: {error.code}", fix)
        else:
            yield fine(name, f"documents of the database {database} can be read")


def _firestore(patient: Patient, database: str) -> None:
    from google.cloud import firestore

    client = firestore.Client(project=patient.project, database=database)
    client.collection(BACKUPS).limit(1).get(retry=None, timeout=_TIMEOUT_S)


def check_apart(patient: Patient) -> Findings:
    """State and the app's documents in databases of their own: else whoever keeps state may write the app's."""
    if patient.chosen.state_database == patient.chosen.database:
        yield better(
            "state-apart",
            "jobs are kept in the app's database: identities that back up may write to it",
            "set FIREKEEP_STATE_DATABASE=firekeep",
        )
    else:
        yield fine("state-apart", "jobs are kept in a database of their own")


def check_accounts(patient: Patient) -> Findings:
    """One account is asked for; its password must come with it."""
    if USERS not in patient.chosen.contents:
        yield unknown("accounts", "accounts are not backed up")
        return
    path = f"/v1/projects/{patient.project}/accounts:batchGet"
    users = patient.google.get("identitytoolkit", path, maxResults=20).get("users", [])
    hidden = any("passwordHash" in user and user["passwordHash"] in _REDACTED for user in users)
    if hidden and not patient.chosen.without_hashes:
        yield wrong(
            "password-hashes",
            "accounts come without the hashes of their passwords: nobody could sign in",
            "have the permission firebaseauth.configs.getHashConfig (roles/firebaseauth.admin)",
        )
    else:
        yield fine("accounts", "accounts can be read, with what their passwords need")


def check_media(patient: Patient) -> Findings:
    """One file is asked for in each bucket."""
    if MEDIA not in patient.chosen.contents:
        yield unknown("media", "files are not backed up")
        return
    for bucket in patient.chosen.media_buckets:
        patient.google.get("storage", f"/storage/v1/b/{bucket}/o", maxResults=1)
        yield fine("media", f"files of {bucket} can be read")


def check_topics(patient: Patient) -> Findings:
    """Topics, and for each function a subscription that gives it time and keeps what fails."""
    from google.cloud import pubsub_v1

    if patient.emulated and not patient.chosen.pubsub_emulator:
        yield unknown("topics", "no Pub/Sub emulator is named", "set PUBSUB_EMULATOR_HOST")
        return
    parent = f"projects/{patient.project}"
    try:
        topics = {
            topic.name.rpartition("/")[2]
            for topic in pubsub_v1.PublisherClient().list_topics(
                project=parent, retry=None, timeout=_TIMEOUT_S
            )
        }
        subscriptions = list(
            pubsub_v1.SubscriberClient().list_subscriptions(project=parent, retry=None, timeout=_TIMEOUT_S)
        )
    except google_errors.GoogleAPICallError as error:
        yield wrong(
            "topics", f"listing topics failed: {error.code}", "enable Pub/Sub, and have roles/pubsub.viewer"
        )
        return
    wanted = {*topics_of(patient.table), *dead_letter_topics(patient.table)}
    for missing in sorted(wanted - topics):
        yield wrong("topics", f"there is no topic {missing}", _setup(patient, "topics"))
    if wanted <= topics:
        yield fine("topics", f"all {len(wanted)} topics are there")
    for spec in patient.table:
        if isinstance(spec.trigger, TopicTrigger):
            yield from _listens(patient, spec, spec.trigger, subscriptions)


def _listens(
    patient: Patient, spec: FunctionSpec, trigger: TopicTrigger, subscriptions: list[Any]
) -> Findings:
    fix = _setup(patient, f"events-{spec.name}")
    found = [one for one in subscriptions if _is_of(one, spec, trigger)]
    if not found:
        yield wrong(
            "subscriptions",
            f"nothing brings messages of {trigger.topic} to {spec.name}",
            _setup(patient, f"deploy-{spec.name}"),
        )
    for one in found:
        problems = list(_problems(one, spec, trigger))
        yield from (wrong("subscriptions", f"{spec.name}: {problem}", fix) for problem in problems)
        if not problems:
            yield fine("subscriptions", f"{spec.name} gets the messages of {trigger.topic}")


def _is_of(subscription: Any, spec: FunctionSpec, trigger: TopicTrigger) -> bool:
    """Eventarc names them eventarc-REGION-FUNCTION-NUMBER-sub-NUMBER, the local stack function-NAME."""
    name = subscription.name.rpartition("/")[2]
    ours = name == f"function-{spec.name}" or f"-firekeep-{spec.name}-" in name
    return ours and bool(subscription.topic.endswith(f"/topics/{trigger.topic}"))


def _problems(subscription: Any, spec: FunctionSpec, trigger: TopicTrigger) -> Any:
    if subscription.ack_deadline_seconds < ack_deadline(spec):
        yield f"a message is delivered again after {subscription.ack_deadline_seconds} s, while it is worked on"
    if not subscription.push_config.push_endpoint:
        yield "the subscription pushes nowhere"
    policy = subscription.dead_letter_policy
    if trigger.dead_letter_topic and not policy.dead_letter_topic.endswith(f"/{trigger.dead_letter_topic}"):
        yield "what fails for the last time is lost: there is no dead letter topic"


def _setup(patient: Patient, step: str) -> str:
    if patient.emulated:
        return "start the stack again: firekeep dev"
    return f"firekeep setup --project {patient.project} --from {step}"
