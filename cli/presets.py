"""What the commands have in common that use, save and show backup sets and templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from cli.options import selection_options
from cli.output import Output, printable, table
from cli.preflight import reach_firestore
from shared.errors import BadInput, Conflict

if TYPE_CHECKING:
    from shared.models.jobs import Selection
    from shared.models.sets import BackupSet, BackupTemplate
    from shared.settings import Settings
    from shared.state.contract import Catalog, Preset

Command = Callable[..., Any]

_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?(B|kB|KB|MB|GB|TB)?")
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def set_option(command: Command) -> Command:
    """--set; the command is given `set_`, a name or None."""
    return click.option("--set", "set_", metavar="NAME", help="What the backup set of this name means.")(
        command
    )


def asked_options(what: str) -> Callable[[Command], Command]:
    """--prefix, --only, --except, or --set, or --template; the command is given `asked`, fields of a request."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def asking(
            *args: Any,
            selection: dict[str, Any] | None,
            set_: str | None,
            template: str | None,
            **kwargs: Any,
        ) -> Any:
            fields = {"selection": selection, "set": set_, "template": template}
            asked = {name: value for name, value in fields.items() if value}
            if len(asked) > 1:
                raise BadInput(
                    "--set, --template and options that choose exclude one another",
                    hint="keep one of them; `firekeep set save` saves another choice",
                )
            return command(*args, asked=asked, **kwargs)

        wrapped = click.option(
            "--template", metavar="NAME", help="What the backup template of this name says."
        )(asking)
        return selection_options(what)(set_option(wrapped))

    return decorate


def byte_count(_: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """The bytes that `500MB` or `2 GB` means, as an option's callback. BadInput for what is none."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{option.opts[0]} {text[:40]!r} is not a size", hint="write it like 500MB or 2GB")
    return int(float(found[1]) * _UNITS[(found[2] or "B").upper()])


def opened(chosen: Settings) -> Catalog:
    """The catalog, looked for first where an emulator should be."""
    from shared import wiring

    reach_firestore(chosen)
    return wiring.catalog(chosen)


def checked_selection(selection: dict[str, Any]) -> dict[str, Any]:
    """The same, or BadInput for a pattern that is none."""
    from shared.jobs.selecting import chosen

    for content, choice in selection.items():
        chosen(content, choice["include"], choice["exclude"])
    return selection


def found(chosen: Settings, kind: type[Preset], name: str) -> Preset:
    """The preset of this name. NotFound names what there is."""
    return opened(chosen).preset(kind, _checked_name(name))


def check_there(chosen: Settings, asked: dict[str, Any]) -> None:
    """NotFound for a set or template of a request that is not there: told at once, before functions are asked."""
    from shared.models.sets import BackupSet, BackupTemplate

    if "set" in asked:
        found(chosen, BackupSet, asked["set"])
    if "template" in asked:
        found(chosen, BackupTemplate, asked["template"])


def dropped(chosen: Settings, kind: type[Preset], name: str) -> None:
    """Delete it. NotFound names what there is."""
    opened(chosen).drop_preset(kind, _checked_name(name))


def scheduled(chosen: Settings, kind: str, name: str) -> list[str]:
    """The schedules whose backups are of this `set` or `template`."""
    from shared import wiring

    found = wiring.schedules(chosen).schedules()
    asked = [(one, getattr(schedule, "backup", None)) for one, schedule in found]
    return [f"schedule {one}" for one, backup in asked if backup and getattr(backup, kind) == name]


def check_unused(what: str, users: list[str]) -> None:
    """Conflict names the first of those that use it."""
    if users:
        raise Conflict(f"the {what} is used by the {users[0]}", hint="save that anew, or delete it first")


def tell_all(out: Output, key: str, presets: Iterable[BackupSet | BackupTemplate], none: str) -> None:
    """All presets of a kind, as a table."""
    listed = list(presets)
    rows = [(one.name, meant(one), printable(one.description)) for one in listed]
    lines = table(("NAME", "MEANS", "DESCRIPTION"), rows) if rows else [none]
    out.result({key: [one.to_document() for one in listed]}, lines)


def meant(preset: BackupSet | BackupTemplate) -> str:
    """What a preset means, in a line."""
    named = getattr(preset, "set", None)
    if named:
        return f"the backup set {named}"
    return "everything" if preset.selection is None else meaning(preset.selection)


def meaning(selection: Selection) -> str:
    """What a selection means, in a line."""
    told = []
    for name, choice in selection.chosen.items():
        but = f" but {', '.join(choice.exclude)}" if choice.exclude else ""
        told.append(f"{name}: {', '.join(choice.include) or 'all'}{but}")
    return printable("; ".join(told))


def facts_lines(facts: Mapping[str, str]) -> list[str]:
    """Names and values, a line each; those without a value are left out."""
    return [f"  {name:<12} {printable(value)}" for name, value in facts.items() if value]


def _checked_name(name: str) -> str:
    from shared.models.fields import ID_PATTERN

    if not re.match(ID_PATTERN, name):
        raise BadInput(f"{name[:80]!r} cannot be a name", hint="use letters, digits, - and _, at most 128")
    return name
