"""`firekeep`: finds the command, runs it, and turns every way it may end into an exit status.

The one place where errors become text: `error:` and `hint:` on standard error, or one JSON object with --json.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from cli.interrupt import Interrupted
from cli.output import Output
from shared.errors import BadInput, Denied, FirekeepError, Internal

COMMANDS = (
    "init",
    "dev",
    "suite",
    "backup",
    "estimate",
    "set",
    "template",
    "schedule",
    "ls",
    "show",
    "status",
    "stats",
    "verify",
    "repair",
    "rotate",
    "pin",
    "unpin",
    "restore",
    "cancel",
    "recover",
    "migrate",
    "key",
    "export",
    "import",
    "share",
    "setup",
    "doctor",
    "demo",
)


class _App(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"cli.commands.{cmd_name}").command
        return found

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run, and exit. click's own way of ending is replaced, so that there is one."""
        given = list(sys.argv[1:] if args is None else args)
        extra |= {"standalone_mode": False, "prog_name": "firekeep"}
        sys.exit(_status(lambda: click.Group.main(self, given, **extra), given))


@click.command(
    cls=_App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try it: firekeep demo",
    no_args_is_help=True,
)
@click.version_option(package_name="firekeep", prog_name="firekeep")
def app() -> None:
    """Back up a Firebase app, prove the backup, and restore what was damaged.

    \b
    A first backup:
      firekeep init --repository ~/backups
      export FIREKEEP_PROJECT=my-project FIREKEEP_REPOSITORY=~/backups FIREKEEP_KEY_FILE=~/backups.key
      firekeep backup
      firekeep verify latest --depth data

    The same settings are read from the environment by the functions; options on the command line win.
    Exit status: 0 done, 1 a bug, 2 bad input, 3 not found, 4 conflict, 5 denied, 6 unavailable, 7 no space,
    8 too old, 9 incomplete, 10 damaged, 11 unsupported, 12 doctor found something,
    13 status wants attention, 130 interrupted.
    """


def main() -> NoReturn:
    """The entry point of the `firekeep` program."""
    app.main()


def _status(run: Any, args: Sequence[str]) -> int:
    out = Output("--json" in args)
    try:
        answer = run()
    except click.ClickException as error:
        return _fail(out, _usage(error))
    except (click.Abort, KeyboardInterrupt):
        return _fail(out, Interrupted("interrupted"))
    except FirekeepError as error:
        if "--debug" in args:
            out.trace()
        return _fail(out, error)
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        sys.stdout = None
        return 1
    except Exception as error:  # noqa: BLE001  # a bug must not look like anything else
        if "--debug" in args:
            out.trace()
        return _fail(out, _foreign(error, "--debug" in args))
    return answer if isinstance(answer, int) else 0


def _fail(out: Output, error: FirekeepError) -> int:
    out.failed(error)
    return error.exit_status


def _usage(error: click.ClickException) -> FirekeepError:
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help explains it" if context else "firekeep --help explains it"
    return BadInput(error.format_message().rstrip("."), hint=hint)


def _foreign(error: Exception, traced: bool) -> FirekeepError:
    """An exception that is not ours: missing credentials, or a bug."""
    if type(error).__module__.startswith("google.auth."):
        return Denied(
            "Google Cloud does not know who is asking: there are no credentials, or they have expired",
            hint="run `gcloud auth application-default login`, or set FIRESTORE_EMULATOR_HOST for an emulator",
        )
    hint = "please report it with the trace above" if traced else "run it again with --debug to see where"
    return Internal(f"unexpected {type(error).__name__}; this is a bug in firekeep", hint=hint)
