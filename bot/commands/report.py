"""`report`: what happened on a day, in figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from bot.commands.common import HERE, Folder, Json, print_rows, talk
from bot.commands.people import in_database
from bot.errors import NotAllowed


def report(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day, or the last of several; else yesterday.")
    ] = None,
    days: Annotated[int, typer.Option(help="How many days, up to that one.", min=1, max=366)] = 1,
    csv: Annotated[bool, typer.Option("--csv", help="Print a table as CSV on stdout.")] = False,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Print the report of a day in the shop's zone: in all, by agent, channel and label, and why was handed over."""
    from bot.clock import clock_of
    from handoff.happened import report_of
    from handoff.reports import GROUPS, Report, as_csv, standard_of
    from handoff.reports import as_json as data_of

    if csv and as_json:
        raise NotAllowed("Choose one of --json and --csv.")
    now = clock_of(folder).now()

    def job(connection: Any, settings: Any) -> Report:
        standard = standard_of(settings)
        last = day.date() if day else now.astimezone(standard.zone).date() - timedelta(days=1)
        return report_of(connection, last - timedelta(days=days - 1), last, standard, now)

    found = in_database(folder, job, reads=True)
    if as_json:
        typer.echo(json.dumps(data_of(found), ensure_ascii=False))
    elif csv:
        typer.echo(as_csv(found), nl=False)
    else:
        talk.print(f"{found.first} – {found.last} ({found.zone})")
        counts = asdict(found.total)
        print_rows([{"what": name, "count": value} for name, value in counts.items()], as_json=False)
        for group in GROUPS:
            rows = [{group: name or "–", **_short(asdict(one))} for name, one in getattr(found, f"by_{group}").items()]
            print_rows(rows, as_json=False)
        print_rows([{"reason": name, "handoffs": count} for name, count in found.reasons.items()], as_json=False)


def _short(counts: dict[str, Any]) -> dict[str, Any]:
    names = ("contacts", "automation", "handoffs", "handled", "first_median_s", "in_time_share", "score_mean")
    return {name: counts[name] for name in names}
