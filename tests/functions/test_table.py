"""What a deployment is told of each kind of trigger."""

from __future__ import annotations

import re

import pytest

from functions.table import DocumentTrigger, FunctionSpec, HttpTrigger, ObjectTrigger, TopicTrigger, Trigger
from shared.errors import Unsupported
from tools.cloudbuild import generated

ACCOUNT = "firekeep-x@$PROJECT_ID.iam.gserviceaccount.com"


def arguments(trigger: Trigger) -> list[str]:
    """Those of the deployment of one function."""
    return re.findall(r"^      - (.*)$", generated((FunctionSpec("f", trigger, "firekeep-x"),)), re.M)


def about_triggers(trigger: Trigger) -> list[str]:
    return [argument for argument in arguments(trigger) if "trigger" in argument]


def test_a_topic_is_named() -> None:
    assert about_triggers(TopicTrigger("t")) == ["--trigger-topic=t", f"--trigger-service-account={ACCOUNT}"]


@pytest.mark.parametrize("auth_context", [False, True])
def test_a_document_trigger_is_a_type_a_database_and_a_pattern(auth_context: bool) -> None:
    trigger = DocumentTrigger("written", "users/{id=**}", auth_context=auth_context)
    suffix = ".withAuthContext" if auth_context else ""
    assert about_triggers(trigger) == [
        "--trigger-location=$_STATE_LOCATION",
        f"--trigger-event-filters=type=google.cloud.firestore.document.v1.written{suffix}",
        "--trigger-event-filters=database=firekeep",
        "--trigger-event-filters-path-pattern=document=users/{id=**}",
        f"--trigger-service-account={ACCOUNT}",
    ]


@pytest.mark.parametrize("event", ["finalized", "deleted", "archived", "metadataUpdated"])
def test_an_object_trigger_is_a_type_and_a_bucket(event: str) -> None:
    trigger = ObjectTrigger(event, "my-bucket")  # type: ignore[arg-type]
    assert about_triggers(trigger) == [
        "--trigger-location=$_BUCKET_LOCATION",
        f"--trigger-event-filters=type=google.cloud.storage.object.v1.{event}",
        "--trigger-event-filters=bucket=my-bucket",
        f"--trigger-service-account={ACCOUNT}",
    ]


def test_a_function_for_requests_has_no_event_to_try_again_and_is_not_open_to_everyone() -> None:
    given = arguments(HttpTrigger())
    assert {"--trigger-http", "--no-allow-unauthenticated", f"--service-account={ACCOUNT}"} <= {*given}
    assert not [argument for argument in given if "retry" in argument or "trigger-service" in argument]


@pytest.mark.parametrize("trigger", [TopicTrigger("t"), ObjectTrigger("deleted", "b")])
def test_every_substitution_is_used_and_every_one_used_is_declared(trigger: Trigger) -> None:
    text = generated(
        (FunctionSpec("d", DocumentTrigger("created", "c/{d}"), "x"), FunctionSpec("f", trigger, "x"))
    )
    declared = re.findall(r"^  (_[A-Z_]+):", text, re.M)
    assert sorted(declared) == sorted(set(re.findall(r"\$(_[A-Z_]+)", text)))


@pytest.mark.parametrize(
    "trigger",
    [
        DocumentTrigger("created", "c/{d}", content_type="application/json"),
        ObjectTrigger("finalized", "b", content_type="application/protobuf"),
    ],
)
def test_a_form_of_data_that_cannot_be_deployed_is_refused(trigger: Trigger) -> None:
    with pytest.raises(Unsupported, match="gcloud"):
        generated((FunctionSpec("f", trigger, "x"),))
