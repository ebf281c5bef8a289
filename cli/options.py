"""Options that several commands share, and what becomes of them: an `Output` and the `Settings` to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Output
from shared.contents import CONTENTS, ENTRIES
from shared.errors import BadInput

if TYPE_CHECKING:
    from shared.settings import Settings

Command = Callable[..., Any]


def output_options(command: Command) -> Command:
    """--json and --debug; the command is given `out`."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
    @debug_option
    @wraps(command)
    def wrapped(as_json: bool, **rest: Any) -> Any:
        return command(out=Output(as_json), **rest)

    return wrapped


def debug_option(command: Command) -> Command:
    """--debug, which the app looks at itself."""
    option = click.option(
        "--debug", is_flag=True, expose_value=False, help="Show the Python trace of an error."
    )
    return option(command)


def repository_options(command: Command) -> Command:
    """Where the repository is and how it opens; the command is given `chosen`."""

    @click.option("--repository", metavar="PLACE", help="The repository. [FIREKEEP_REPOSITORY]")
    @click.option(
        "--key-file", metavar="FILE", type=_path(), help="The file with its key. [FIREKEEP_KEY_FILE]"
    )
    @click.option(
        "--passphrase-file",
        metavar="FILE",
        type=_path(),
        help="The file with its passphrase instead. [FIREKEEP_PASSPHRASE_FILE]",
    )
    @click.option(
        "--kms-key", metavar="NAME", help="The key of Cloud KMS that opens it instead. [FIREKEEP_KMS_KEY]"
    )
    @click.option(
        "--secret", metavar="NAME", help="The secret of Secret Manager that opens it. [FIREKEEP_SECRET]"
    )
    @wraps(command)
    def wrapped(
        repository: str | None,
        key_file: Path | None,
        passphrase_file: Path | None,
        kms_key: str | None,
        secret: str | None,
        **rest: Any,
    ) -> Any:
        chosen = _settings(rest)
        keys = {
            "--key-file": key_file,
            "--passphrase-file": passphrase_file,
            "--kms-key": kms_key,
            "--secret": secret,
        }
        if one_of(keys):
            chosen = replace(
                chosen,
                key_file=key_file,
                passphrase_file=passphrase_file,
                kms_key=kms_key or "",
                secret=secret or "",
            )
        if repository:
            chosen = replace(chosen, repository=repository)
        return command(chosen=chosen, **rest)

    return wrapped


def one_of(options: Mapping[str, object]) -> str:
    """The option that was given, empty when none was; BadInput for more than one."""
    given = [name for name, value in options.items() if value]
    if len(given) > 1:
        raise BadInput(f"{' and '.join(given)} exclude one another", hint="keep one of them")
    return given[0] if given else ""


def project_options(command: Command) -> Command:
    """Whose database it is about; the command is given `chosen`."""

    @click.option("--project", metavar="ID", help="Whose database it is. [FIREKEEP_PROJECT]")
    @click.option("--database", metavar="ID", help="Which of its databases. [FIREKEEP_DATABASE]")
    @wraps(command)
    def wrapped(project: str | None, database: str | None, **rest: Any) -> Any:
        chosen = _settings(rest)
        if project:
            chosen = replace(chosen, project=checked_project(project))
        if database:
            state = chosen.state_database
            own = state if state != chosen.database else checked_database(database)
            chosen = replace(chosen, database=checked_database(database), state_database=own)
        return command(chosen=chosen, **rest)

    return wrapped


def functions_option(command: Command) -> Command:
    """--via-functions; the command is given `via_functions`."""
    return click.option(
        "--via-functions",
        is_flag=True,
        help="Ask the deployed functions to do it, and watch; by default this process does it.",
    )(command)


def prefix_option(what: str) -> Callable[[Command], Command]:
    """--prefix, any number of times; the command is given `prefix`, a tuple of checked paths."""
    return click.option(
        "--prefix",
        multiple=True,
        metavar="PATH",
        callback=_checked_paths,
        help=f"{what} only what is at or below this document or collection. May be repeated.",
    )


