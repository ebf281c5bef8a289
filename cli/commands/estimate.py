"""`firekeep estimate`: what a backup would take, before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import output_options, project_options, repository_options
from cli.output import Output, count, duration, size
from cli.preflight import reach_firestore
from cli.presets import asked_options
from shared.contents import ENTRIES, MEDIA, SETTINGS, USERS
from shared.errors import BadInput, NotFound

if TYPE_CHECKING:
    from shared.jobs.costs import Estimate, Found
    from shared.models.prices import Prices
    from shared.settings import Settings

_QUICK_S = 10.0
_NOUNS = {ENTRIES: "documents", MEDIA: "files", SETTINGS: "settings", USERS: "accounts"}


@click.command("estimate")
@asked_options("Look at")
@click.option(
    "--quick",
    is_flag=True,
    help=f"List files and accounts for {_QUICK_S:.0f} seconds at most, and tell what was seen.",
)
@click.option(
    "--prices",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A JSON file with prices in US dollars, in place of the list prices.",
)
@repository_options
@project_options
@output_options
def command(
    *, out: Output, chosen: Settings, asked: dict[str, Any], quick: bool, prices: Path | None
) -> None:
    """Tell what a backup would hold, store, take and cost.

    Documents are counted, which is billed as one read for a thousand; files and accounts are listed. Sizes and times
    are as in the last backup, else by assumptions, which are told. Prices are list prices without free quotas.

    \b
    Examples:
      firekeep estimate
      firekeep estimate --only media --quick
      firekeep estimate --set pictures
      firekeep estimate --template weekly --prices our-prices.json
    """
    from shared import wiring
    from shared.jobs.asked import want
    from shared.jobs.estimate import estimate
    from shared.models.jobs import Asked

    known = _prices(prices)
    reach_firestore(chosen)
    ports = wiring.build_ports(chosen)
    wanted = want(ports, Asked.from_document(asked))
    told = estimate(ports, wanted, known, seconds=_QUICK_S if quick else None)
    out.result(_facts(told, wanted.max_size), _lines(told, wanted.max_size))


def _prices(path: Path | None) -> Prices:
    from shared.models.prices import Prices

    if path is None:
        return Prices()
    try:
        return Prices.from_message(path.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}", hint="--prices names a JSON file") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None


def _facts(told: Estimate, limit: int | None) -> dict[str, Any]:
    return {
        "contents": {
            name: {"items": one.records, "bytes": one.bytes, "exactness": one.exactness}
            for name, one in told.contents.items()
        },
        "exactness": told.exactness,
        "bytes": told.bytes,
        "storedBytes": told.stored,
        "maxSize": limit,
        "reads": told.reads,
        "readsOfThisEstimate": told.counted,
        "seconds": round(told.seconds, 1),
        "usd": {name: round(value, 6) for name, value in told.usd.items()},
        "usdTotal": round(sum(told.usd.values()), 6),
        "usdPerMonth": round(told.usd_per_month, 6),
        "assumptions": list(told.assumptions),
    }


def _lines(told: Estimate, limit: int | None) -> list[str]:
    lines = ["A backup would take about"]
    lines += [f"  {_NOUNS[name]:<10} {_of(one)}" for name, one in told.contents.items()]
    lines += [
        f"  new data   {size(told.stored)} stored" + (f", of {size(limit)} allowed" if limit else ""),
        f"  reads      {count(told.reads)} of documents ({count(told.counted)} for this estimate)",
        f"  time       {duration(told.seconds)}",
        f"  cost       {sum(told.usd.values()):.4f} USD, and {told.usd_per_month:.4f} USD a month to keep",
    ]
    return lines + [f"  assumed    {line}" for line in told.assumptions]


def _of(one: Found) -> str:
    more = "" if one.exactness == "exact" else f"{one.exactness} "
    return f"{more}{count(one.records)}, {size(one.bytes or 0)}"
