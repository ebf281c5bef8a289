"""`firekeep key`: what opens the repository."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from cli.options import one_of, output_options, repository_options
from cli.output import Output, moment, printable, table
from shared.errors import BadInput, FirekeepError

if TYPE_CHECKING:
    from cli.kit import Kit
    from shared.keys.contract import Keyring
    from shared.repository.keychain import KeyEntry, Replaced
    from shared.settings import Settings

_SHORT = 12
_MAX_KIT_BYTES = 1 << 16


@click.group("key")
def command() -> None:
    """Add, remove and replace the keys of a repository, and print one for the day when all else is lost.

    A repository has one master key, wrapped by each of its keys; any one of them opens it. The options --key-file,
    --passphrase-file, --kms-key and --secret name the one that opens it now.

    \b
    Examples:
      firekeep key list
      firekeep key add --new-kms projects/my-app/locations/eu/keyRings/backups/cryptoKeys/firekeep
      firekeep key rotate
      firekeep key remove 3f2a81
      firekeep key kit --output kit.txt
      firekeep key from-kit kit.txt recovered.key
    """


def new_key_options(needed: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What is to open the repository from now on; the command is given `new`, or None when it may be left out."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "--new-key-file", metavar="FILE", type=_path(), help="A key file; made if there is none."
        )
        @click.option("--new-passphrase-file", metavar="FILE", type=_path(), help="A file with a passphrase.")
        @click.option("--new-kms", metavar="NAME", help="A key of Cloud KMS.")
        @click.option("--new-secret", metavar="NAME", help="A secret of Secret Manager; it gets a version.")
        @wraps(command)
        def wrapped(
            chosen: Settings,
            new_key_file: Path | None,
            new_passphrase_file: Path | None,
            new_kms: str | None,
            new_secret: str | None,
            **rest: Any,
        ) -> Any:
            names = {
                "--new-key-file": new_key_file,
                "--new-passphrase-file": new_passphrase_file,
                "--new-kms": new_kms,
                "--new-secret": new_secret,
            }
            if not one_of(names) and needed:
                raise BadInput("the new key is not named", hint=f"give one of {', '.join(names)}")
            new = replace(
                chosen,
                key_file=new_key_file,
                passphrase_file=new_passphrase_file,
                kms_key=new_kms or "",
                secret=new_secret or "",
            )
            return command(chosen=chosen, new=new if one_of(names) else None, **rest)

        return wrapped

    return decorate


def _path() -> click.Path:
    return click.Path(path_type=Path)


@command.command("list")
@repository_options
@output_options
def list_(out: Output, chosen: Settings) -> None:
    """Tell which keys open the repository. None of them is needed for that."""
    from shared import wiring
    from shared.repository.keychain import list_keys

    entries = list_keys(wiring.provider(chosen))
    rows = [_row(entry) for entry in entries]
    if not rows:
        out.result({"keys": []}, ["The repository has no keys: it is not encrypted."])
        return
    told = table(
        ("ID", "KIND", "SINCE", "WHICH"),
        [
            (entry.id[:_SHORT], row["kind"], moment(entry.created), printable(row["hint"]) + _state(entry))
            for entry, row in zip(entries, rows, strict=True)
        ],
    )
    out.result({"keys": rows}, told)


def _row(entry: KeyEntry) -> dict[str, Any]:
    kind = entry.wrapped.kind if entry.wrapped else "damaged"
    hint = entry.wrapped.hint if entry.wrapped else ""
    return {
        "id": entry.id,
        "kind": printable(kind),
        "hint": hint,
        "created": entry.created,
        "removing": entry.removing,
    }


def _state(entry: KeyEntry) -> str:
    return " (its removal was begun: remove it again)" if entry.removing else ""


@command.command()
@repository_options
@output_options
@new_key_options(needed=True)
def add(out: Output, chosen: Settings, new: Settings) -> None:
    """Let one more key open the repository. One that opens it already changes nothing."""
    from shared import wiring

    keys = wiring.keychain(chosen)
    made, ring = _ring(new)
    found = [entry.id for entry in keys.opened_by(ring) if not entry.removing]
    added = found[0] if found else keys.add(ring)
    facts = {"id": added, "added": not found, **_named(new), "keyFileMade": made}
    if found:
        out.result(facts, [f"{new.key[1]} opens the repository already, as key {added[:_SHORT]}."])
        return
    out.result(facts, [f"Added key {added[:_SHORT]}: {new.key[1]} opens the repository too.", *_keep(made)])


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--force", is_flag=True, help="Also the only one that opens with the key given now.")
@repository_options
@output_options
def remove(out: Output, chosen: Settings, id_: str, force: bool) -> None:
    """Let a key open the repository no more. ID is the beginning of its id in `firekeep key list`.

    Another key is proven to open first. The last one is never removed.
    """
    from shared import wiring

    keys = wiring.keychain(chosen)
    entry = keys.find(id_)
    keys.remove(entry.id, wiring.keyrings(chosen), force=force)
    out.result({"removed": entry.id}, [f"Removed key {entry.id[:_SHORT]}.", *_REWRITTEN])


@command.command()
@repository_options
@output_options
@new_key_options(needed=False)
def rotate(out: Output, chosen: Settings, new: Settings | None) -> None:
    """Put a new key in the place of the one that is given now.

    For a key file, a new one is made beside it. Cloud KMS wraps with the key's newest version, Secret Manager gets
    a new version. A passphrase needs --new-passphrase-file. The new key is proven to open before the old one goes.
    """
    from shared import wiring

    keys = wiring.keychain(chosen)
    new = new or _successor(chosen)
    (old,) = wiring.keyrings(chosen)
    made, ring = _ring(new)
    again = bool(new.kms_key or new.secret) and new.key == chosen.key
    done = keys.replace(old, ring, again=again)
    facts = {"id": done.id, "removed": list(done.removed), **_named(new), "keyFileMade": made}
    out.result(facts, [*_rotated(chosen, new, done), *_keep(made), *_REWRITTEN])


def _successor(chosen: Settings) -> Settings:
    if chosen.passphrase_file:
        raise BadInput(
            "the new passphrase is not named", hint="write it into a file: --new-passphrase-file FILE"
        )
    return replace(chosen, key_file=beside(chosen.key_file)) if chosen.key_file else chosen


def beside(path: Path) -> Path:
    """The name of the key file that follows: backups.key, backups-2.key, backups-3.key."""
    match = re.fullmatch(r"(.+)-([0-9]{1,6})", path.stem)
    stem, number = (match[1], int(match[2])) if match else (path.stem, 1)
    return path.with_name(f"{stem}-{number + 1}{path.suffix}")


def _rotated(chosen: Settings, new: Settings, done: Replaced) -> list[str]:
    count = f"{len(done.removed)} keys" if len(done.removed) > 1 else "the old one"
    told = [f"Key {done.id[:_SHORT]} has taken the place of {count}."]
    variable, value = new.key
    if new.key != chosen.key:
        told += [f"{chosen.key[1]} opens this repository no more. Set {variable}={value}"]
    elif new.kms_key:
        told += ["The key's older versions are not needed for this repository any more."]
    else:
        told += [f"Older versions of {value} are not needed for this repository any more: disable them."]
    return told


@command.command()
@click.option("--html", is_flag=True, help="A page for a browser, to be printed.")
@click.option("--output", metavar="FILE", type=_path(), help="Write it into this new file.")
@click.option("--yes-print-secret", is_flag=True, help="Print it here, where others may see or record it.")
@repository_options
@output_options
def kit(*, out: Output, chosen: Settings, html: bool, output: Path | None, yes_print_secret: bool) -> None:
    """Make a recovery kit: a page with a key of its own, and what to do with it when all else is lost.

    Whoever has it and can read the repository can read everything. Each kit's key is new; remove it with
    `firekeep key remove` when the paper is lost, without touching the keys in daily use.
    """
    from cli.kit import html as as_html
    from cli.kit import page as as_text
    from shared import wiring

    if bool(output) == yes_print_secret:
        raise BadInput(
            "a kit holds a key, so where it goes must be said",
            hint="--output FILE, or --yes-print-secret to print it here",
        )
    if output and output.exists():
        raise BadInput(f"{output} exists already", hint="name another file")
    keys = wiring.keychain(chosen)
    ring, key_id, lines = wiring.kit_key()
    entry = keys.add(ring)
    kit = _kit(chosen, keys.repository, entry, key_id, lines)
    text = as_html(kit) if html else as_text(kit)
    facts = {"id": entry, "keyId": key_id, "file": str(output) if output else None}
    if output is None:
        out.result({**facts, "page": text}, text.splitlines())
        return
    try:
        wiring.write_kit(output, text)
    except FirekeepError:
        keys.remove(entry, wiring.keyrings(chosen))
        raise
    out.result(facts, [f"Made the kit {output}, key {entry[:_SHORT]}. Print it, and remove the file."])


def _kit(chosen: Settings, repository: str, entry: str, key_id: str, lines: list[str]) -> Kit:
    from cli.kit import Kit
    from shared import wiring
    from shared.clock import SystemClock
    from shared.format.config import FORMAT_VERSION

    endpoints = (
        ("FIREKEEP_S3_ENDPOINT", chosen.s3_endpoint),
        ("FIREKEEP_AZURE_ENDPOINT", chosen.azure_endpoint),
    )
    return Kit(
        places=wiring.places(chosen),
        variables=[(name, value) for name, value in endpoints if value],
        repository=repository,
        format=FORMAT_VERSION,
        key_id=key_id,
        entry=entry,
        key=lines,
        made=SystemClock().now(),
    )


@command.command("from-kit")
@click.argument("typed", metavar="TYPED", type=click.File("rb"))
@click.argument("file", metavar="FILE", type=_path())
@output_options
def from_kit(out: Output, typed: IO[bytes], file: Path) -> None:
    """Make the key file FILE of a kit's key, which stands in the file TYPED; - reads what is typed here."""
    from shared import wiring

    text = typed.read(_MAX_KIT_BYTES).decode("utf-8-sig", errors="replace")
    key_id = wiring.key_file_from_kit(text, file)
    told = [
        f"Made the key file {file}, which holds the key {key_id}.",
        "Remove what was typed: it is a key too.",
    ]
    out.result({"keyFile": str(file), "keyId": key_id}, told)


def _ring(new: Settings) -> tuple[bool, Keyring]:
    """Whether a key file was made, and the keyring."""
    from shared import wiring

    made = new.key_file is not None and wiring.make_key_file(new.key_file)
    (ring,) = wiring.keyrings(new)
    return made, ring


def _named(new: Settings) -> dict[str, str]:
    variable, value = new.key
    return {"variable": variable, "value": value}


def _keep(made: bool) -> list[str]:
    return ["Its file is new: keep a copy in another safe place."] if made else []


_REWRITTEN = (
    "Nothing that is stored was written again, and the master key is the same: whoever had the old key and could read",
    "the repository may have kept it. After a theft, make a new repository.",
)
