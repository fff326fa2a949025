"""`hooks`: who is told what happens, and what did not get there."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bot.commands.common import HERE, Folder, Json, print_rows, talk
from bot.commands.people import in_database

hooks = typer.Typer(help="Outgoing webhooks.", no_args_is_help=True)


@hooks.command("list")
def list_hooks(
    lost: Annotated[bool, typer.Option("--lost", help="The events that were given up, instead.")] = False,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """List the subscribers, what waits for each, and which are not called any more."""
    from handoff.hooks import list_events, standings

    if lost:
        print_rows([asdict(one) for one in in_database(folder, lambda c, _: list_events(c, "dead"))], as_json)
    else:
        print_rows([asdict(one) for one in in_database(folder, lambda c, _: standings(c))], as_json)


@hooks.command("retry")
def retry_hook(
    name: Annotated[str, typer.Argument(help="Name of the section in shop.toml.")], folder: Folder = HERE
) -> None:
    """Call a subscriber again, and give it what it lost."""
    from bot.clock import clock_of
    from handoff.hooks import retry

    waiting = in_database(folder, lambda connection, _: retry(connection, name, clock_of(folder).now()))
    talk.print(f"{waiting} events wait for {name}. A running shop brings them within seconds.")
