"""`bench`: what the shop takes and how fast it is, measured on this machine."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import Json, print_rows, talk

if TYPE_CHECKING:
    from bot.bench.queue_events import Outcome


class Guard(StrEnum):
    """What can be taken away, to see that a run fails without it."""

    NONE = ""
    FENCE = "fence"
    KEY = "key"


class StockGuard(StrEnum):
    """The same of a flash sale."""

    NONE = ""
    STOCK = "stock"


class SendGuard(StrEnum):
    """The same of a broadcast."""

    NONE = ""
    UNSURE = "unsure"


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
    sent: Annotated[int, typer.Option(min=100, help="Messages to send of it.")] = 1800,
    per_second: Annotated[
        int, typer.Option(min=1, help="Messages a second that the stand-in takes; Telegram takes 30.")
    ] = 30,
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side, on PostgreSQL.")] = 2,
    kills: Annotated[int, typer.Option(min=0, help="How often whoever sends is killed in the middle.")] = 2,
    without: Annotated[SendGuard, typer.Option(help="A guard to take away; the run must then fail.")] = SendGuard.NONE,
    as_json: Json = False,
) -> None:
    """Write a campaign for very many people and send some of it while senders are killed. Exit 1 if one came twice."""
    import asyncio
    import logging

    import structlog

    from bot.bench.broadcast import TARGETS, measure
    from bot.bench.broadcast_run import Plan
    from bot.bench.stand import fresh_database

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder, fresh_database(url, Path(folder)) as database:
        plan = Plan(database, sent, per_second, workers if url else 1, kills, without=without.value)
        measured, holds = asyncio.run(measure(plan, Path(folder), recipients))
    if as_json:
        typer.echo(json.dumps(measured))
    else:
        print_rows(
            [{"what": what, "measured": value, "wanted": TARGETS.get(what, "")} for what, value in measured.items()],
            as_json=False,
        )
    if not holds:
        raise typer.Exit(1)


@bench.command()
def publish(
    entries: Annotated[
        int, typer.Option(min=1, max=2000, help="Answers more than the starter set, in two languages.")
    ] = 2000,
    questions: Annotated[int, typer.Option(min=1, max=1000, help="Questions of customers to ask again.")] = 1000,
    as_json: Json = False,
) -> None:
    """Edit an answer and a phrasing of a large shop: how soon each is live, stage by stage, and what a chat notices."""
    from bot.bench.publishing import TARGETS, measure
    from bot.logs import configure_logs

    configure_logs()
    talk.print("The first learning takes minutes …")
    with tempfile.TemporaryDirectory() as folder:
        first_s, edits = measure(Path(folder) / "shop", entries, questions)
    if as_json:
        typer.echo(json.dumps({"first_learn_s": first_s, "edits": [asdict(edit) for edit in edits]}))
        return
    by_kind = {edit.edit: asdict(edit) for edit in edits}
    names = [name for name in asdict(edits[0]) if name != "edit"]
    rows = [{"what": name, **{kind: found[name] for kind, found in by_kind.items()}} for name in names]
    print_rows([{**row, "at most": TARGETS.get(str(row["what"]), "")} for row in rows], as_json=False)
    talk.print(f"Everything was learnt for the first time in {first_s} s")


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


@bench.command("console")
def console(
    agents: Annotated[int, typer.Option(min=1, help="Agents, each with the console open.")] = 200,
    conversations: Annotated[int, typer.Option(min=1, help="Open conversations, shared evenly among them.")] = 5000,
    per_second: Annotated[float, typer.Option(min=0.1, help="Messages of customers a second.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, help="How long customers write, in seconds.")] = 30,
    url: Annotated[str, typer.Option(help="A PostgreSQL server to make a database on; empty: SQLite.")] = "",
    as_json: Json = False,
) -> None:
    """How soon the agents' pages show what customers write: many pages of a real console, and a real server."""
    from bot.bench.console import TARGETS, Size, measure
    from bot.bench.stand import fresh_database

    with tempfile.TemporaryDirectory() as folder, fresh_database(url, Path(folder)) as database:
        size = Size(agents, conversations, per_second, seconds)
        measured = asdict(measure(Path(folder) / "shop", size, database if url else ""))
    if as_json:
        typer.echo(json.dumps(measured))
        return
    print_rows(
        [{"what": what, "measured": value, "at most": TARGETS.get(what, "")} for what, value in measured.items()],
        as_json=False,
    )


