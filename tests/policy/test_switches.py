"""What a configuration says of encryption and compression must be what the repository is."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from shared.errors import BadInput
from shared.format.config import Options
from shared.models.config import BackupConfig
from shared.models.storage import StorageConfig
from shared.policy.switches import check_config

BOTH = (False, True)


def backup(*, encryption: bool, compression: bool, manual: bool, on: tuple[bool, bool] = (True, True)) -> Any:
    return BackupConfig.from_document(
        {
            "automatic": {
                "enabled": on[0],
                "schedule": {"frequency": "daily", "time": "03:00", "timezone": "UTC"},
                "retention": {"days": 30, "maxBackups": 60, "cleanupStrategy": "oldest"},
                "storage": {
                    "provider": "local",
                    "path": "backups",
                    "compression": compression,
                    "encryption": encryption,
                },
            },
            "manual": {
                "enabled": on[1],
                "maxSize": 1,
                "formats": ["json"],
                "validation": True,
                "encryption": manual,
            },
            "recovery": {"enabled": True, "maxVersions": 1, "validation": True, "testing": True},
        }
    )


def storage(*, encryption: bool, compression: bool) -> StorageConfig:
    return StorageConfig.from_document(
        {
            "provider": "local",
            "settings": {
                "path": "backups",
                "maxSize": 1,
                "compression": compression,
                "encryption": encryption,
            },
            "rotation": {"enabled": False, "strategy": "time", "maxAge": 1, "maxSize": 1, "maxCount": 1},
            "monitoring": {"enabled": True, "alerts": True, "metrics": True, "logging": True},
        }
    )


def refused(config: BackupConfig | StorageConfig, options: Options) -> set[str]:
    """The fields that are named."""
    try:
        check_config(config, options)
    except BadInput as error:
        _, _, told = error.message.partition("repository: ")
        return {one.split(" says ")[0] for one in told.split("; ")}
    return set()


@pytest.mark.parametrize(("encryption", "compression"), list(product(BOTH, BOTH)))
def test_every_contradiction_is_named_and_nothing_else(encryption: bool, compression: bool) -> None:
    options = Options(encryption=encryption, compression=compression)
    for asked, packed in product(BOTH, BOTH):
        wrong = {"encryption"} if asked != encryption else set()
        wrong |= {"compression"} if packed != compression else set()
        found = refused(storage(encryption=asked, compression=packed), options)
        assert found == {f"settings.{name}" for name in wrong}
        for manual in BOTH:
            found = refused(backup(encryption=asked, compression=packed, manual=manual), options)
            manually = {"manual.encryption"} if manual != encryption else set()
            assert found == {f"automatic.storage.{name}" for name in wrong} | manually


def test_what_is_switched_off_is_not_looked_at() -> None:
    config = backup(encryption=False, compression=False, manual=True, on=(False, True))
    check_config(config, Options())
    config = backup(encryption=True, compression=True, manual=False, on=(True, False))
    check_config(config, Options())


def test_the_message_says_both_sides_and_what_to_do() -> None:
    with pytest.raises(BadInput, match="says encrypted, and the repository is not encrypted") as caught:
        check_config(storage(encryption=True, compression=True), Options(encryption=False))
    assert "firekeep init" in caught.value.hint
