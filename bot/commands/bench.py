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


class Guard(StrEnum):
    """What can be taken away, to see that a run fails without it."""

    NONE = ""
    FENCE = "fence"
    KEY = "key"


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
        [{"what": what, "measured": value, "wanted": TARGETS.get(what, "")} for what, value in measured.items()],
        as_json=False,
    )


@bench.command()
def crash(
    messages: Annotated[int, typer.Option(min=100, help="Messages that come in.")] = 100_000,
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side, on PostgreSQL.")] = 3,
    kill_every: Annotated[float, typer.Option(min=0.1, help="Seconds between two kills.")] = 5,
    url: Annotated[str, typer.Option(help="A PostgreSQL server to make a database on; empty: SQLite.")] = "",
    steps: Annotated[bool, typer.Option(help="Kill at every step of a message's way instead.")] = False,
    without: Annotated[Guard, typer.Option(help="A guard to take away; the run must then fail.")] = Guard.NONE,
    as_json: Json = False,
) -> None:
    """Kill and stop workers while messages come in: is anything lost or done twice? Exit 1 if so."""
    import asyncio
    from random import Random

    from bot.bench.crash import Plan, outcome_row
    from bot.bench.crash import crash as run
    from bot.bench.crash import crash_at_steps as run_steps
    from bot.bench.stand import fresh_database

    with tempfile.TemporaryDirectory() as folder, fresh_database(url, Path(folder)) as database:
        plan = Plan(database, messages, workers if url and not steps else 1, kill_every, without=without.value)
        outcome = asyncio.run((run_steps if steps else run)(plan, Path(folder), Random(), talk.print))
    if as_json:
        typer.echo(json.dumps(outcome_row(outcome)))
    else:
        print_rows([{"what": what, "measured": value} for what, value in outcome_row(outcome).items()], as_json=False)
    for found in outcome.verdict.faults.values():
        for example in found.examples:
            talk.print(example)
    if not outcome.verdict.passed:
        raise typer.Exit(1)


def _verdict(value: float, target: float | None) -> str:
    if target is None:
        return ""
    return "ok" if value <= target else "too much"
