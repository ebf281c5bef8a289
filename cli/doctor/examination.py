"""All checks, one after another. One that cannot be made is a finding too, never a silence."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from google.auth.exceptions import GoogleAuthError

from cli.doctor import project, repository, services
from cli.doctor.finding import Check, Finding, Patient, unknown, wrong
from shared.errors import FirekeepError

CHECKS: Final = (
    Check("databases", services.check_databases),
    Check("state-apart", services.check_apart),
    Check("accounts", services.check_accounts),
    Check("media", services.check_media),
    Check("topics", services.check_topics),
    Check("key", repository.check_key),
    Check("bucket", repository.check_bucket),
    Check("store", repository.check_store),
    Check("services", project.check_services, cloud=True),
    Check("window", project.check_window, cloud=True),
    Check("region", project.check_regions, cloud=True),
    Check("permissions", project.check_caller, cloud=True),
    Check("roles", project.check_roles, cloud=True),
    Check("identities", project.check_identities, cloud=True),
    Check("secret", project.check_secret, cloud=True),
    Check("functions", project.check_functions, cloud=True),
    Check("schedules", project.check_schedules, cloud=True),
)


def examine(patient: Patient, names: Collection[str] = ()) -> Iterator[Finding]:
    """What every check finds, or those named, as it is found."""
    for check in CHECKS:
        if not names or check.name in names:
            yield from findings(check, patient)


def findings(check: Check, patient: Patient) -> Iterator[Finding]:
    """What one check finds."""
    if check.cloud and patient.emulated:
        yield unknown(check.name, "not checked here: a local stack has none of it")
        return
    try:
        yield from check.run(patient)
    except FirekeepError as error:
        yield wrong(check.name, error.message, error.hint or "docs/setup.md")
    except GoogleAuthError:
        fix = "gcloud auth application-default login"
        yield wrong(check.name, "there are no Google credentials, or they have expired", fix)
