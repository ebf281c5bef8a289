"""What the models refuse, and how they say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from model_examples import BACKUP, CONFIG, RECOVERY, STORAGE, Document, paths, with_value, without

from shared.errors import BadInput
from shared.models import Backup, BackupConfig, Recovery, StorageConfig
from shared.models.base import Model

ALL: list[tuple[type[Model], Document]] = [
    (BackupConfig, CONFIG),
    (Backup, BACKUP),
    (Recovery, RECOVERY),
    (StorageConfig, STORAGE),
]
OPTIONAL = {"metadata.completedAt", "storage.url", "validation.errors", "rollback.point", "rollback.status"}
EVERY_FIELD = [(model, document, path) for model, document in ALL for path in paths(document)]


def refusal(model: type[Model], document: Any) -> str:
    with pytest.raises(BadInput) as caught:
        model.from_document(document)
    return str(caught.value)


@pytest.mark.parametrize(("model", "document", "path"), EVERY_FIELD)
def test_a_missing_field_is_named_unless_it_is_optional(
    model: type[Model], document: Document, path: str
) -> None:
    lacking = without(document, path)
    if model is not BackupConfig and path in OPTIONAL and path != "storage":
        assert model.from_document(lacking).to_document() == lacking
    else:
        assert f"{path}: missing" in refusal(model, lacking)


@pytest.mark.parametrize(("model", "document", "path"), EVERY_FIELD)
def test_a_null_is_refused_everywhere(model: type[Model], document: Document, path: str) -> None:
    assert f"{path}: is null, leave it out" in refusal(model, with_value(document, path, None))


@pytest.mark.parametrize(("model", "document", "path"), EVERY_FIELD)
@pytest.mark.parametrize("secret", ["s3cret", 7.5, b"s3cret", ["s3cret", 1], {"s3cret": 1}])
def test_a_value_of_another_type_is_refused_by_path_and_not_repeated(
    model: type[Model], document: Document, path: str, secret: object
) -> None:
    fits = isinstance(secret, str) and isinstance(_at(document, path), str)
    if fits and path.rpartition(".")[2] not in {"time", "timezone"} and not _is_choice(path, model):
        assert model.from_document(with_value(document, path, secret))
        return
    told = refusal(model, with_value(document, path, secret))
    assert path in told
    if not isinstance(secret, dict):
        assert "s3cret" not in told
        assert "7.5" not in told


def _at(document: Document, path: str) -> object:
    node: Any = document
    for name in path.split("."):
        node = node[name]
    return node


def _is_choice(path: str, model: type[Model]) -> bool:
    name = path.rpartition(".")[2]
    choices = {"type", "status", "frequency", "cleanupStrategy", "strategy"}
    return name in choices or (name == "provider" and model is not Backup)


@pytest.mark.parametrize("path", [path for path in paths(CONFIG) if isinstance(_at(CONFIG, path), dict)])
def test_an_unknown_field_is_refused_at_every_level(path: str) -> None:
    assert f"{path}.surprise: unknown field" in refusal(
        BackupConfig, with_value(CONFIG, f"{path}.surprise", 1)
    )


def test_python_names_are_not_taken_from_documents() -> None:
    snake = with_value(without(RECOVERY, "backupId"), "backup_id", "b1")
    assert "backup_id: unknown field" in refusal(Recovery, snake)


def test_an_unknown_field_with_a_huge_name_gives_a_short_error() -> None:
    assert len(refusal(Backup, {**BACKUP, "x" * 1_000_000: 1})) < 300


def test_a_document_full_of_mistakes_gives_a_short_error() -> None:
    told = refusal(Backup, {f"f{i}": i for i in range(1_000)})
    assert "more" in told
    assert len(told) < 500


@pytest.mark.parametrize("document", [None, [], "text", 5, {}])
def test_what_is_no_document_is_refused(document: object) -> None:
    assert "Backup is not valid" in refusal(Backup, document)


@pytest.mark.parametrize(
    "time",
    [
        "24:00",
        "3:30",
        "03:60",
        "03:30:00",
        " 03:30",
        "03:30\n",
        "٠٣:٣٠",
        "0330",
        "",
        "03.30",
        "-3:30",
        "3:30 AM",
    ],
)
def test_a_time_is_hours_and_minutes_of_a_day(time: str) -> None:
    told = refusal(BackupConfig, with_value(CONFIG, "automatic.schedule.time", time))
    assert "automatic.schedule.time: must be HH:MM" in told


@pytest.mark.parametrize("time", ["00:00", "03:30", "19:59", "20:00", "23:59"])
def test_every_minute_of_a_day_is_a_time(time: str) -> None:
    assert BackupConfig.from_document(with_value(CONFIG, "automatic.schedule.time", time))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Europe/Bonn",
        "europe/berlin",
        "../../etc/passwd",
        "/etc/localtime",
        "localtime",
        "UTC+1",
        "Europe",
        "ÅST",
    ],
)
def test_a_timezone_is_one_of_iana(name: str) -> None:
    told = refusal(BackupConfig, with_value(CONFIG, "automatic.schedule.timezone", name))
    assert "automatic.schedule.timezone: must be an IANA time zone" in told


@pytest.mark.parametrize(
    "name", ["UTC", "Etc/GMT+12", "America/Argentina/Ushuaia", "Asia/Kathmandu", "Asia/Calcutta"]
)
def test_timezones_old_and_new_are_known(name: str) -> None:
    assert BackupConfig.from_document(with_value(CONFIG, "automatic.schedule.timezone", name))


NUMBERS = [
    (model, document, path)
    for model, document in ALL
    for path in paths(document)
    if type(_at(document, path)) is int
]


@pytest.mark.parametrize(("model", "document", "path"), NUMBERS)
@pytest.mark.parametrize("number", [-1, True, 1.0, float("nan"), float("inf"), "1", 2**53, -(2**63)])
def test_a_size_age_or_count_is_a_whole_number_from_zero_that_javascript_holds(
    model: type[Model], document: Document, path: str, number: object
) -> None:
    assert f"{path}: must be" in refusal(model, with_value(document, path, number))


@pytest.mark.parametrize("path", ["automatic.retention.days", "automatic.retention.maxBackups"])
def test_retention_keeps_at_least_one(path: str) -> None:
    assert f"{path}: must be" in refusal(BackupConfig, with_value(CONFIG, path, 0))


@pytest.mark.parametrize(
    ("strategy", "limit"), [("time", "maxAge"), ("size", "maxSize"), ("count", "maxCount")]
)
def test_a_rotation_that_is_on_has_the_limit_it_goes_by(strategy: str, limit: str) -> None:
    rotation = {"enabled": True, "strategy": strategy, "maxAge": 9, "maxSize": 9, "maxCount": 9, limit: 0}
    assert f"rotation: {limit} must be at least 1" in refusal(
        StorageConfig, {**STORAGE, "rotation": rotation}
    )
    StorageConfig.from_document({**STORAGE, "rotation": {**rotation, "enabled": False}})


DATES = [("metadata.createdAt", BACKUP, Backup), ("rollback.point", RECOVERY, Recovery)]


@pytest.mark.parametrize(("path", "document", "model"), DATES)
@pytest.mark.parametrize(
    "date",
    [
        datetime(2024, 3, 19),  # noqa: DTZ001
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))),
        DatetimeWithNanoseconds(2024, 3, 19, nanosecond=1, tzinfo=UTC),
        "2024-03-19T03:30:00Z",
        1_710_000_000,
        1_710_000_000.5,
    ],
)
def test_a_date_is_aware_exact_and_a_timestamp(
    path: str, document: Document, model: type[Model], date: object
) -> None:
    assert f"{path}: must" in refusal(model, with_value(document, path, date))


@pytest.mark.parametrize("name", ["", "é" * 3_073, "\ud800", 1, None])
def test_a_name_in_a_list_is_a_text_of_some_bytes(name: object) -> None:
    assert "content.media.1:" in refusal(Backup, with_value(BACKUP, "content.media", ["fine", name]))


@pytest.mark.parametrize("names", [["n"] * 1_001, ["é" * 1_500] * 44, ["x"] * 200_000])
def test_a_list_is_bounded_in_names_and_in_bytes(names: list[str]) -> None:
    assert "content.entries: " in refusal(Backup, with_value(BACKUP, "content.entries", names))


@pytest.mark.parametrize("bad", ["", "-a", "_a", "a/b", "a.b", "a b", "ä", "a\n", "a" * 129, "..", "٣"])
def test_an_id_is_plain(bad: str) -> None:
    assert "id: " in refusal(Backup, {**BACKUP, "id": bad})
    assert "backupId: " in refusal(Recovery, {**RECOVERY, "backupId": bad})
