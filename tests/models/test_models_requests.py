"""Requests over Pub/Sub and our own documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared.errors import BadInput
from shared.models.base import Model
from shared.models.collections import BACKUP_REQUESTS, SYSTEM_COLLECTIONS
from shared.models.jobs import (
    BackupRequest,
    Choice,
    EntriesChoice,
    PartRequest,
    RestoreRequest,
    Selection,
    SnapshotRequest,
    Target,
    VerifyRequest,
)
from shared.models.sets import BackupOptions, BackupSet, BackupTemplate

AT = datetime(2024, 3, 19, 3, 30, tzinfo=UTC)

OPTIONS = BackupOptions(validation="data", formats=("jsonl", "csv"), max_size=1, note="before the move")

REQUESTS: list[Model] = [
    SnapshotRequest(backup_id="b1"),
    SnapshotRequest(
        backup_id="b1",
        type="automatic",
        selection=Selection(
            entries=EntriesChoice(include=("städte/münchen", "users"), exclude=("a/*/b",)), users=Choice()
        ),
        at=AT,
        requested_by="nightly",
    ),
    PartRequest(backup_id="b1", part=7),
    VerifyRequest(verify_id="v1"),
    VerifyRequest(verify_id="v1", backup_id="b1", depth="data", sample=0.25),
    RestoreRequest(recovery_id="r1", backup_id="b1"),
    RestoreRequest(
        recovery_id="r1",
        backup_id="b1",
        selection=Selection(media=Choice(include=("bucket/a//b",))),
        documents=("a/b",),
        target=Target(project="other-project", database="staging"),
        exact=True,
        requested_by="uid",
    ),
    BackupRequest(
        requested_by="uid", requested_at=AT, selection=Selection(entries=EntriesChoice(include=("cities",)))
    ),
    BackupRequest(requested_by="uid", requested_at=AT, set="pictures"),
    BackupRequest(requested_by="uid", requested_at=AT, template="weekly", options=OPTIONS),
    SnapshotRequest(backup_id="b1", template="weekly"),
    BackupSet(name="pictures", description="größe", selection=Selection(media=Choice(exclude=("b/*",)))),
    BackupTemplate(name="weekly"),
    BackupTemplate(name="weekly", set="pictures", type="automatic", options=OPTIONS),
    BackupTemplate(name="weekly", selection=Selection(users=Choice())),
]


def _including(include: object) -> dict[str, object]:
    return {"backupId": "b1", "selection": {"entries": {"include": include}}}


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_survives_its_journey(request_: Model) -> None:
    assert type(request_).from_message(request_.to_message()) == request_
    assert type(request_).from_document(request_.to_document()) == request_


def test_a_restore_deletes_nothing_unless_asked() -> None:
    request = RestoreRequest.from_message(b'{"recoveryId": "r1", "backupId": "b1"}')
    assert request.exact is False
    assert request.overwrite is True
    assert request.target is None


@pytest.mark.parametrize(
    ("model", "message", "told"),
    [
        (SnapshotRequest, {}, "backupId: missing"),
        (SnapshotRequest, {"backup_id": "b1"}, "backup_id: unknown field"),
        (SnapshotRequest, {"backupId": "b1", "force": True}, "force: unknown field"),
        (SnapshotRequest, {"backupId": "../b1"}, "backupId"),
        (SnapshotRequest, {"backupId": "b1", "type": "hourly"}, "type"),
        (SnapshotRequest, {"backupId": "b1", "at": "2024-03-19T03:30:00"}, "at: must say its offset"),
        (
            SnapshotRequest,
            {"backupId": "b1", "at": "2024-03-19T03:30:00.1234567Z"},
            "at: must be whole micro",
        ),
        (SnapshotRequest, {"backupId": "b1", "at": "yesterday"}, "at: must be a date like"),
        (SnapshotRequest, {"backupId": "b1", "at": ""}, "at: must be"),
        (SnapshotRequest, {"backupId": "b1", "at": 1710000000}, "at: must be a timestamp"),
        (
            SnapshotRequest,
            {"backupId": "b1", "selection": {"entries": {"include": "cities"}}},
            "selection.entries.include: must be a list",
        ),
        (
            SnapshotRequest,
            {"backupId": "b1", "selection": {"entries": {"include": ["/cities"]}}},
            "selection.entries.include.0",
        ),
        (
            SnapshotRequest,
            {"backupId": "b1", "selection": {"entries": {"include": ["cities/"]}}},
            "selection.entries.include.0",
        ),
        (
            SnapshotRequest,
            {"backupId": "b1", "selection": {"entries": {"include": ["a//b"]}}},
            "selection.entries.include.0",
        ),
        (
            SnapshotRequest,
            {"backupId": "b1", "selection": {"entries": {"include": ["a/../b"]}}},
            "selection.entries.include.0",
        ),
        (
            SnapshotRequest,
            {"backupId": "b1", "selection": {"entries": {"include": ["é" * 751]}}},
            "selection.entries.include.0",
        ),
        (
            SnapshotRequest,
            {"backupId": "b1", "selection": {"entries": {"include": ["c"] * 1_001}}},
            "selection.entries.include",
        ),
        (PartRequest, {"backupId": "b1"}, "part: missing"),
        (PartRequest, {"backupId": "b1", "part": -1}, "part: must be"),
        (PartRequest, {"backupId": "b1", "part": "1"}, "part: must be"),
        (VerifyRequest, {}, "verifyId: missing"),
        (VerifyRequest, {"verifyId": "v1", "depth": "deep"}, "depth"),
        (VerifyRequest, {"verifyId": "v1", "sample": 0}, "sample: must be"),
        (VerifyRequest, {"verifyId": "v1", "sample": 1.01}, "sample: must be"),
        (VerifyRequest, {"verifyId": "v1", "sample": True}, "sample: must be"),
        (VerifyRequest, {"verifyId": "v1", "sample": float("nan")}, "sample: must be"),
        (RestoreRequest, {"recoveryId": "r1"}, "backupId: missing"),
        (RestoreRequest, {"recoveryId": "r1", "backupId": "b1", "documents": ["cities"]}, "documents.0"),
        (RestoreRequest, {"recoveryId": "r1", "backupId": "b1", "documents": ["a/b/c"]}, "documents.0"),
        (RestoreRequest, {"recoveryId": "r1", "backupId": "b1", "exact": "yes"}, "exact: must be"),
        (
            RestoreRequest,
            {"recoveryId": "r1", "backupId": "b1", "target": {"project": "X"}},
            "target.project",
        ),
        (
            RestoreRequest,
            {
                "recoveryId": "r1",
                "backupId": "b1",
                "target": {"project": "abcdef", "database": "default"},
                "x": 1,
            },
            "x: unknown",
        ),
        (
            RestoreRequest,
            {"recoveryId": "r1", "backupId": "b1", "target": {"project": "abcdef", "database": "(other)"}},
            "target.database",
        ),
        (
            RestoreRequest,
            {"recoveryId": "r1", "backupId": "b1", "exact": True, "overwrite": False},
            "exact needs overwrite",
        ),
        (SnapshotRequest, {"backupId": "b1", "set": "a", "template": "b"}, "exclude one another"),
        (SnapshotRequest, {"backupId": "b1", "set": "a", "selection": {"users": {}}}, "exclude one another"),
        (SnapshotRequest, {"backupId": "b1", "set": "a/b"}, "set: "),
        (SnapshotRequest, {"backupId": "b1", "options": {"maxSize": 0}}, "options.maxSize: must be"),
        (SnapshotRequest, {"backupId": "b1", "options": {"depth": "data"}}, "options.depth: unknown field"),
        (BackupSet, {"name": "a"}, "selection: missing"),
        (BackupSet, {"name": "a", "selection": {}}, "must name at least one of"),
        (BackupSet, {"name": "", "selection": {"users": {}}}, "name: "),
        (BackupTemplate, {"name": "a", "set": "b", "selection": {"users": {}}}, "exclude one another"),
        (BackupTemplate, {"name": "a", "options": {"validation": "yes"}}, "options.validation: "),
    ],
)
def test_a_bad_request_is_refused_by_field(model: type[Model], message: object, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        model.from_message(json.dumps(message))
    assert told in str(caught.value)


def test_an_absent_field_may_be_null_in_a_message() -> None:
    assert VerifyRequest.from_message(b'{"verifyId": "v1", "backupId": null}') == VerifyRequest(
        verify_id="v1"
    )


def test_a_moment_in_a_message_is_exact_and_in_utc() -> None:
    request = SnapshotRequest.from_message(b'{"backupId": "b", "at": "2024-03-19T05:30:00.123456000+02:00"}')
    assert request.at == datetime(2024, 3, 19, 3, 30, 0, 123456, UTC)


def test_our_collections_are_distinct_and_at_the_root() -> None:
    assert len(set(SYSTEM_COLLECTIONS)) == len(SYSTEM_COLLECTIONS) == 13
    assert BACKUP_REQUESTS in SYSTEM_COLLECTIONS
    assert not any("/" in name for name in SYSTEM_COLLECTIONS)


@pytest.mark.parametrize(
    ("own", "others", "wanted"),
    [
        (BackupOptions(), None, BackupOptions()),
        (BackupOptions(), OPTIONS, OPTIONS),
        (OPTIONS, BackupOptions(), OPTIONS),
        (BackupOptions(validation="none", note=""), OPTIONS, OPTIONS.changed(validation="none", note="")),
        (BackupOptions(max_size=9, formats=("zip",)), OPTIONS, OPTIONS.changed(formats=("zip",))),
    ],
)
def test_what_a_request_says_goes_before_what_its_template_says_but_never_beyond_its_size(
    own: BackupOptions, others: BackupOptions | None, wanted: BackupOptions
) -> None:
    assert own.over(others) == wanted
