"""`firekeep init`: make a repository, and the key that protects it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.options import output_options, repository_options
from cli.output import Output
from shared.errors import BadInput, Conflict, NotFound, Unsupported

if TYPE_CHECKING:
    from shared.settings import Settings


@click.command("init")
@click.option(
    "--no-encryption", is_flag=True, help="Store readable data, for a place that is safe by itself."
)
@click.option("--no-compression", is_flag=True, help="Store data as it comes.")
@repository_options
@output_options
def command(out: Output, chosen: Settings, no_encryption: bool, no_compression: bool) -> None:
    """Make a repository, the place where backups are kept: a folder, or a bucket at gs://, firebase://, s3://, az://.

    A key file is made beside it unless one is named; one that exists is used as it is. Or name a file that holds
    a passphrase, a key of Cloud KMS or a secret. What exists already is never overwritten.

    \b
    Examples:
      firekeep init --repository ~/backups
      firekeep init --repository ~/backups --key-file /media/usb/backups.key
      firekeep init --repository gs://my-backups/app --key-file ~/backups.key
      firekeep init --repository ~/backups --passphrase-file ~/phrase.txt
      firekeep init --repository gs://my-backups/app --secret projects/my-app/secrets/firekeep-key
    """
    from shared import wiring
    from shared.format.config import Options

    chosen = _with_key(chosen, no_encryption)
    _check_absent(chosen)
    _check_creation(chosen)
    made = chosen.key_file is not None and wiring.make_key_file(chosen.key_file)
    options = Options(compression=not no_compression, encryption=not no_encryption)
    repository = wiring.create_repository(chosen, options)
    facts = {
        "repository": chosen.repository,
        "id": repository.id,
        "encryption": options.encryption,
        "compression": options.compression,
        "keyFile": str(chosen.key_file) if chosen.key_file else None,
        "keyFileMade": made,
        "passphraseFile": str(chosen.passphrase_file) if chosen.passphrase_file else None,
        "kmsKey": chosen.kms_key or None,
        "secret": chosen.secret or None,
    }
    out.result(facts, _told(chosen, made))


def _check_absent(chosen: Settings) -> None:
    """Before a key is made: Conflict when there is a repository."""
    from shared import wiring
    from shared.repository.layout import CONFIG

    try:
        wiring.provider(chosen).stat(CONFIG)
    except NotFound:
        return
    raise Conflict(
        f"there is a repository at {chosen.repository} already", hint="use it, or choose another place"
    )


def _check_creation(chosen: Settings) -> None:
    """Some stores that speak S3's protocol take a condition and pass over it: they would lose objects silently."""
    import secrets

    from shared import wiring
    from shared.clock import SystemClock
    from shared.conformance.promise import Broken
    from shared.conformance.provider import check_put_is_create_only

    for place in wiring.places(chosen):
        if not (place.startswith("s3://") and chosen.s3_endpoint):
            continue
        store = wiring.provider_at(chosen, place)
        try:
            check_put_is_create_only(store, f"probe-{secrets.token_hex(8)}", SystemClock())
        except Broken:
            raise Unsupported(
                f"the store at {place} overwrites an object although it was told not to",
                hint="a repository needs a store with conditional writes; docs/stores.md names what it needs",
            ) from None


def _with_key(chosen: Settings, no_encryption: bool) -> Settings:
    from shared import wiring

    chosen = replace(chosen, repository=" ".join(wiring.places(chosen)))
    if no_encryption and chosen.key[0]:
        raise BadInput(
            "a repository without encryption has no key", hint="leave out the key, or --no-encryption"
        )
    if no_encryption or chosen.key[0] not in ("", "FIREKEEP_KEY_FILE"):
        return chosen
    key_file = chosen.key_file or wiring.key_file_for(chosen)
    return replace(chosen, key_file=key_file.absolute())


def _told(chosen: Settings, made: bool) -> list[str]:
    variable, file = chosen.key
    told = [f"Made the repository {chosen.repository}."]
    if not file:
        told.append("It is not encrypted: whoever can read it can read the data.")
    elif variable == "FIREKEEP_PASSPHRASE_FILE":
        told.append(
            "Its passphrase opens it. Without the passphrase nothing can ever be restored: keep it safe."
        )
    elif variable != "FIREKEEP_KEY_FILE":
        told.append(f"It opens with {file}, and only as long as that exists.")
        told.append("Print a kit that opens it without the project, and keep it safe: firekeep key kit")
    else:
        told.append(f"Its key is {'the new file' if made else 'in'} {file}.")
        told.append("Keep a copy of the key in another safe place: without it nothing can ever be restored.")
    told += ["", "For the next commands:", f"  export FIREKEEP_REPOSITORY={shlex.quote(chosen.repository)}"]
    return [*told, f"  export {variable}={shlex.quote(file)}"] if file else told
