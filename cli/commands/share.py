"""`firekeep share`: a part of a backup for somebody else, sealed, for a time."""

from __future__ import annotations

import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import click

from cli.options import output_options, repository_options, selection_options
from cli.output import Output, count, moment, size, table
from cli.progress import Meter
from shared.errors import BadInput, Unsupported

if TYPE_CHECKING:
    from shared.exporting.exported import Export
    from shared.exporting.sealing import Recipient
    from shared.exporting.sharing import Share, Shares
    from shared.settings import Settings

_FORMS = ("zip", "jsonl", "json", "parquet")
_SPAN = re.compile(r"([1-9][0-9]{0,3})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_FILE = click.Path(path_type=Path)


@click.group("share", no_args_is_help=True)
def command() -> None:
    """Share a part of a backup: an export, sealed for a passphrase or a public key, for a time.

    \b
    Examples:
      firekeep share keygen --output private.key
      firekeep share create latest --prefix users/alice --for-public-key their.pub --expires 2d
      firekeep share list
      firekeep share revoke 20260329T010000Z-1f2e3d4c
      firekeep share open fetched --private-key private.key --output alice.zip
    """


@command.command("create")
@click.argument("id_", metavar="ID")
@selection_options("Share")
@click.option(
    "--format", "form", type=click.Choice(_FORMS), default="zip", show_default=True, help="Its form."
)
@click.option(
    "--for-passphrase-file", "phrase", type=_FILE, metavar="FILE", help="Seal it with the passphrase in it."
)
@click.option(
    "--for-public-key", "public", metavar="KEY", help="Seal it for this key, or the one in this file."
)
@click.option("--expires", default="7d", show_default=True, metavar="TIME", help="How long: 30m, 12h, 7d.")
@repository_options
@output_options
def create(
    *,
    out: Output,
    chosen: Settings,
    id_: str,
    selection: dict[str, Any] | None,
    form: str,
    phrase: Path | None,
    public: str | None,
    expires: str,
) -> None:
    """Seal an export of the backup ID and store it beside the repository, with a link where the store can make one.

    \b
    Example:
      firekeep share create latest --prefix users/alice --for-public-key "firekeep-share-public-1 ..." --expires 2d
    """
    from cli.commands.export import chosen_export, told
    from cli.jobs import new_id
    from cli.snapshots import find
    from shared import wiring
    from shared.clock import SystemClock
    from shared.exporting.sharing import Share

    recipient, lasts = _recipient(phrase, public), _span(expires)
    repository, clock = wiring.open_repository(chosen), SystemClock()
    export = chosen_export(repository, find(repository, id_), selection, form)
    sealed = _sealed(out, export, form, recipient)
    now, share_id = clock.now(), new_id(clock, secrets.token_bytes)
    share = Share(
        share_id, now, now + lasts, export.manifest.id, form, recipient.kind, export.done, len(sealed)
    )
    url, why = _link(chosen, share.key, lasts)
    _shares(chosen, repository).add(share, sealed)
    lines = [
        f"Share {share_id}: {told(export.done)}, {size(len(sealed))}, sealed with a {recipient.kind}",
        f"  until      {moment(share.expires)}",
        f"  fetch      {url}" if url else f"  object     {share.key} ({why})",
        "  open       firekeep share open FILE --output PATH "
        + ("--passphrase-file FILE" if phrase else "--private-key FILE"),
    ]
    out.result({**_facts(share, "active"), "url": url}, lines)


@command.command("list")
@repository_options
@output_options
def listing(*, out: Output, chosen: Settings) -> None:
    """List the shares there are, and which have expired."""
    from shared import wiring
    from shared.clock import SystemClock

    now = SystemClock().now()
    found = list(_shares(chosen, wiring.open_repository(chosen)).all())
    rows = [
        (one.id, one.state(now), moment(one.expires), one.backup, one.form, size(one.size), one.recipient)
        for one in found
    ]
    header = ("SHARE", "STATE", "UNTIL", "BACKUP", "FORM", "SIZE", "SEALED WITH")
    lines = table(header, rows) if rows else ["There are no shares."]
    out.result({"shares": [_facts(one, one.state(now)) for one in found]}, lines)


@command.command("revoke")
@click.argument("id_", metavar="ID")
@repository_options
@output_options
def revoke(*, out: Output, chosen: Settings, id_: str) -> None:
    """Delete a share: its link is dead from then on. Who fetched it before still has it."""
    from shared import wiring

    shares = _shares(chosen, wiring.open_repository(chosen))
    share = shares.find(id_)
    shares.remove(share)
    out.result({"id": share.id, "status": "revoked"}, [f"Share {share.id} is deleted"])


@command.command("prune")
@repository_options
@output_options
def prune(*, out: Output, chosen: Settings) -> None:
    """Delete the shares that have expired."""
    from shared import wiring
    from shared.clock import SystemClock

    now = SystemClock().now()
    shares = _shares(chosen, wiring.open_repository(chosen))
    ended = [share for share in shares.all() if share.state(now) != "active"]
    for share in ended:
        shares.remove(share)
    out.result({"deleted": [share.id for share in ended]}, [f"{count(len(ended), 'share')} deleted"])


@command.command("open")
@click.argument("file", type=_FILE)
@click.option("--passphrase-file", "phrase", type=_FILE, metavar="FILE", help="The file with its passphrase.")
@click.option("--private-key", "private", type=_FILE, metavar="FILE", help="The file with the private key.")
@click.option("--output", required=True, metavar="PATH", help="Where the export goes.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@output_options
def opening(
    *, out: Output, file: Path, phrase: Path | None, private: Path | None, output: str, force: bool
) -> None:
    """Open a share that was fetched to FILE."""
    from shared import wiring
    from shared.exporting.placing import placed_file
    from shared.exporting.sealing import unseal

    if bool(phrase) == bool(private) or output == "-":
        raise BadInput(
            "one secret and a place are needed",
            hint="give --passphrase-file or --private-key, and --output PATH",
        )
    try:
        sealed = file.open("rb")
    except OSError as error:
        raise BadInput(f"reading {file} failed: {error.strerror}") from None
    with sealed:
        known = wiring.passphrase_in(phrase) if phrase else None
        own = wiring.private_text(private, "private key") if private else None
        form, pieces = unseal(sealed, phrase=known, private=own)
        done = 0
        with placed_file(output, force=force) as target:
            for data in pieces:
                done += target.write(data)
    out.result(
        {"form": form, "output": output, "bytes": done}, [f"Opened {form}, {size(done)}, into {output}"]
    )


@command.command("keygen")
@click.option("--output", required=True, type=_FILE, metavar="FILE", help="Where the private key goes.")
@output_options
def keygen(*, out: Output, output: Path) -> None:
    """Make a pair of keys: a private one in a new file, and a public one to give to others."""
    from shared import wiring
    from shared.exporting.sealing import new_pair

    private, public = new_pair(secrets.token_bytes)
    wiring.write_secret(output, "private key", f"{private}\n")
    out.result({"publicKey": public, "output": str(output)}, [public])


def _recipient(phrase: Path | None, public: str | None) -> Recipient:
    from shared import wiring
    from shared.exporting.sealing import ForPassphrase, ForPublicKey

    if phrase and not public:
        return ForPassphrase(wiring.passphrase_in(phrase))
    if public and not phrase:
        text = Path(public).read_text(encoding="utf-8") if os.path.lexists(public) else public
        return ForPublicKey(text)
    raise BadInput("whom the share is for is not said", hint="give --for-passphrase-file or --for-public-key")


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise BadInput(f"--expires {text[:20]!r} is no span of time", hint="write it like 30m, 12h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _sealed(out: Output, export: Export, form: str, recipient: Recipient) -> bytes:
    """The sealed export, by way of a temporary file."""
    from cli.commands.export import showing
    from shared.clock import SystemClock
    from shared.exporting.exported import write_form
    from shared.exporting.sealing import Sealing
    from shared.exporting.sharing import MOST_BYTES

    with TemporaryFile() as file, Meter(out, SystemClock()) as meter:
        sealing: Any = Sealing(_bounded(file, MOST_BYTES), recipient, form, secrets.token_bytes)
        write_form(export, form, sealing, showing(meter, export.total))
        sealing.close()
        file.seek(0)
        return file.read()


def _bounded(file: IO[bytes], most: int) -> Any:
    """The file, for so many bytes. Stores take an object whole, so it has to fit into memory."""

    class Bounded:
        def write(self, data: bytes) -> int:
            if file.tell() + len(data) > most:
                raise BadInput(
                    f"a share cannot be larger than {size(most)}", hint="choose less of the backup"
                )
            return file.write(data)

    return Bounded()


def _link(chosen: Settings, key: str, lasts: timedelta) -> tuple[str, str]:
    """The link, or why there is none."""
    from shared import wiring

    try:
        return wiring.linking(chosen).link(key, lasts), ""
    except Unsupported as error:
        return "", str(error)


def _shares(chosen: Settings, repository: Any) -> Shares:
    from shared import wiring
    from shared.exporting.sharing import Shares

    return Shares(wiring.provider(chosen), repository.store.sealer)


def _facts(share: Share, state: str) -> dict[str, Any]:
    return {
        "id": share.id,
        "status": state,
        "created": share.created,
        "expires": share.expires,
        "backupId": share.backup,
        "format": share.form,
        "recipient": share.recipient,
        "records": dict(share.records),
        "bytes": share.size,
        "object": share.key,
    }
