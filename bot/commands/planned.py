"""What the commands of planned campaigns share: the plan, by whom, at the shop's time, and looking before approving."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection

from bot.commands.people import in_database
from bot.settings import Settings

T = TypeVar("T")
PlanFile = Annotated[Path, typer.Argument(help="The plan: a YAML file.")]
By = Annotated[str, typer.Option(help="Login of the lead or administrator who does it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: for scripts.")]


def at_its_time(folder: Path, job: Callable[[Connection, Settings, datetime], T], *, reads: bool = False) -> T:
    """Run `job` in one transaction, with the time of the shop in `folder`.

    Args:
        reads: see `in_database`.
    """
    from bot.clock import clock_of

    return in_database(folder, lambda c, settings: job(c, settings, clock_of(folder).now()), reads=reads)


def look_first(shown: Iterable[str], *, yes: bool) -> None:
    """Show what somebody is about to approve, and ask whether they do; exit 1 if not."""
    for line in shown:
        typer.echo(line)
    if not yes:
        typer.confirm("Approve this?", abort=True, err=True)
