"""Which method answers which callable."""

from __future__ import annotations

from collections.abc import Mapping

from functions.callable.backups import Backups
from functions.callable.configuration import Configurations, Presets
from functions.callable.serve import Run
from shared.jobs.ports import Ports


def operations(ports: Ports) -> Mapping[str, Run]:
    """By the callables' names."""
    backups, presets, configurations = Backups(ports), Presets(ports), Configurations(ports)
    return {
        "requestBackup": backups.request_backup,
        "cancelBackup": backups.cancel_backup,
        "listBackups": backups.list_backups,
        "getStatus": backups.get_status,
        "estimateBackup": backups.estimate_backup,
        "requestRestore": backups.request_restore,
        "cancelRestore": backups.cancel_restore,
        "listRecoveries": backups.list_recoveries,
        "saveSet": presets.save_set,
        "listSets": presets.list_sets,
        "deleteSet": presets.delete_set,
        "saveTemplate": presets.save_template,
        "listTemplates": presets.list_templates,
        "deleteTemplate": presets.delete_template,
        "getStatistics": backups.get_statistics,
        "getConfig": configurations.get_config,
        "setConfig": configurations.set_config,
    }