def selection_options(what: str) -> Callable[[Command], Command]:
    """--prefix, --only and --except; the command is given `selection`, a document of the model, or None for all."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def selecting(
            *args: Any,
            prefix: tuple[str, ...],
            only: tuple[str, ...],
            without: tuple[str, ...],
            **kwargs: Any,
        ) -> Any:
            return command(*args, selection=_selection(prefix, only, without), **kwargs)

        wrapped: Command = prefix_option(what)(selecting)
        for name, variable, text in (
            ("--except", "without", "Leave out what this names"),
            ("--only", "only", f"{what} only this content, or what this names of it"),
        ):
            wrapped = click.option(
                name,
                variable,
                multiple=True,
                metavar="CONTENT[=NAME]" if variable == "only" else "CONTENT=NAME",
                help=f"{text}: entries=users/*/drafts, media=BUCKET/photos, users=UID, settings. May be repeated.",
            )(wrapped)
        return wrapped

    return decorate


def _selection(
    prefix: tuple[str, ...], only: tuple[str, ...], without: tuple[str, ...]
) -> dict[str, dict[str, list[str]]] | None:
    chosen: dict[str, dict[str, list[str]]] = {}
    for text in (*(f"{ENTRIES}={path}" for path in prefix), *only):
        content, _, name = _named(text, "--only")
        include = chosen.setdefault(content, {"include": [], "exclude": []})["include"]
        include += [name] if name else []
    for text in without:
        content, equals, name = _named(text, "--except")
        if not equals:
            raise BadInput(f"--except {text} leaves out all of it", hint="name what to keep with --only")
        if content not in chosen and chosen:
            raise BadInput(
                f"--except {text} leaves out of what is not asked for", hint=f"add --only {content}"
            )
        chosen.setdefault(content, {"include": [], "exclude": []})["exclude"].append(name)
    return chosen or None


def _named(text: str, option: str) -> tuple[str, str, str]:
    content, equals, name = text.partition("=")
    if content not in CONTENTS or (equals and not name):
        raise BadInput(
            f"{option} {text[:80]!r} names no content",
            hint=f"write one of {', '.join(CONTENTS)}, or CONTENT=NAME",
        )
    return content, equals, name


def document_option(command: Command) -> Command:
    """--document, any number of times; the command is given `document`, a tuple of checked paths."""
    return click.option(
        "--document",
        multiple=True,
        metavar="PATH",
        callback=_checked_paths,
        help="Restore only this document, without what is below it. May be repeated.",
    )(command)


def instant(text: str, option: str) -> datetime:
    """The moment a user wrote; without an offset it is meant in the user's own zone."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise BadInput(
            f"{option} {text!r} is not a date and time",
            hint="write it like 2025-03-19T03:30 or with an offset +01:00",
        ) from None


def checked_project(text: str) -> str:
    """The project's id, or BadInput."""
    return _checked_by("FIREKEEP_PROJECT", text, "--project").project


def checked_database(text: str) -> str:
    """The database's id, or BadInput."""
    return _checked_by("FIREKEEP_DATABASE", text, "--database").database


def _checked_by(variable: str, text: str, option: str) -> Settings:
    from shared.settings import Settings

    try:
        return Settings.from_env({variable: text})
    except BadInput as error:
        raise BadInput(f"{option} {text!r} is not valid", hint=error.hint) from None


def _settings(rest: dict[str, Any]) -> Settings:
    """What another decorator has chosen already, else what the environment says."""
    chosen: Settings | None = rest.pop("chosen", None)
    if chosen is not None:
        return chosen
    from shared.settings import load

    return load()


def _checked_paths(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        return ()
    from shared.format.key import checked_path

    paths = tuple(checked_path(value.strip("/")) for value in values)
    for path in paths:
        if option.name == "document" and path.count("/") % 2 == 0:
            raise BadInput(f"{path} is a collection, not a document", hint="use --prefix for a collection")
    return paths


def _path() -> click.Path:
    return click.Path(path_type=Path)
