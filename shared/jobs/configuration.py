"""Checks a document of `backupConfig` when it was written, and answers beside it; the last good one stays in force.

The answer is the document of the same id in `backupConfigStatus`: `state` is `valid` or `invalid`, `errors` name each
field, `lastGood` is what is in force while the state is invalid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.errors import BadInput, NotFound
from shared.format.config import Options
from shared.jobs.ports import Ports, Report
from shared.models.base import Model
from shared.models.collections import MAIN, RETENTION, ROTATION, STORAGE
from shared.models.config import BackupConfig
from shared.models.retention import RetentionPolicy
from shared.models.storage import StorageConfig
from shared.policy.switches import check_config

KINDS: Final[Mapping[str, type[Model]]] = {
    MAIN: BackupConfig,
    STORAGE: StorageConfig,
    RETENTION: RetentionPolicy,
}
"""What each document of `backupConfig` is that people write."""


def check_configuration(ports: Ports, name: str) -> Report:
    """Check `backupConfig/{name}` as it is now. Whatever is delivered twice or late: each version is checked once."""
    if name == ROTATION:
        return Report(name, "ours", {"reason": "it is written by the rotation itself"})
    options = _options(ports)

    def judge(document: Mapping[str, Any]) -> list[str]:
        return wrong_with(name, document, options)

    return Report(name, ports.answers.judge_config(name, ports.clock.now(), judge))


def wrong_with(name: str, document: Mapping[str, Any], options: Options | None) -> list[str]:
    """What is wrong with the document, a line for each field; nothing for a good one. Without `options` of a
    repository it is not compared with one.
    """
    kind = KINDS.get(name)
    if kind is None:
        return [f"no configuration has the id {name[:80]}; there are {', '.join(KINDS)}"]
    try:
        config = kind.from_document(document)
        if options is not None and isinstance(config, BackupConfig | StorageConfig):
            check_config(config, options)
    except BadInput as error:
        return _lines(error)
    return []


def _lines(error: BadInput) -> list[str]:
    """`X is not valid: a: why; b: why` by field."""
    return error.message.partition(": ")[2].split("; ")


def _options(ports: Ports) -> Options | None:
    """Those of the repository, where there is one yet."""
    try:
        return ports.repository().options
    except NotFound:
        return None
