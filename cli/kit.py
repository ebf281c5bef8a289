"""The recovery kit as a page: what it takes to restore when nothing is left but the repository and this paper."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from textwrap import wrap


@dataclass(frozen=True, repr=False)
class Kit:
    """What stands on the page. `key` are the lines that hold the key itself; `entry` names it in the repository."""

    places: Sequence[str]
    variables: Sequence[tuple[str, str]]
    repository: str
    format: int
    key_id: str
    entry: str
    key: Sequence[str]
    made: datetime


def page(kit: Kit) -> str:
    """As plain text; only long names make a line longer than 80 columns."""
    told = ["FIREKEEP RECOVERY KIT", "", *_facts(kit), "", *wrap(_WARNING, _WIDTH), "", "The key:", ""]
    told += [f"    {line}" for line in kit.key]
    for number, (step, commands) in enumerate(_steps(kit), 1):
        told += ["", *wrap(f"{number}. {step}", _WIDTH, subsequent_indent="   ")]
        told += [f"     {command}" for command in commands]
    return "\n".join(told) + "\n"


def html(kit: Kit) -> str:
    """The same for a browser, to be printed; it loads nothing."""
    steps = "".join(
        f"<li>{escape(step)}{_pre(commands) if commands else ''}</li>" for step, commands in _steps(kit)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>firekeep recovery kit</title>'
        "<style>body{font:11pt/1.4 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}"
        "pre{font:10pt/1.5 monospace;white-space:pre-wrap}.key{font-size:14pt;border:1pt solid;padding:1em}"
        "</style></head><body><h1>firekeep recovery kit</h1>"
        f"{_pre(_facts(kit))}<p><strong>{escape(_WARNING)}</strong></p>"
        f'<pre class="key">{escape(chr(10).join(kit.key))}</pre><ol>{steps}</ol></body></html>\n'
    )


_WIDTH = 80
_WARNING = "Keep this page like the data itself: whoever has it and can read the repository can read everything in it."

_INSTALL = """On a machine that you trust, install firekeep (Python 3.11 or newer) and give it credentials that may read
the repository. A folder needs none."""
_TYPE = """Type the key, with or without the marks and numbers, into a file kit.txt, and make a key file of it. A
typing error is found, and its group named."""
_RESTORE = """Restore the newest backup, or the one whose id you write instead of `latest`, into a project that may be
new and empty."""
_WITHOUT = """Without firekeep: copy the repository into a folder. docs/extract.py of its source is one file that needs
only Python with cryptography, zstandard and blake3, and gets documents and files out."""
_AFTERWARDS = """Afterwards remove kit.txt and recovered.key. When this page may have been seen, take its key out of the
repository with another key that opens it."""


def _pre(lines: Sequence[str]) -> str:
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _facts(kit: Kit) -> list[str]:
    rows = [
        *(("repository", place) for place in kit.places),
        *kit.variables,
        ("its id", kit.repository),
        ("format", f"version {kit.format}, described in docs/format.md"),
        ("key id", kit.key_id),
        ("this kit is", f"key {kit.entry[:12]} of `firekeep key list`"),
        ("made", f"{kit.made:%Y-%m-%d}"),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _steps(kit: Kit) -> list[tuple[str, list[str]]]:
    """What to do, and the commands that do it."""
    place = shlex.quote(" ".join(kit.places))
    opened = f"--repository {place} --key-file recovered.key"
    variables = [f"export {name}={shlex.quote(value)}" for name, value in kit.variables]
    return [
        (_INSTALL, variables),
        (_TYPE, ["firekeep key from-kit kit.txt recovered.key"]),
        ("See what there is. No project is needed.", [f"firekeep recover {opened}"]),
        (_RESTORE, [f"firekeep recover latest --project NEW-PROJECT {opened}"]),
        (_WITHOUT, ["python extract.py FOLDER --kit kit.txt list"]),
        (_AFTERWARDS, [f"firekeep key remove {kit.entry[:12]} --repository {place}"]),
    ]
