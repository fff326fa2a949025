"""`bench`: what the shop takes and how fast it is, measured on this machine."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.common import Json, print_rows, talk


class Mind(StrEnum):
    """What answers in a measurement."""

    ECHO = "echo"
    REAL = "real"


bench = typer.Typer(help="Measure this program on this machine.", no_args_is_help=True)


@bench.callback()
def begin() -> None:
    """Measure this program on this machine."""  # a callback keeps `idle` a command of its own while it is the only one


@bench.command()
def idle(
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure, in seconds.")] = 30,
    as_json: Json = False,
) -> None:
    """Serve a fresh shop that nobody writes to; print memory, processor time and how soon it answers."""
    from bot.bench.idle import TARGETS, measure

    with tempfile.TemporaryDirectory() as folder:
        measured = asdict(measure(Path(folder) / "shop", seconds))
    if as_json:
        typer.echo(json.dumps(measured))
        return
    print_rows(
        [
            {"what": what, "measured": value, "at most": TARGETS.get(what, ""), "": _verdict(value, TARGETS.get(what))}
            for what, value in measured.items()
        ],
        as_json=False,
    )


@bench.command()
def turns(
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure each number of customers.")] = 5,
    url: Annotated[str, typer.Option(help="A PostgreSQL server to make a database on; empty: SQLite.")] = "",
    mind: Annotated[Mind, typer.Option(help="echo: only the way of a message; real: with understanding.")] = Mind.ECHO,
    as_json: Json = False,
) -> None:
    """Durable turns a second and how long a message takes, beside what the bare database does in the same run."""
    from bot.bench.report import measured_turns, turn_rows

    with tempfile.TemporaryDirectory() as folder:
        measured = measured_turns(Path(folder), url, mind is Mind.REAL, seconds, say=talk.print)
    if as_json:
        typer.echo(json.dumps(asdict(measured)))
        return
    print_rows(turn_rows(measured), as_json=False)
    for line in measured.lines():
        typer.echo(line)


@bench.command()
def broadcast(
    recipients: Annotated[int, typer.Option(min=1000, help="People to write to.")] = 1_000_000,
    url: Annotated[
        str, typer.Option(help="A PostgreSQL server, postgresql+psycopg://…; left out: SQLite.", show_default=False)
    ] = "",
    paced_seconds: Annotated[float, typer.Option(min=2, help="How long to send, in seconds.")] = 20,
    as_json: Json = False,
) -> None:
    """Write a campaign for very many people into the outbox, then send some of it to a stand-in Telegram."""
    import asyncio

    from bot.bench.broadcast import TARGETS, measure

    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(measure(url, Path(folder), recipients, paced_seconds))
    if as_json:
        typer.echo(json.dumps(measured))
        return
    print_rows(
        [
            {"what": what, "measured": value, "wanted": TARGETS.get(what, "")} for what, value in measured.items()
        ],
        as_json=False,
    )


def _verdict(value: float, target: float | None) -> str:
    if target is None:
        return ""
    return "ok" if value <= target else "too much"