@bench.command()
def queue(
    days: Annotated[int, typer.Option(min=1, max=60, help="Simulated days, after one from which the shop learns.")] = 7,
    agents: Annotated[int, typer.Option(min=1, max=200, help="People of the simulated shop.")] = 12,
    events: Annotated[int, typer.Option(min=0, help="Let so many random things happen to a real queue instead.")] = 0,
    url: Annotated[str, typer.Option(help="A PostgreSQL server to make a database on; empty: SQLite.")] = "",
    seed: Annotated[int, typer.Option(help="Which days, or which things.")] = 1,
    as_json: Json = False,
) -> None:
    """How true the waits are that customers are told; or, with --events, whether the queue holds. Exit 1 if not."""
    if events:
        measured = asdict(_events(events, url, seed))
        holds = not measured["broken"]
    else:
        from bot.bench.queue_day import Crew, is_good, simulated

        verdict = simulated(Crew(agents), days, seed)
        measured, holds = asdict(verdict), is_good(verdict)
    if as_json:
        typer.echo(json.dumps(measured))
    else:
        print_rows([{"what": what, "measured": value} for what, value in measured.items()], as_json=False)
    if not holds:
        raise typer.Exit(1)


def _events(events: int, url: str, seed: int) -> Outcome:
    import asyncio
    import logging

    import structlog

    from bot.bench.queue_events import run
    from bot.bench.stand import fresh_database

    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)  # processes die here on purpose
    structlog.configure(wrapper_class=quiet)
    with tempfile.TemporaryDirectory() as folder, fresh_database(url, Path(folder)) as database:
        return asyncio.run(run(database, events, seed))


def _verdict(value: float, target: float | None) -> str:
    if target is None:
        return ""
    return "ok" if value <= target else "too much"


@bench.command("carts")
def carts(
    count: Annotated[int, typer.Option(min=1, help="Carts that are left.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Of the times at which carts are left and paid.")] = 1,
    url: Annotated[str, typer.Option(help="A PostgreSQL server to make a database on; empty: SQLite.")] = "",
    as_json: Json = False,
) -> None:
    """Follow up many carts that are paid at any moment: does a rule break? Exit 1 if so."""
    import asyncio

    from bot.bench.carts import simulate
    from bot.bench.stand import fresh_database
    from bot.brain import read_mind
    from bot.demo.shop import demo_settings
    from bot.starter import starter_folder

    voice = read_mind(starter_folder(), demo_settings()).voice
    with tempfile.TemporaryDirectory() as folder, fresh_database(url, Path(folder)) as database:
        verdict = asyncio.run(simulate(database, count, seed, voice))
    if as_json:
        typer.echo(json.dumps(asdict(verdict)))
    else:
        print_rows([{"what": what, "measured": value} for what, value in asdict(verdict).items()], as_json=False)
    if not verdict.holds:
        raise typer.Exit(1)


@bench.command("flash")
def flash(
    people: Annotated[int, typer.Option(min=10, help="Accounts that claim at once.")] = 50_000,
    pieces: Annotated[int, typer.Option(min=1, help="Pieces there are.")] = 1000,
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side, on PostgreSQL.")] = 3,
    per_second: Annotated[
        float,
        typer.Option(min=0, help="Claims that come a second, whatever is decided; 0: as many as are decided."),
    ] = 0,
    kill_every: Annotated[float, typer.Option(min=0, help="Seconds between two kills; 0: none.")] = 3,
    url: Annotated[str, typer.Option(help="A PostgreSQL server to make a database on; empty: SQLite.")] = "",
    without: Annotated[
        StockGuard, typer.Option(help="A guard to take away; the run must then fail.")
    ] = StockGuard.NONE,
    as_json: Json = False,
) -> None:
    """Rush a flash sale while workers are killed: is it oversold, is a limit or the line broken? Exit 1 if so."""
    import asyncio
    from random import Random

    from bot.bench.flash import AT_ONCE_OPEN, TARGETS, Plan, rush
    from bot.bench.stand import fresh_database

    with tempfile.TemporaryDirectory() as folder, fresh_database(url, Path(folder)) as database:
        plan = Plan(database, people, pieces, workers if url else 1, kill_every, without=without.value)
        if per_second:
            plan = replace(plan, per_s=per_second, at_once=AT_ONCE_OPEN)
        verdict = asyncio.run(rush(plan, Path(folder), Random()))
    if as_json:
        typer.echo(json.dumps(asdict(verdict)))
    else:
        measured = asdict(verdict).items()
        rows = [{"what": what, "measured": value, "at most": TARGETS.get(what, "")} for what, value in measured]
        print_rows(rows, as_json=False)
    if not verdict.holds:
        raise typer.Exit(1)
