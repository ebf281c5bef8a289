"""Whether a configuration asks of a repository what that repository is. It cannot be changed: ids depend on it."""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import BadInput
from shared.format.config import Options
from shared.models.config import BackupConfig
from shared.models.storage import StorageConfig

_WORDS = {
    "encryption": {True: "encrypted", False: "not encrypted"},
    "compression": {True: "compressed", False: "not compressed"},
}


def check_config(config: BackupConfig | StorageConfig, options: Options) -> None:
    """BadInput names every field that contradicts the repository's options. What is switched off is not looked at."""
    wrong = [
        f"{field} says {_WORDS[switch][wanted]}, and the repository is {_WORDS[switch][not wanted]}"
        for field, switch, wanted in _asked(config)
        if wanted is not getattr(options, switch)
    ]
    if wrong:
        raise BadInput(
            f"the configuration contradicts the repository: {'; '.join(wrong)}",
            hint="change the configuration, or make another repository with `firekeep init`",
        )


def _asked(config: BackupConfig | StorageConfig) -> Iterator[tuple[str, str, bool]]:
    """Field, switch, and what it is to be."""
    if isinstance(config, StorageConfig):
        yield "settings.encryption", "encryption", config.settings.encryption
        yield "settings.compression", "compression", config.settings.compression
        return
    if config.automatic.enabled:
        yield "automatic.storage.encryption", "encryption", config.automatic.storage.encryption
        yield "automatic.storage.compression", "compression", config.automatic.storage.compression
    if config.manual.enabled:
        yield "manual.encryption", "encryption", config.manual.encryption
