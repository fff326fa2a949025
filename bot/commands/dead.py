"""`dead`: messages of customers that broke the bot."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from bot.commands.common import HERE, Folder, Json, print_rows, talk
from bot.commands.people import in_database

dead = typer.Typer(help="Messages that broke the bot.", no_args_is_help=True)


@dead.command("list")
def list_dead(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the messages that nobody has handled yet."""
    from handoff.dead import dead_letters

    found = in_database(folder, lambda connection, _: dead_letters(connection))
    print_rows([asdict(letter) for letter in found], as_json)


@dead.command("retry")
def retry_dead(key: Annotated[str, typer.Argument(help="Key of the message.")], folder: Folder = HERE) -> None:
    """Give a message to the bot again, behind what its conversation has to say, and print its new key."""
    from bot.clock import clock_of
    from handoff.dead import retry

    typer.echo(in_database(folder, lambda connection, _: retry(connection, key, clock_of(folder).now())))
    talk.print("A running shop answers it within seconds.")
