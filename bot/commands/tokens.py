"""`agents token`, `agents tokens` and `agents revoke`: keys by which programs act as an agent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import Connection

from bot.commands.common import HERE, Folder, Json, print_rows, talk
from bot.commands.people import in_database


def token(
    login: Annotated[str, typer.Argument(help="Name of the agent that the program acts as.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    folder: Folder = HERE,
) -> None:
    """Make a key for the console's API and print it, once."""
    from bot.audit import COMMAND
    from bot.clock import clock_of, new_id
    from handoff.agent_keys import keep_key, new_key
    from handoff.people import find_agent

    key, key_id = new_key(), new_id()

    def job(connection: Connection, _: object) -> None:
        keep_key(connection, COMMAND, find_agent(connection, login), key_id, key, name, clock_of(folder).now())

    in_database(folder, job)
    typer.echo(key)
    talk.print(f"It is shown only now. To end it: zhanggui agents revoke {key_id}")


def tokens(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the keys of programs, without what they are."""
    from handoff.agent_keys import list_keys

    print_rows([asdict(key) for key in in_database(folder, lambda connection, _: list_keys(connection))], as_json)


def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")], folder: Folder = HERE) -> None:
    """End a key of a program at once."""
    from bot.audit import COMMAND
    from bot.clock import clock_of
    from handoff.agent_keys import revoke_key

    in_database(folder, lambda connection, _: revoke_key(connection, COMMAND, key_id, clock_of(folder).now()))
    talk.print(f"The key {key_id} opens nothing any more.")


def telegram(
    login: Annotated[str, typer.Argument(help="Name of the agent.")],
    forget: Annotated[bool, typer.Option("--forget", help="Take the agent's accounts away instead.")] = False,
    folder: Folder = HERE,
) -> None:
    """Print a code by which an agent is known in the staff's group: they write /link and the code there."""
    from bot.audit import COMMAND
    from bot.clock import SystemClock
    from handoff.group import accounts
    from handoff.people import find_agent, new_token

    code, now = new_token(), SystemClock().now()
    if forget:
        gone = in_database(folder, lambda c, _: accounts.forget(c, COMMAND, find_agent(c, login).id, now))
        talk.print(f"{login} had {gone} accounts and has none now.")
        return
    in_database(folder, lambda c, _: accounts.keep_code(c, COMMAND, find_agent(c, login).id, code, now))
    typer.echo(f"/link {code}")
    talk.print("Write this line in the staff's group, within 15 minutes. It works once.")
