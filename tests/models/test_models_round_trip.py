"""What goes in comes out: documents, JSON, and what Firestore's client hands over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud.firestore_v1 import _helpers
from hypothesis import given, settings
from hypothesis import strategies as st
from model_examples import BACKUP, CONFIG, CREATED, RECOVERY, STORAGE, Document, with_value
from pydantic import ValidationError

from shared.errors import BadInput
from shared.models import Backup, BackupConfig, Recovery, StorageConfig
from shared.models.base import Model
from shared.models.fields import MAX_NAME_BYTES, MAX_NAMES, MAX_NAMES_BYTES, summary

NUMBERS = st.integers(0, 2**53 - 1)
BOOLS = st.booleans()
IDS = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), max_size=8)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DATES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=OFFSETS)  # noqa: DTZ001
STATUSES = st.sampled_from(["pending", "in_progress", "completed", "failed"])


def maps(optional: dict[str, Any] | None = None, /, **fields: Any) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(fields, optional=optional or {})


LABELS = st.text(st.characters(codec="ascii"), min_size=1, max_size=64)
PROVIDERS = st.sampled_from(["firebase", "local", "cloud"])
PLACES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=250)
CONTENT = maps(entries=NAMES, media=NAMES, settings=NAMES, users=NAMES)
VALIDATION = maps({"errors": NAMES}, verified=BOOLS, checksum=TEXTS)

CONFIGS = maps(
    automatic=maps(
        enabled=BOOLS,
        schedule=maps(
            frequency=st.sampled_from(["daily", "weekly", "monthly"]),
            time=st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
            timezone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Chatham"]),
        ),
        retention=maps(
            days=st.integers(1, 36_500),
            maxBackups=st.integers(1, 1_000_000),
            cleanupStrategy=st.sampled_from(["oldest", "size", "custom"]),
        ),
        storage=maps(provider=PROVIDERS, path=PLACES, compression=BOOLS, encryption=BOOLS),
    ),
    manual=maps(enabled=BOOLS, maxSize=NUMBERS, formats=NAMES, validation=BOOLS, encryption=BOOLS),
    recovery=maps(enabled=BOOLS, maxVersions=NUMBERS, validation=BOOLS, testing=BOOLS),
)
BACKUPS = maps(
    id=IDS,
    type=st.sampled_from(["automatic", "manual"]),
    status=STATUSES,
    metadata=maps({"completedAt": DATES}, createdAt=DATES, size=NUMBERS, items=NUMBERS, format=LABELS),
    content=CONTENT,
    storage=maps({"url": PLACES}, provider=LABELS, path=PLACES),
    validation=VALIDATION,
)
RECOVERIES = maps(
    id=IDS,
    backupId=IDS,
    status=STATUSES,
    metadata=maps({"completedAt": DATES}, startedAt=DATES, items=NUMBERS, size=NUMBERS),
    content=CONTENT,
    validation=VALIDATION,
    rollback=maps(
        {"point": DATES, "status": st.sampled_from(["pending", "completed", "failed"])}, enabled=BOOLS
    ),
)
STORAGES = maps(
    provider=PROVIDERS,
    settings=maps(path=PLACES, maxSize=NUMBERS, compression=BOOLS, encryption=BOOLS),
    rotation=maps(
        enabled=BOOLS,
        strategy=st.sampled_from(["time", "size", "count"]),
        maxAge=st.integers(1, 36_500),
        maxSize=st.integers(1, 2**53 - 1),
        maxCount=st.integers(1, 2**53 - 1),
    ),
    monitoring=maps(enabled=BOOLS, alerts=BOOLS, metrics=BOOLS, logging=BOOLS),
)
ANY = st.one_of(
    st.tuples(st.just(BackupConfig), CONFIGS),
    st.tuples(st.just(Backup), BACKUPS),
    st.tuples(st.just(Recovery), RECOVERIES),
    st.tuples(st.just(StorageConfig), STORAGES),
)
ALL: list[tuple[type[Model], Document]] = [
    (BackupConfig, CONFIG),
    (Backup, BACKUP),
    (Recovery, RECOVERY),
    (StorageConfig, STORAGE),
]


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_documents_come_back_as_they_were(case: tuple[type[Model], Document]) -> None:
    model, document = case
    value = model.from_document(document)
    assert value.to_document() == document
    assert model.from_document(value.to_document()) == value
    assert model.from_message(value.to_message()) == value


@settings(max_examples=100, deadline=None)
@given(ANY)
def test_documents_survive_firestore_s_own_encoding(case: tuple[type[Model], Document]) -> None:
    model, document = case
    value = model.from_document(document)
    wire = _helpers.encode_dict(value.to_document())
    assert model.from_document(_helpers.decode_dict(wire, None)) == value


@pytest.mark.parametrize(("model", "document"), ALL)
def test_the_examples_come_back(model: type[Model], document: Document) -> None:
    assert model.from_document(document).to_document() == document


@given(DATES)
def test_a_date_becomes_the_same_instant_in_utc(date: datetime) -> None:
    kept = Backup.from_document(with_value(BACKUP, "metadata.createdAt", date)).metadata.created_at
    assert kept == date
    assert kept.tzinfo is UTC
    assert type(kept) is datetime


def test_a_timestamp_of_firestore_s_client_becomes_a_plain_date() -> None:
    read = DatetimeWithNanoseconds(2024, 3, 19, 3, 30, nanosecond=123_456_000, tzinfo=UTC)
    kept = Backup.from_document(with_value(BACKUP, "metadata.createdAt", read)).metadata.created_at
    assert type(kept) is datetime
    assert kept == CREATED


def test_a_date_marked_as_the_second_of_its_hour_becomes_a_plain_one() -> None:
    date = CREATED.replace(fold=1)
    assert Backup.from_document(with_value(BACKUP, "metadata.createdAt", date)).metadata.created_at.fold == 0


@pytest.mark.parametrize(("fold", "hour"), [(0, 0), (1, 1)])
def test_an_hour_that_comes_twice_keeps_its_instant(fold: int, hour: int) -> None:
    date = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    kept = Backup.from_document(with_value(BACKUP, "metadata.createdAt", date)).metadata.created_at
    assert (kept.hour, kept.minute, kept.fold) == (hour, 30, 0)


def test_optional_fields_without_a_value_are_left_out() -> None:
    document = Recovery.from_document(RECOVERY).to_document()
    assert "completedAt" not in document["metadata"]
    assert b"null" not in Recovery.from_document(RECOVERY).to_message()


def test_both_names_work_in_python_and_documents_have_the_outer_one() -> None:
    recovery = Recovery.from_document(RECOVERY)
    by_name = Recovery(**{name: getattr(recovery, name) for name in Recovery.model_fields})
    assert by_name == recovery == Recovery.model_validate(RECOVERY)
    assert set(by_name.to_document()) == set(RECOVERY)


def test_models_are_frozen_to_the_bottom() -> None:
    backup = Backup.from_document(BACKUP)
    with pytest.raises(ValidationError):
        backup.status = "failed"
    with pytest.raises(ValidationError):
        backup.metadata.size = 0
    assert isinstance(backup.content.entries, tuple)
    assert hash(backup) == hash(Backup.from_document(BACKUP))


def test_a_changed_copy_is_checked() -> None:
    backup = Backup.from_document(BACKUP)
    assert backup.changed(status="failed").status == "failed"
    assert backup.changed(status="failed").metadata == backup.metadata
    with pytest.raises(BadInput, match="status"):
        backup.changed(status="finished")
    with pytest.raises(BadInput, match="colour: unknown field"):
        backup.changed(colour="red")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'{"id": 1}', b"\xff", b"[" * 100_000, b" " * 1_000_001]
)
def test_bad_json_is_bad_input(text: bytes) -> None:
    with pytest.raises(BadInput, match="Backup is not valid"):
        Backup.from_message(text)


def _size(value: Any) -> int:
    """Bytes of a value as Firestore counts them for its limit of 1 MiB."""
    if isinstance(value, dict):
        return sum(len(name.encode()) + 1 + _size(inner) for name, inner in value.items())
    if isinstance(value, list):
        return sum(map(_size, value))
    return len(value.encode()) + 1 if isinstance(value, str) else 8


def test_the_largest_backup_and_recovery_stay_below_firestore_s_limit() -> None:
    full = ["n" * (MAX_NAMES_BYTES // MAX_NAMES)] * MAX_NAMES
    names = {"entries": full, "media": full, "settings": full, "users": full}
    checks = {"verified": False, "checksum": "c" * 256, "errors": full}
    storage = {"provider": "p" * 64, "path": "p" * 1_024, "url": "u" * 4_096}
    backup = {**BACKUP, "id": "i" * 128, "content": names, "storage": storage, "validation": checks}
    recovery = {**RECOVERY, "id": "i" * 128, "backupId": "i" * 128, "content": names, "validation": checks}
    name_and_overhead = MAX_NAME_BYTES + 64
    for model, document in ((Backup, backup), (Recovery, recovery)):
        assert _size(model.from_document(document).to_document()) + name_and_overhead < 1_048_576 * 0.7


def test_a_summary_of_any_names_fits_and_tells_what_it_left_out() -> None:
    names = [f"collection-{number:06}" for number in range(5_000)]
    short = summary(names)
    assert short[:2] == ("collection-000000", "collection-000001")
    assert short[-1] == f"(+{5_000 - (len(short) - 1)} more)"
    Backup.from_document(with_value(BACKUP, "content.entries", list(short)))
    assert summary(names[:3]) == tuple(names[:3])
    assert summary([]) == ()


@given(st.lists(st.integers(1, 9_000).map(lambda size: "n" * size), max_size=60))
def test_a_summary_is_always_accepted(names: list[str]) -> None:
    Backup.from_document(with_value(BACKUP, "content.entries", list(summary(names))))
