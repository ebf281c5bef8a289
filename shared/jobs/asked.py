"""What a request for a backup comes to, once its backup set or template is looked up: asked once, when the job is made.

Manual backups keep to the configuration's rules for them; what is refused is refused before anything is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.contents import SETTINGS, USERS
from shared.errors import BadInput, Denied
from shared.jobs.documents import FORMAT
from shared.jobs.ports import Ports
from shared.jobs.selecting import Chosen, choose, chosen
from shared.models.config import BackupConfig, Manual
from shared.models.fields import BackupType
from shared.models.jobs import Asked, Selection
from shared.models.sets import BackupOptions, BackupSet, BackupTemplate
from shared.policy.switches import check_config
from shared.state.contract import Catalog, Data


@dataclass(frozen=True)
class Wanted:
    """A backup as it is to be made. `max_size` in the bytes that are newly stored; None for no limit."""

    type: BackupType
    chosen: dict[str, Chosen]
    options: BackupOptions
    max_size: int | None

    def data(self) -> Data:
        """As a snapshot's job keeps it."""
        found = {name: one.selected() for name, one in self.chosen.items()}
        return {
            "type": self.type,
            "selection": {
                name: {"include": list(one.include), "exclude": list(one.exclude)}
                for name, one in found.items()
            },
            "options": self.options.to_document(),
            "maxSize": self.max_size,
        }


def want(ports: Ports, asked: Asked, kind: BackupType | None = None) -> Wanted:
    """What `asked` comes to. `kind` is what the request says of its type.

    NotFound for a backup set or template that is not there, BadInput for a content that is not set up here, Denied
    or BadInput for what the configuration does not allow.
    """
    selection, template = _looked_up(ports.catalog, asked)
    type_ = kind or (template.type if template else None) or "manual"
    options = (asked.options or BackupOptions()).over(template.options if template else None)
    config = ports.catalog.config() if type_ == "manual" else None
    if config is not None:
        check_manual(config.manual, options)
        check_config(config, ports.repository().options)
    return Wanted(
        type_,
        _with_hashing(choose(selection, ports.sources), ports),
        _checked_after(options, config),
        _limit(options, config),
    )


def _with_hashing(asked: dict[str, Chosen], ports: Ports) -> dict[str, Chosen]:
    """Accounts, and the parameters of their passwords' hashes: without these nobody signs in again."""
    if USERS not in asked or SETTINGS in asked or SETTINGS not in ports.sources:
        return asked
    return {**asked, SETTINGS: chosen(SETTINGS, ("auth",))}


def excluded(ports: Ports, wanted: Wanted) -> list[str]:
    """Root collections whose documents are no entries: our own, and those that are backed up as settings."""
    whole = SETTINGS in wanted.chosen and not wanted.chosen[SETTINGS].include
    return [*ports.own_collections(ports.place), *(ports.settings_collections if whole else ())]


def check_manual(rules: Manual, options: BackupOptions) -> None:
    """Denied when manual backups are switched off, BadInput for an export format that is not allowed."""
    if not rules.enabled:
        raise Denied(
            "manual backups are switched off by the configuration",
            hint="set manual.enabled in backupConfig/main, or wait for the next automatic one",
        )
    check_formats(rules, options.formats)


def check_formats(rules: Manual, formats: tuple[str, ...]) -> None:
    """BadInput names formats that the configuration does not allow. The repository's own is always allowed."""
    refused = [name for name in formats if name not in rules.formats and name != FORMAT]
    if refused:
        told = ", ".join(rules.formats) or "no format"
        raise BadInput(
            f"export to {' and '.join(refused)} is not allowed by the configuration",
            hint=f"manual.formats in backupConfig/main allows {told}",
        )


def _looked_up(catalog: Catalog, asked: Asked) -> tuple[Selection | None, BackupTemplate | None]:
    template = catalog.preset(BackupTemplate, asked.template) if asked.template else None
    name = template.set if template else asked.set
    if name:
        return catalog.preset(BackupSet, name).selection, template
    return template.selection if template else asked.selection, template


def _checked_after(options: BackupOptions, config: BackupConfig | None) -> BackupOptions:
    """The configuration's wish to check every manual backup is not undone by a request."""
    wished = config is not None and config.manual.validation
    checked = options.validation not in (None, "none")
    return options.changed(validation="structure") if wished and not checked else options


def _limit(options: BackupOptions, config: BackupConfig | None) -> int | None:
    """A size of 0 in the configuration is no limit: `enabled` is what switches backups off."""
    sizes = [config.manual.max_size if config else 0, options.max_size or 0]
    return min((size for size in sizes if size), default=None)
