"""Callables about what is saved by name, and about the configuration."""

from __future__ import annotations

from functions.callable.backups import stored
from shared.contents import CONTENTS
from shared.identity.contract import Caller
from shared.jobs.ports import Ports
from shared.jobs.selecting import choose
from shared.models.callables import ByNameInput, Configuration, Nothing, SetList, TemplateList
from shared.models.selection import Selection
from shared.models.sets import BackupSet, BackupTemplate
from shared.policy.switches import check_config


class Presets:
    """Each method is a callable."""

    def __init__(self, ports: Ports) -> None:
        self._catalog = ports.catalog

    def save_set(self, _: Caller, given: BackupSet) -> Nothing:
        _check_patterns(given.selection)
        self._catalog.save_preset(given)
        return Nothing()

    def list_sets(self, _: Caller, __: Nothing) -> SetList:
        with stored():
            return SetList(sets=tuple(self._catalog.presets(BackupSet)))

    def delete_set(self, _: Caller, given: ByNameInput) -> Nothing:
        self._catalog.drop_preset(BackupSet, given.name)
        return Nothing()

    def save_template(self, _: Caller, given: BackupTemplate) -> Nothing:
        """NotFound for the name of a backup set that is not there."""
        _check_patterns(given.selection)
        if given.set:
            self._catalog.preset(BackupSet, given.set)
        self._catalog.save_preset(given)
        return Nothing()

    def list_templates(self, _: Caller, __: Nothing) -> TemplateList:
        with stored():
            return TemplateList(templates=tuple(self._catalog.presets(BackupTemplate)))

    def delete_template(self, _: Caller, given: ByNameInput) -> Nothing:
        self._catalog.drop_preset(BackupTemplate, given.name)
        return Nothing()


class Configurations:
    """Each method is a callable."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def get_config(self, _: Caller, __: Nothing) -> Configuration:
        catalog = self._ports.catalog
        with stored():
            return Configuration(
                backup=catalog.config(),
                storage=catalog.storage_config(),
                retention=catalog.retention_policy(),
            )

    def set_config(self, _: Caller, given: Configuration) -> Nothing:
        """All parts that are given, or none: BadInput names what contradicts the repository."""
        parts = [part for part in (given.backup, given.storage) if part is not None]
        for part in parts:
            check_config(part, self._ports.repository().options)
        self._ports.catalog.configure(given.backup, given.storage, given.retention)
        return Nothing()


def _check_patterns(selection: Selection | None) -> None:
    """BadInput for a pattern that is none. What it names need not be set up here yet."""
    if selection is not None:
        choose(selection, CONTENTS)
