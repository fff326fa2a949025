"""`agents` and `db`: looking after a running shop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection

from bot.commands.common import HERE, Folder, Json, open_shop, print_rows, talk
from bot.settings import Settings

T = TypeVar("T")
Login = Annotated[str, typer.Argument(help="Name of the agent.")]
agents = typer.Typer(help="The people who answer in the console.", no_args_is_help=True)
db = typer.Typer(help="The database.", no_args_is_help=True)


def in_database(folder: Path, job: Callable[[Connection, Settings], T], *, reads: bool = False) -> T:
    """Run `job` in one transaction on the shop's database, brought up to date first.

    Args:
        reads: it only reads, and may take long: nobody who writes waits for it.
    """
    from bot.store.database import Database
    from bot.store.upgrade import database_url, upgrade

    settings = open_shop(folder)
    url = database_url(settings.store.url, folder)
    upgrade(url)
    database = Database(url)
    try:
        run = database.read if reads else database.write
        return asyncio.run(run(lambda connection: job(connection, settings)))
    finally:
        database.close()


@agents.command("add")
def add(
    login: Annotated[str, typer.Argument(help="Name to log in with.")],
    name: Annotated[str, typer.Option(help="Name that customers see.")] = "",
    role: Annotated[str, typer.Option(help="agent, lead, editor or admin.")] = "agent",
    email: Annotated[str, typer.Option(help="Address by which the single sign-on knows them.")] = "",
    folder: Folder = HERE,
) -> None:
    """Add an agent and print a one-time login link."""
    from bot.audit import COMMAND
    from bot.channels import public_url
    from bot.clock import clock_of, new_id
    from handoff import staffing
    from handoff.people import new_token

    token = new_token()

    def job(connection: Connection, settings: Settings) -> str:
        now = clock_of(folder).now()
        agent = staffing.add(connection, COMMAND, new_id(), login, name, role, email, now)
        staffing.make_link(connection, COMMAND, agent.id, token, now)
        return public_url(settings)

    typer.echo(f"{in_database(folder, job)}/console/login?token={token}")
    talk.print("The link works once, within 15 minutes.")


@agents.command("link")
def link(login: Login, folder: Folder = HERE) -> None:
    """Print a new one-time login link."""
    from bot.audit import COMMAND
    from bot.channels import public_url
    from bot.clock import clock_of
    from handoff import staffing
    from handoff.people import find_agent, new_token

    token = new_token()

    def job(connection: Connection, settings: Settings) -> str:
        agent = find_agent(connection, login)
        staffing.make_link(connection, COMMAND, agent.id, token, clock_of(folder).now())
        return public_url(settings)

    typer.echo(f"{in_database(folder, job)}/console/login?token={token}")


@agents.command("role")
def role(
    login: Login, new: Annotated[str, typer.Argument(help="agent, lead, editor or admin.")], folder: Folder = HERE
) -> None:
    """Give an agent another role."""
    _change(folder, login, lambda staffing, c, who, agent_id, now: staffing.change_role(c, who, agent_id, new, now))
    talk.print(f"{login} is now: {new}.")


@agents.command("reset")
def reset(login: Login, folder: Folder = HERE) -> None:
    """Forget the second factor of an agent who lost phone and recovery codes, and end their sessions."""
    _change(folder, login, lambda staffing, c, who, agent_id, now: staffing.reset_second_factor(c, who, agent_id, now))
    talk.print(f"{login} logs in without a code of the phone now.")


def _change(folder: Folder, login: str, change: Callable[..., None]) -> None:
    from bot.audit import COMMAND
    from bot.clock import clock_of
    from handoff import staffing
    from handoff.people import find_agent

    in_database(folder, lambda c, _: change(staffing, c, COMMAND, find_agent(c, login).id, clock_of(folder).now()))


@agents.command("password")
def password(login: Login, folder: Folder = HERE) -> None:
    """Set a password, asked for or read from one line of stdin, and end the agent's sessions."""
    from bot.audit import COMMAND, What, record
    from bot.clock import clock_of
    from handoff.people import find_agent, hash_password, set_password

    known = in_database(folder, lambda connection, _: find_agent(connection, login))
    hashed = hash_password(_typed_password(), (known.login, known.name))

    def job(connection: Connection, _: Settings) -> None:
        agent = find_agent(connection, login)
        set_password(connection, agent.id, hashed)
        record(connection, COMMAND, What.PASSWORD, f"agent:{agent.id}", clock_of(folder).now())

    in_database(folder, job)
    talk.print(f"{login} has a new password.")


def _typed_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


@agents.command("list")
def list_agents(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the agents."""
    from handoff.people import list_agents as read

    found = in_database(folder, lambda connection, _: read(connection))
    rows = [asdict(agent) for agent in found]
    print_rows([{name: fact for name, fact in row.items() if name != "see"} for row in rows], as_json)


@agents.command("disable")
def disable(login: Login, folder: Folder = HERE) -> None:
    """Shut an agent out; conversations go back to the queue."""
    _change(folder, login, lambda staffing, c, who, agent_id, now: staffing.disable(c, who, agent_id, now))
    talk.print(f"{login} is disabled.")


@agents.command("enable")
def enable(login: Login, folder: Folder = HERE) -> None:
    """Let an agent in again who was shut out."""
    _change(folder, login, lambda staffing, c, who, agent_id, now: staffing.enable(c, who, agent_id, now))
    talk.print(f"{login} may log in again.")


@db.command("upgrade")
def upgrade_database(folder: Folder = HERE) -> None:
    """Bring the database to this version's schema."""
    in_database(folder, lambda _connection, _settings: None)
    talk.print("The database is up to date.")
